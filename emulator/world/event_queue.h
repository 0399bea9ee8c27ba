#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "firmware/base/instant.h"

namespace cubby::emulator {

/// Something that will happen at a station. Plain data, so that a world can be saved; what `kind` and the
/// arguments mean is the station's business.
struct WorldEvent {
  Instant at{};
  std::uint32_t order = 0;  // Of two at the same time the one scheduled first comes first.
  std::uint8_t kind = 0;
  std::uint8_t door = 0;
  std::uint16_t alarm = 0;  // 1: takes the place of the alarm before it.
  std::uint64_t argument = 0;
};

/// The future of one station, soonest first.
class EventQueue {
 public:
  void schedule(Instant at, std::uint8_t kind, std::uint8_t door = 0, std::uint64_t argument = 0) {
    heap_.push_back({.at = at, .order = next_order_++, .kind = kind, .door = door, .alarm = 0, .argument = argument});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  /// The same, and forgets the alarm before it: for a deadline that is put off again and again.
  void set_alarm(Instant at, std::uint8_t kind, std::uint64_t argument) {
    alarm_ = {.at = at, .order = next_order_++, .kind = kind, .door = 0, .alarm = 1, .argument = argument};
  }
  void forget_alarm() { alarm_.at = Instant::max(); }
  Instant next_time() const { return heap_.empty() ? alarm_.at : std::min(heap_.front().at, alarm_.at); }
  /// Only if there is a next one.
  WorldEvent pop() {
    if (heap_.empty() || later(heap_.front(), alarm_)) {
      const WorldEvent event = alarm_;
      forget_alarm();
      return event;
    }
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const WorldEvent event = heap_.back();
    heap_.pop_back();
    return event;
  }
  /// In no order.
  std::vector<WorldEvent> events() const {
    std::vector<WorldEvent> events = heap_;
    if (alarm_.at != Instant::max()) {
      events.push_back(alarm_);
    }
    return events;
  }
  std::uint32_t next_order() const { return next_order_; }
  void restore(const std::vector<WorldEvent>& events, std::uint32_t next_order) {
    heap_.clear();
    forget_alarm();
    for (const WorldEvent& event : events) {
      if (event.alarm == 0) {
        heap_.push_back(event);
      } else if (alarm_.at == Instant::max() || alarm_.order < event.order) {
        alarm_ = event;
      }
    }
    next_order_ = next_order;
    std::make_heap(heap_.begin(), heap_.end(), later);
  }

 private:
  static bool later(const WorldEvent& a, const WorldEvent& b) { return a.at != b.at ? a.at > b.at : a.order > b.order; }
  std::vector<WorldEvent> heap_;
  WorldEvent alarm_{.at = Instant::max()};  // At Instant::max(): there is none.
  std::uint32_t next_order_ = 0;
};

}  // namespace cubby::emulator

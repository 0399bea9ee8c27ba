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
  std::uint16_t reserved = 0;
  std::uint64_t argument = 0;
};

/// The future of one station, soonest first.
class EventQueue {
 public:
  void schedule(Instant at, std::uint8_t kind, std::uint8_t door = 0, std::uint64_t argument = 0) {
    heap_.push_back(
        {.at = at, .order = next_order_++, .kind = kind, .door = door, .reserved = 0, .argument = argument});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  Instant next_time() const { return heap_.empty() ? Instant::max() : heap_.front().at; }
  WorldEvent pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const WorldEvent event = heap_.back();
    heap_.pop_back();
    return event;
  }
  const std::vector<WorldEvent>& events() const { return heap_; }
  std::uint32_t next_order() const { return next_order_; }
  void restore(std::vector<WorldEvent> events, std::uint32_t next_order) {
    heap_ = std::move(events);
    next_order_ = next_order;
    std::make_heap(heap_.begin(), heap_.end(), later);
  }

 private:
  static bool later(const WorldEvent& a, const WorldEvent& b) { return a.at != b.at ? a.at > b.at : a.order > b.order; }
  std::vector<WorldEvent> heap_;
  std::uint32_t next_order_ = 0;
};

}  // namespace cubby::emulator

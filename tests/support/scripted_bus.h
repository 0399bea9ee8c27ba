#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/hal/serial_bus.h"

namespace cubby::tests {

/// A segment on which exactly those bytes arrive that a test puts there, each at its own time, whatever was sent.
class ScriptedBus final : public hal::SerialBus {
 public:
  explicit ScriptedBus(std::int64_t byte_us = 1042) : byte_us_(byte_us) {}

  /// `bytes` follow each other from `begin` on; the first is there one byte's time later. Times never go back.
  void arrive(Bytes bytes, Instant begin) {
    for (const std::byte value : bytes) {
      begin = begin + Duration{byte_us_};
      arriving_.emplace_back(begin, value);
    }
  }
  /// From now on every frame is refused so; kOk: none.
  void refuse(Status status) { refusal_ = status; }
  /// Nothing more of what was to come does.
  void silence() { arriving_.clear(); }

  struct Sent {
    Instant at{};
    std::vector<std::byte> bytes;
  };
  const std::vector<Sent>& sent() const { return sent_; }
  /// When the last byte of the newest frame has left.
  Instant sent_until() const { return busy_until_; }

 private:
  Status do_send(Bytes frame, Instant now, bool) override {
    if (refusal_ != Status::kOk) {
      return refusal_;
    }
    if (now < busy_until_) {
      return Status::kBusy;
    }
    sent_.push_back({now, {frame.begin(), frame.end()}});
    busy_until_ = now + Duration{byte_us_ * static_cast<std::int64_t>(frame.size())};
    return Status::kOk;
  }
  std::size_t do_receive(MutableBytes into, Instant now) override {
    std::size_t size = 0;
    while (size < into.size() && !arriving_.empty() && arriving_.front().first <= now) {
      into[size++] = arriving_.front().second;
      arriving_.pop_front();
    }
    return size;
  }
  // Of the next byte, so that whoever goes by it looks at each byte alone.
  Instant do_next_arrival() const override { return arriving_.empty() ? Instant::max() : arriving_.front().first; }
  std::int64_t do_byte_time_us() const override { return byte_us_; }

  std::int64_t byte_us_;
  std::deque<std::pair<Instant, std::byte>> arriving_;
  std::vector<Sent> sent_;
  Instant busy_until_{};
  Status refusal_ = Status::kOk;
};

}  // namespace cubby::tests

#pragma once

#include <cstdint>
#include <deque>

#include "emulator/hardware/boards/serial_line.h"
#include "firmware/hal/serial_bus.h"

namespace cubby::emulator {

/// A controller's port on a SerialLine. The line must outlive it; its Instants are the world's, the controller's count
/// from its boot. Whoever owns both runs the line up to each moment at which somebody looks at it or at its doors.
class LineBus final : public hal::SerialBus {
 public:
  explicit LineBus(SerialLine& line) : line_(&line) {}

  /// The controller that speaks from now on booted at `boot`. Drops what is under way.
  void attach(Instant boot);
  /// The adapter is gone: every frame is refused, and nothing is heard.
  void set_gone(bool gone) { gone_ = gone; }
  std::uint64_t frames() const { return frames_; }
  std::uint64_t idle_frames() const { return idle_frames_; }

 private:
  Status do_send(Bytes frame, Instant now, bool idle) override;
  std::size_t do_receive(MutableBytes into, Instant now) override;
  Instant do_next_arrival() const override;
  std::int64_t do_byte_time_us() const override { return line_->host_byte_time().us; }
  Instant world(Instant now) const { return {boot_.us + now.us}; }

  SerialLine* line_;
  Instant boot_{};
  std::deque<std::byte> heard_;  // Not taken yet.
  bool gone_ = false;
  std::uint64_t frames_ = 0;
  std::uint64_t idle_frames_ = 0;
};

}  // namespace cubby::emulator

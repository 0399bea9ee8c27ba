#pragma once

#include <deque>
#include <vector>

#include "emulator/hardware/boards/cabinet.h"
#include "firmware/hal/serial_bus.h"

namespace cubby::tests {

/// The controller's port on the segment of emulated boards. Both have one clock.
class CabinetBus final : public hal::SerialBus {
 public:
  /// `cabinet` has its boards, and outlives the bus.
  explicit CabinetBus(emulator::Cabinet& cabinet) : cabinet_(&cabinet) {}

  /// When a byte may come next, or a door move.
  Instant next_event() const { return cabinet_->next_call(); }
  /// Frames that were taken, oldest first.
  const std::vector<std::vector<std::byte>>& frames() const { return frames_; }

 private:
  Status do_send(Bytes frame, Instant now, bool idle) override;
  std::size_t do_receive(MutableBytes into, Instant now) override;
  Instant do_next_arrival() const override { return heard_.empty() ? cabinet_->line().host_last_arrival() : heard_at_; }
  std::int64_t do_byte_time_us() const override { return emulator::byte_time(cabinet_->board(0).baud()).us; }
  void hear(Instant now);

  emulator::Cabinet* cabinet_;
  std::deque<std::byte> heard_;  // Not taken yet.
  Instant heard_at_{};
  std::vector<std::vector<std::byte>> frames_;
};

}  // namespace cubby::tests

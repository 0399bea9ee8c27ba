#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "emulator/hardware/board_segment.h"
#include "emulator/hardware/boards/line_bus.h"

namespace cubby::emulator {

/// Boards of any families on a SerialLine, byte by byte and with its faults, behind the doors of a station: the long
/// way, which costs some ten times as much as ModbusSegment.
class LineSegment final : public BoardSegment, private LockWiring {
 public:
  LineSegment(TraceHash& hash, BoardWiring& wiring, const SerialLineOptions& options);
  /// Item sensors of a P2 board are the inputs behind its locks.
  void add_board(const BoardProfile& profile);

  void attach(Instant boot) override;
  void power_cycle(Instant now) override;
  void advance(Instant now) override;
  bool has_arrived(Instant now) const override { return line_.host_last_arrival() <= now; }
  bool holds(Instant) const override { return true; }  // The line cannot be looked at without taking from it.
  void silence(std::uint8_t board, Instant now, Instant until) override;
  /// The controller knows all that the board's inputs say: polls have nothing new to read there. On a line with faults
  /// no poll is like the other, so it never does.
  template <typename Knows>
  void forget_news(Instant now, const Knows& knows) {
    if (noisy_ || now < settles_) {
      return;
    }
    for (std::uint32_t left = news_; left != 0; left &= left - 1) {
      const auto board = static_cast<std::size_t>(std::countr_zero(left));
      if (knows(board, inputs(board, now))) {
        news_ &= ~(std::uint32_t{1} << board);
      }
    }
  }
  const SerialLine& line() const { return line_; }

 private:
  Status do_send(Bytes frame, Instant now, bool idle) override;
  std::size_t do_receive(MutableBytes into, Instant now) override;
  Instant do_next_arrival() const override { return bus_.next_arrival(); }
  std::int64_t do_byte_time_us() const override { return bus_.byte_time_us(); }
  bool says_shut(std::uint8_t board, std::uint8_t channel, Instant now) override;
  bool holds_item(std::uint8_t board, std::uint8_t channel, Instant now) override;
  void coil(std::uint8_t board, std::uint8_t channel, bool on, Instant now) override;
  std::uint64_t inputs(std::size_t board, Instant now);

  SerialLine line_;
  LineBus bus_;
  bool noisy_;
  // A poll that only looks shows the inputs as they were when it was sent: what comes later would make a difference
  // between polls that are run and polls that are skipped because nothing had changed.
  Instant seen_at(Instant now) const { return idle_ ? sent_at_ : now; }
  bool idle_ = false;  // The frame that was sent last only looks.
  Instant sent_at_{};
  // Of an answer that has not arrived as a whole: a keep-alive may look in between, and is skipped where polls are. The
  // trace has it in one piece then, as it has it where nobody looked.
  std::vector<std::byte> heard_;
  Instant boot_{};
};

}  // namespace cubby::emulator

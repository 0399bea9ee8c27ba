#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "emulator/hardware/board_segment.h"
#include "emulator/hardware/modbus_board.h"

namespace cubby::emulator {

/// Half-duplex RS-485 segment at 9600 8N1 whose boards are all P5: the short way. A frame is handled as one: when it
/// is sent the boards hear it, at the time at which it ends, and the reply's bytes get their times.
class ModbusSegment final : public BoardSegment {
 public:
  static constexpr std::int64_t kByteTimeUs = 1042;
  static constexpr std::int64_t kReplyDelayUs = 6'000;  // 3.5 characters of silence and the board's own time.

  ModbusSegment(TraceHash& hash, BoardWiring& wiring) : BoardSegment(hash, wiring) {}
  void add_board(std::uint8_t address);

  void attach(Instant boot) override;
  void power_cycle(Instant now) override;
  void advance(Instant) override {}
  bool has_arrived(Instant) const override { return false; }
  bool holds(Instant now) const override;
  void silence(std::uint8_t board, Instant now, Instant until) override;

  /// See firmware/base/image.h; both segments have the same boards.
  template <typename Image>
  void image(Image& image) {
    image(news_, settles_, next_call_, frames_, idle_frames_);
    for (ModbusBoard& board : boards_) {
      image(board);
    }
    image(silent_until_, boot_, free_at_, reply_, reply_size_, reply_taken_, reply_begins_);
  }

 private:
  Status do_send(Bytes frame, Instant now, bool idle) override;
  std::size_t do_receive(MutableBytes into, Instant now) override;
  Instant do_next_arrival() const override;
  std::int64_t do_byte_time_us() const override { return kByteTimeUs; }
  std::size_t arrived(Instant now) const;
  void note_reported(std::uint8_t board, std::uint8_t inputs, Instant at);

  std::vector<ModbusBoard> boards_;
  std::vector<Instant> silent_until_;  // By board.
  Instant boot_{};
  Instant free_at_{};  // The segment is busy until then.
  std::array<std::byte, ModbusBoard::kReplyMax> reply_{};
  std::size_t reply_size_ = 0;
  std::size_t reply_taken_ = 0;
  Instant reply_begins_{};  // First byte is complete one byte time later.
};

}  // namespace cubby::emulator

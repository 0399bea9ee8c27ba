#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "emulator/hardware/modbus_board.h"
#include "emulator/world/room_meter.h"
#include "emulator/world/trace_hash.h"
#include "firmware/hal/serial_bus.h"

namespace cubby::emulator {

/// Half-duplex RS-485 segment at 9600 8N1 with its lock boards. A frame is handled as one: when it ends
/// the boards hear it, and the reply's bytes get their times. All Instants inside are the world's; the
/// controller's count from its boot.
class SerialSegment final : public hal::SerialBus {
 public:
  static constexpr std::int64_t kByteTimeUs = 1042;
  static constexpr std::int64_t kReplyDelayUs = 6'000;  // 3.5 characters of silence and the board's own time.

  explicit SerialSegment(TraceHash& hash) : hash_(&hash) {}

  void add_board(const ModbusBoard& board) { boards_.push_back(board); }
  /// The controller that speaks from now on booted at `boot`. Drops what is under way.
  void attach(Instant boot);
  /// The supply is gone and back: boards forget what they were told.
  void power_cycle();
  /// A switch or an item sensor on that board changed (or is about to chatter until `settles`).
  void note_change(std::uint8_t board, Instant settles);
  /// A poll at `now` or later could read something that no reply has reported yet.
  bool has_news() const { return news_ != 0; }
  /// Current level of all inputs, for comparing with what was reported.
  void set_wiring(BoardWiring& wiring) { wiring_ = &wiring; }
  /// Books its processor time there; may be null.
  void set_meter(RoomMeter* meter) { meter_ = meter; }

  std::uint64_t frames() const { return frames_; }
  std::uint64_t idle_frames() const { return idle_frames_; }
  void restore_counts(std::uint64_t frames, std::uint64_t idle_frames) {
    frames_ = frames;
    idle_frames_ = idle_frames;
  }

 private:
  Status do_send(Bytes frame, Instant now, bool idle) override;
  std::size_t do_receive(MutableBytes into, Instant now) override;
  Instant do_next_arrival() const override;
  std::int64_t do_byte_time_us() const override { return kByteTimeUs; }
  void note_reported(std::uint8_t board, std::uint8_t inputs, Instant at);

  RoomMeter* meter_ = nullptr;
  TraceHash* hash_;
  BoardWiring* wiring_ = nullptr;
  std::vector<ModbusBoard> boards_;
  std::uint32_t news_ = 0;  // A bit a board.
  Instant settles_{};       // Until then some switch chatters.
  Instant boot_{};
  Instant free_at_{};  // The segment is busy until then.
  std::array<std::byte, ModbusBoard::kReplyMax> reply_{};
  std::size_t reply_size_ = 0;
  std::size_t reply_taken_ = 0;
  Instant reply_begins_{};  // First byte is complete one byte time later.
  std::uint64_t frames_ = 0;
  std::uint64_t idle_frames_ = 0;
};

}  // namespace cubby::emulator

#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/instant.h"
#include "firmware/hal/serial_bus.h"

namespace cubby::tests {

/// One segment at 9600 8N1 with P5 boards and doors behind them, byte for byte, written from the
/// board's manual and not from the driver.
class FakeBus final : public hal::SerialBus {
 public:
  static constexpr std::int64_t kByteUs = 1042;
  static constexpr Duration kReplyAfter = Duration::milliseconds(6);
  static constexpr Duration kLatch = Duration::milliseconds(60);

  struct Door {
    bool jammed = false;
    std::map<std::int64_t, bool> shut_from{{INT64_MIN, true}};  // When the switch changed, and to what.
  };
  struct Board {
    std::uint8_t channels = 8;
    bool silent = false;
    bool refuses = false;  // Answers unlocks with an exception.
    std::vector<Door> doors;
    int clean_reads = 0;  // Complete readings since the last change of a switch.
    int all_off = 0;      // Times that all outputs were switched off.
  };
  struct Frame {
    Instant at{};
    std::vector<std::byte> bytes;
    bool idle = false;
  };

  void add_board(std::uint8_t address, std::uint8_t channels = 8);
  Board& board(std::uint8_t address) { return boards_.at(address); }
  bool is_shut(std::uint8_t address, std::uint8_t channel, Instant at) const;
  void move_door(std::uint8_t address, std::uint8_t channel, bool shut, Instant at);

  /// What is sent next fails so, once.
  void fail_next_send(Status status) { fail_ = status; }
  /// Each reply comes so much later.
  void delay_replies(Duration delay) { delay_ = delay; }
  /// Puts bytes on the wire that nobody asked for.
  void babble(const std::vector<std::byte>& bytes, Instant at);
  /// Flips a bit of the next reply.
  void spoil_next_reply() { spoil_ = true; }
  void power_cycle() { arriving_.clear(); }

  const std::vector<Frame>& frames() const { return frames_; }
  void forget_frames() { frames_.clear(); }
  /// Unlock frames seen on the wire so far.
  std::vector<Frame> unlocks() const;
  std::size_t idle_frames() const;
  std::size_t board_count() const { return boards_.size(); }
  /// From when on an idle poll of the board reads something new; Instant::max(): not as far as is known.
  Instant news_from(std::uint8_t address, Instant now) const;

 private:
  Status do_send(Bytes frame, Instant now, bool idle) override;
  std::size_t do_receive(MutableBytes into, Instant now) override;
  Instant do_next_arrival() const override;
  std::int64_t do_byte_time_us() const override { return kByteUs; }
  void answer(const std::vector<std::byte>& request, Instant at);
  void reply(std::vector<std::byte> frame, Instant at);
  Instant next_change(std::uint8_t address, Instant now) const;

  std::map<std::uint8_t, Board> boards_;
  std::vector<Frame> frames_;
  std::deque<std::pair<Instant, std::byte>> arriving_;
  Instant busy_until_{};
  std::optional<Status> fail_;
  Duration delay_{};
  bool spoil_ = false;
};

}  // namespace cubby::tests

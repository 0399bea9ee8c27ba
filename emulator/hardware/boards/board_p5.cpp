// P5: the Modbus RTU board of modbus_board.h, at its wires.
#include <array>

#include "emulator/hardware/boards/families.h"
#include "emulator/hardware/modbus_board.h"

namespace cubby::emulator {
namespace {

constexpr std::size_t kFrameMax = 256;
/// From the silence that ends a request to the reply.
constexpr Duration kThinks = Duration::milliseconds(2);

/// 3.5 characters of 11 bits; a fixed time above 19200 baud.
constexpr Duration silence_at(std::uint32_t baud) {
  return baud > 19200 ? Duration::microseconds(1750) : Duration::microseconds(38'500'000 / baud);
}

class BoardP5 final : public LockBoardDevice, private BoardWiring {
 public:
  BoardP5(const BoardProfile& profile, LockWiring& wiring, std::uint8_t index, std::uint64_t seed)
      : LockBoardDevice(profile, wiring, index, seed), board_(*this, index, profile.address) {
    board_.support_control_modes();
    frame_.reserve(kFrameMax);
  }

 private:
  // BoardWiring
  bool input(std::uint8_t, std::uint8_t channel, Instant now) override {
    return shut(channel, now) == (profile().closed_bit == 1);
  }
  // Coils follow the relays (follow_relays): only so does a relay that goes off or comes back on by itself count.
  void coil_on(std::uint8_t, std::uint8_t, Instant, Duration) override {}

  // Only silence ends a frame; one that is too long is none, but its silence counts.
  std::size_t take_frame(Bytes line, Instant now) override {
    for (const std::byte value : line) {
      if (frame_.size() < kFrameMax) {
        frame_.push_back(value);
      } else {
        too_long_ = true;
      }
    }
    schedule(now + silence_at(baud()), Work::kOther, 0, {}, {});
    return line.size();
  }

  void other(const Due& due) override {
    if (!frame_.empty() && due.at - last_byte() >= silence_at(baud())) {
      end_of_frame(due.at);
    }
    if (board_.has_control_modes() && due.at >= sample_at_) {
      board_.sample_inputs(due.at);
      sample_at_ = due.at + kSample;
      schedule(sample_at_, Work::kOther, 0, {}, {});
    }
    follow_relays(due.at);
  }

  void end_of_frame(Instant now) {
    std::array<std::byte, ModbusBoard::kReplyMax> reply{};
    const std::size_t size = too_long_ ? 0 : board_.on_frame(frame_, now, reply);
    frame_.clear();
    too_long_ = false;
    if (size != 0) {
      schedule(now + kThinks, Work::kReply, 0, {},
               Frame(reply.begin(), reply.begin() + static_cast<std::ptrdiff_t>(size)));
    }
  }

  void reply(const Due& due) override { say(due.request, due.at); }

  void follow_relays(Instant now) {
    const std::uint8_t relays = board_.relays(now);
    for (std::uint8_t channel = 0; channel < ModbusBoard::kChannels; ++channel) {
      const bool on = (relays >> channel & 1U) != 0;
      if (on != ((seen_ >> channel & 1U) != 0)) {
        hold(channel, on, now);
        if (on) {
          become_busy(now);
        }
      }
    }
    seen_ = relays;
    if (const Instant next = board_.next_flash_end(now); next != Instant::max() && next != flash_end_) {
      flash_end_ = next;
      schedule(next, Work::kOther, 0, {}, {});
    }
  }

  void report(std::uint8_t, bool, Instant) override {}
  void forget() override {
    board_.power_cycle();
    frame_.clear();
    too_long_ = false;
    seen_ = 0;
    sample_at_ = {};
    flash_end_ = {};
  }

  ModbusBoard board_;
  Frame frame_;
  bool too_long_ = false;
  std::uint8_t seen_ = 0;  // Relays as the coils know them.
  Instant sample_at_{};
  Instant flash_end_{};
};

}  // namespace

std::unique_ptr<LockBoardDevice> make_p5(const BoardProfile& profile, LockWiring& wiring, std::uint8_t index,
                                         std::uint64_t seed) {
  return std::make_unique<BoardP5>(profile, wiring, index, seed);
}

}  // namespace cubby::emulator

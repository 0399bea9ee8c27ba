// P1: 8A/80 frames with an XOR at the end. The most common relabelled board.
#include "emulator/hardware/boards/families.h"
#include "emulator/hardware/boards/frame_bytes.h"

namespace cubby::emulator {
namespace {

constexpr std::byte kUnlock{0x8A};
constexpr std::byte kRead{0x80};
constexpr std::byte kUnlockSeveral{0x90};
constexpr std::byte kHoldOn{0x9A};
constexpr std::byte kHoldOff{0x9B};
constexpr std::byte kNews{0x82};  // Unsolicited, and the firmware's version.

constexpr std::byte kAll{0x00};
constexpr std::byte kDo{0x11};
constexpr std::byte kAsk{0x33};
constexpr std::byte kAskVersion{0x22};
constexpr std::byte kVersion{0xAB};
constexpr std::byte kPressed{0x11};
constexpr std::byte kReleased{0x00};
constexpr std::size_t kShort = 5;
constexpr std::size_t kTimed = 6;
constexpr std::uint8_t kSecondsMax = 9;

class BoardP1 final : public LockBoardDevice {
 public:
  using LockBoardDevice::LockBoardDevice;

 private:
  std::size_t status_bytes() const { return channels() <= 24 ? 3 : (channels() + 7) / 8; }
  /// Which eight channels the byte holds.
  std::size_t group_of(std::size_t byte, StatusOrder order) const {
    return order == StatusOrder::kFirst ? byte : status_bytes() - 1 - byte;
  }
  std::byte status(std::size_t channel, Instant now) { return status_of(shut(channel, now)); }
  std::byte status_of(bool is_shut) const {
    return is_shut == (profile().feedback == Feedback::kClosing) ? kPressed : kReleased;
  }
  static bool timed(Bytes frame) {
    const auto seconds = static_cast<std::uint8_t>(frame[4]);
    return seconds >= 1 && seconds <= kSecondsMax;
  }

  std::size_t take_frame(Bytes line, Instant now) override {
    const std::byte head = line[0];
    if (head != kUnlock && head != kRead && head != kUnlockSeveral && head != kHoldOn && head != kHoldOff &&
        head != kNews) {
      return 1;
    }
    const std::size_t size = head == kUnlockSeveral ? 3 + status_bytes() : kShort;
    if (line.size() < size) {
      return 0;
    }
    if (xor_of(line.first(size)) == std::byte{0}) {
      obey(line.first(size), now);
      return size;
    }
    // An unlock that says how long is one byte longer; without that byte it may still come.
    if (head == kUnlock && timed(line)) {
      if (line.size() < kTimed) {
        return 0;
      }
      if (xor_of(line.first(kTimed)) == std::byte{0}) {
        obey(line.first(kTimed), now);
        return kTimed;
      }
    }
    return 1;
  }

  void obey(Bytes frame, Instant now) {
    if (frame[1] != std::byte{profile().address}) {
      return;
    }
    const std::byte head = frame[0];
    if (head == kUnlockSeveral) {
      pulse_all(mask_in(frame.subspan(2, status_bytes())), now, profile().open_all);
    } else if (head == kUnlock && frame[3] == kDo) {
      unlock(frame, now);
    } else if (head == kRead && frame[3] == kAsk && (frame[2] == kAll || channel_of(frame[2]).has_value())) {
      reply_at(now + kTurnAround, frame);
    } else if ((head == kHoldOn || head == kHoldOff) && frame[3] == kDo && channel_of(frame[2]).has_value()) {
      hold(*channel_of(frame[2]), head == kHoldOn, now);
      reply_at(now + kTurnAround, frame);
    } else if (head == kNews && frame[2] == kAll && frame[3] == kAskVersion) {
      reply_at(now + kTurnAround, frame);
    }
  }

  void unlock(Bytes frame, Instant now) {
    if (frame[2] == kAll && profile().first_channel == 1) {
      pulse_all(~std::uint64_t{0}, now, profile().open_all);
    } else if (const auto channel = channel_of(frame[2]); channel.has_value()) {
      pulse(*channel, now,
            frame.size() == kTimed ? Duration::seconds(static_cast<std::uint8_t>(frame[4])) : pulse_length());
    } else {
      return;
    }
    reply_to_unlock(frame, now, now);
  }

  void reply(const Due& due) override {
    const std::byte head = due.request[0];
    if (head == kRead && due.request[2] == kAll) {
      say_sealed(read_all(due.at), due.at);
      return;
    }
    std::byte answer = kDo;  // To "unlock all".
    if (head == kNews) {
      answer = kVersion;
    } else if (const auto channel = channel_of(due.request[2]); channel.has_value()) {
      answer = status(*channel, due.at);
    }
    say_sealed(frame_of(head, due.request[1], due.request[2], answer), due.at);
  }

  Frame read_all(Instant now) {
    Frame frame = frame_of(kRead, profile().address);
    const std::uint64_t mask = mask_of(profile().feedback == Feedback::kClosing, now);
    for (std::size_t i = 0; i < status_bytes(); ++i) {
      frame.push_back(static_cast<std::byte>(mask >> (8 * group_of(i, profile().status_order))));
    }
    frame.push_back(kAsk);
    return frame;
  }

  std::uint64_t mask_in(Bytes list) const {
    std::uint64_t mask = 0;
    for (std::size_t i = 0; i < list.size(); ++i) {
      mask |= static_cast<std::uint64_t>(list[i]) << (8 * group_of(i, profile().unlock_order));
    }
    return mask;
  }

  void report(std::uint8_t channel, bool is_shut, Instant now) override {
    say_sealed(frame_of(kNews, profile().address, number_of(channel), status_of(is_shut)), now);
  }

  void say_sealed(Frame frame, Instant at) {
    frame.push_back(xor_of(frame));
    say(std::move(frame), at);
  }

  void other(const Due&) override {}
  void forget() override {}
};

}  // namespace

std::unique_ptr<LockBoardDevice> make_p1(const BoardProfile& profile, LockWiring& wiring, std::uint8_t index,
                                         std::uint64_t seed) {
  return std::make_unique<BoardP1>(profile, wiring, index, seed);
}

}  // namespace cubby::emulator

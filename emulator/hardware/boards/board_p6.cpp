// P6: DingChang, DC 02 .. and DC FE .. with a sum.
#include "emulator/hardware/boards/families.h"
#include "emulator/hardware/boards/frame_bytes.h"

namespace cubby::emulator {
namespace {

constexpr std::byte kHead{0xDC};
constexpr std::byte kRequest{0x02};
constexpr std::byte kReply{0xFE};
constexpr std::byte kVersion{0x01};
constexpr std::byte kOpenOne{0x10};
constexpr std::byte kReadOne{0x11};
constexpr std::byte kReadAll{0x12};
constexpr std::byte kOpenAll{0x14};
constexpr std::byte kOpenSeveral{0x15};
constexpr std::byte kHold{0x16};
constexpr std::byte kOpenTogether{0x18};
constexpr std::byte kOutputs{0x1A};

constexpr std::size_t kDataAt = 5;
constexpr std::size_t kDataMax = 8;

class BoardP6 final : public LockBoardDevice {
 public:
  using LockBoardDevice::LockBoardDevice;

 private:
  std::size_t mask_bytes() const { return (channels() + 7) / 8; }

  std::size_t take_frame(Bytes line, Instant now) override {
    if (line[0] != kHead || (line.size() > 1 && line[1] != kRequest && line[1] != kReply)) {
      return 1;
    }
    if (line.size() < kDataAt) {
      return 0;
    }
    const auto length = static_cast<std::size_t>(line[4]);
    if (length > kDataMax) {
      return 1;
    }
    const std::size_t size = kDataAt + length + 1;
    if (line.size() < size) {
      return 0;
    }
    if (sum_of(line.subspan(2, size - 3)) != line[size - 1]) {
      return 1;
    }
    if (line[1] == kRequest && line[2] == std::byte{profile().address}) {
      obey(line.first(size), line.subspan(kDataAt, length), now);
    }
    return size;
  }

  void obey(Bytes frame, Bytes data, Instant now) {
    const std::byte command = frame[3];
    if ((command == kVersion || command == kReadAll) && data.empty()) {
      reply_at(now + kTurnAround, frame);
    } else if (command == kOpenAll && data.empty()) {
      reply_to_unlock(frame, now, pulse_all(~std::uint64_t{0}, now, profile().open_all));
    } else if ((command == kOpenSeveral || command == kOpenTogether) && data.size() == mask_bytes()) {
      const OpenAll how = command == kOpenSeveral ? OpenAll::kSequential : OpenAll::kSimultaneous;
      reply_to_unlock(frame, now, pulse_all(mask_in(data), now, how));
    } else if (command == kOutputs && data.size() == mask_bytes()) {
      for (std::uint8_t channel = 0; channel < channels(); ++channel) {
        hold(channel, (mask_in(data) >> channel & 1) != 0, now);
      }
      reply_at(now + kTurnAround, frame);
    } else if (!data.empty() && channel_of(data[0]).has_value()) {
      obey_one(frame, data, *channel_of(data[0]), now);
    }
  }

  void obey_one(Bytes frame, Bytes data, std::uint8_t channel, Instant now) {
    const std::byte command = frame[3];
    if (command == kOpenOne && data.size() == 1) {
      pulse(channel, now, pulse_length());
      reply_to_unlock(frame, now, now);
    } else if (command == kReadOne && data.size() == 1) {
      reply_at(now + kTurnAround, frame);
    } else if (command == kHold && data.size() == 2 && data[1] <= std::byte{1}) {
      hold(channel, data[1] == std::byte{1}, now);
      reply_at(now + kTurnAround, frame);
    }
  }

  std::uint64_t mask_in(Bytes data) const {
    std::uint64_t mask = 0;
    for (const std::byte value : data) {
      mask = mask << 8 | static_cast<std::uint64_t>(value);
    }
    return mask;
  }

  void reply(const Due& due) override {
    const std::byte command = due.request[3];
    Frame data;
    if (command == kVersion) {
      data = frame_of(1, 0);
    } else if (command == kHold || command == kOutputs) {
      data = frame_of(1);
    } else if (command == kOpenOne || command == kReadOne) {
      const std::byte number = due.request[kDataAt];
      const std::byte open{shut(*channel_of(number), due.at) ? std::uint8_t{0} : std::uint8_t{1}};
      data = profile().reply_form == ReplyForm::kA ? frame_of(number, open) : frame_of(open);
    } else {
      std::uint64_t mask = mask_of(false, due.at);
      if (command == kOpenSeveral || command == kOpenTogether) {
        mask &= mask_in(Bytes(due.request).subspan(kDataAt, mask_bytes()));
      }
      for (std::size_t i = mask_bytes(); i-- > 0;) {
        data.push_back(static_cast<std::byte>(mask >> (8 * i)));
      }
    }
    Frame frame = frame_of(kHead, kReply, profile().address, command, data.size());
    frame.insert(frame.end(), data.begin(), data.end());
    frame.push_back(sum_of(Bytes(frame).subspan(2)));
    say(std::move(frame), due.at);
  }

  void other(const Due&) override {}
  void report(std::uint8_t, bool, Instant) override {}
  void forget() override {}
};

}  // namespace

std::unique_ptr<LockBoardDevice> make_p6(const BoardProfile& profile, LockWiring& wiring, std::uint8_t index,
                                         std::uint64_t seed) {
  return std::make_unique<BoardP6>(profile, wiring, index, seed);
}

}  // namespace cubby::emulator

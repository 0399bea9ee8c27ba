// P7: "WKLY" frames with their length and an XOR.
#include <algorithm>

#include "emulator/hardware/boards/families.h"
#include "emulator/hardware/boards/frame_bytes.h"

namespace cubby::emulator {
namespace {

constexpr std::array kMagic{std::byte{0x57}, std::byte{0x4B}, std::byte{0x4C}, std::byte{0x59}};
constexpr std::byte kOpenTogether{0x80};
constexpr std::byte kFlashLed{0x81};
constexpr std::byte kOpenOne{0x82};
constexpr std::byte kReadOne{0x83};
constexpr std::byte kReadAll{0x84};
constexpr std::byte kNews{0x85};
constexpr std::byte kOpenAll{0x86};
constexpr std::byte kOpenInTurn{0x87};
constexpr std::byte kHold{0x88};
constexpr std::byte kRelease{0x89};

constexpr std::byte kOk{0x00};
constexpr std::byte kFail{0xFF};
constexpr std::byte kUnknown{0xFF};
constexpr std::size_t kLengthAt = 4;
constexpr std::size_t kDataAt = 7;
constexpr std::size_t kSizeMin = 8;
constexpr std::size_t kSizeMax = kSizeMin + 2 + kBoardChannelsMax;
// Latencies are a middle and how far from it they may be.
constexpr std::int64_t kReadOneMs = 100;
constexpr std::int64_t kReadOneSpreadMs = 20;
constexpr std::int64_t kReadAllMs = 200;
constexpr std::int64_t kReadAllSpreadMs = 20;
constexpr std::int64_t kOpenSpreadMs = 50;

class BoardP7 final : public LockBoardDevice {
 public:
  using LockBoardDevice::LockBoardDevice;

 private:
  std::size_t take_frame(Bytes line, Instant now) override {
    const std::size_t known = std::min(line.size(), kMagic.size());
    if (!std::equal(kMagic.begin(), kMagic.begin() + known, line.begin())) {
      return 1;
    }
    if (line.size() <= kLengthAt) {
      return 0;
    }
    const auto size = static_cast<std::size_t>(line[kLengthAt]);
    if (size < kSizeMin || size > kSizeMax) {
      return 1;
    }
    if (line.size() < size) {
      return 0;
    }
    if (xor_of(line.first(size)) != std::byte{0}) {
      return 1;
    }
    if (line[5] == std::byte{profile().address}) {
      obey(line.first(size), line.subspan(kDataAt, size - kSizeMin), now);
    }
    return size;
  }

  // Of the time alone: a question that nobody asked shifts no other's answer.
  Duration about(Instant now, std::int64_t middle_ms, std::int64_t spread_ms) const {
    const std::int64_t spread_us = spread_ms * 1000;
    Prng draw = prng().child("latency", static_cast<std::uint64_t>(now.us));
    const auto offset = static_cast<std::int64_t>(draw.below(static_cast<std::uint64_t>(2 * spread_us + 1)));
    return Duration::microseconds(std::max<std::int64_t>(middle_ms * 1000 - spread_us + offset, kTurnAround.us));
  }

  void reply_to_open(Bytes frame, Instant now) {
    switch (profile().unlock_reply) {
      case UnlockReply::kNone:
        return;
      case UnlockReply::kStatus:
        reply_at(now + kTurnAround, frame);
        return;
      case UnlockReply::kLate:
        reply_at(now + about(now, profile().unlock_reply_ms, kOpenSpreadMs), frame);
        return;
    }
  }

  // A list is a count and that many channels that the board has.
  std::optional<std::uint64_t> list_in(Bytes data) const {
    if (data.empty() || static_cast<std::size_t>(data[0]) != data.size() - 1 || data.size() == 1) {
      return std::nullopt;
    }
    std::uint64_t mask = 0;
    for (const std::byte number : data.subspan(1)) {
      const std::optional<std::uint8_t> channel = channel_of(number);
      if (!channel.has_value()) {
        return std::nullopt;
      }
      mask |= std::uint64_t{1} << *channel;
    }
    return mask;
  }

  void obey(Bytes frame, Bytes data, Instant now) {
    const std::byte command = frame[6];
    if (command == kReadAll && data.empty()) {
      reply_at(now + about(now, kReadAllMs, kReadAllSpreadMs), frame);
    } else if (command == kOpenAll && data.empty()) {
      pulse_all(~std::uint64_t{0}, now, OpenAll::kSequential);
      reply_to_open(frame, now);
    } else if (command == kOpenTogether || command == kOpenInTurn) {
      if (const auto mask = list_in(data); mask.has_value()) {
        pulse_all(*mask, now, command == kOpenTogether ? OpenAll::kSimultaneous : OpenAll::kSequential);
        reply_to_open(frame, now);
      } else {
        reply_at(now + kTurnAround, frame);
      }
    } else if (data.size() == 1) {
      obey_one(frame, data[0], now);
    }
  }

  void obey_one(Bytes frame, std::byte number, Instant now) {
    const std::byte command = frame[6];
    const std::optional<std::uint8_t> channel = channel_of(number);
    if (command == kReadOne) {
      reply_at(now + about(now, kReadOneMs, kReadOneSpreadMs), frame);
    } else if (command == kOpenOne && channel.has_value()) {
      pulse(*channel, now, pulse_length());
      reply_to_open(frame, now);
    } else if (command == kOpenOne || command == kFlashLed || command == kHold || command == kRelease) {
      if (channel.has_value() && command != kFlashLed) {
        hold(*channel, command == kHold, now);
      }
      reply_at(now + kTurnAround, frame);
    }
  }

  std::byte state(std::size_t channel, Instant now) {
    return std::byte{shut(channel, now) ? std::uint8_t{1} : std::uint8_t{0}};
  }

  void reply(const Due& due) override {
    const std::byte command = due.request[6];
    const Bytes data = Bytes(due.request).subspan(kDataAt, due.request.size() - kSizeMin);
    if (command == kReadAll) {
      Frame states = frame_of(kOk, channels());
      for (std::size_t channel = 0; channel < channels(); ++channel) {
        states.push_back(state(channel, due.at));
      }
      answer(command, states, due.at);
    } else if (command == kOpenAll) {
      answer(command, frame_of(kOk), due.at);
    } else if (command == kOpenTogether || command == kOpenInTurn) {
      answer(command, frame_of(list_in(data).has_value() ? kOk : kFail), due.at);
    } else {
      answer_one(command, data[0], due.at);
    }
  }

  void answer_one(std::byte command, std::byte number, Instant now) {
    const std::optional<std::uint8_t> channel = channel_of(number);
    const std::byte result = channel.has_value() ? kOk : kFail;
    if (command != kOpenOne && command != kReadOne) {
      answer(command, frame_of(result, number), now);
      return;
    }
    answer(command, frame_of(result, number, channel.has_value() ? state(*channel, now) : kUnknown), now);
  }

  void report(std::uint8_t channel, bool is_shut, Instant now) override {
    answer(kNews, frame_of(number_of(channel), is_shut ? 1 : 0), now);
  }

  void answer(std::byte command, const Frame& data, Instant at) {
    Frame frame(kMagic.begin(), kMagic.end());
    frame.push_back(static_cast<std::byte>(kSizeMin + data.size()));
    frame.push_back(std::byte{profile().address});
    frame.push_back(command);
    frame.insert(frame.end(), data.begin(), data.end());
    frame.push_back(xor_of(frame));
    say(std::move(frame), at);
  }

  void other(const Due&) override {}
  void forget() override {}
};

}  // namespace

std::unique_ptr<LockBoardDevice> make_p7(const BoardProfile& profile, LockWiring& wiring, std::uint8_t index,
                                         std::uint64_t seed) {
  return std::make_unique<BoardP7>(profile, wiring, index, seed);
}

}  // namespace cubby::emulator

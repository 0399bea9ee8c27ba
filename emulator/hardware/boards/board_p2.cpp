// P2: Kerong CU12 and CU16, STX .. ETX and a sum.
#include "emulator/hardware/boards/families.h"
#include "emulator/hardware/boards/frame_bytes.h"

namespace cubby::emulator {
namespace {

constexpr std::byte kStx{0x02};
constexpr std::byte kEtx{0x03};
constexpr std::byte kEveryBoard{0xF0};
constexpr std::byte kStatus{0x30};
constexpr std::byte kUnlock{0x31};
constexpr std::byte kStatusOfAll{0x32};
constexpr std::byte kUnlockAll{0x33};
constexpr std::byte kStatusReply{0x35};
constexpr std::byte kStatusOfAllReply{0x36};
constexpr std::byte kUnlockTime{0x37};
constexpr std::byte kUnlockTimeReply{0x38};
constexpr std::byte kDelayedUnlock{0x39};
constexpr std::byte kBaud{0x40};

constexpr std::size_t kBare = 5;  // STX, ADDR, CMD, ETX, SUM.
constexpr std::size_t kStatusSize = 9;
constexpr std::uint32_t kUnlockTimeMax = 6'000;  // In 10 ms.
constexpr std::uint8_t kDelayMax = 250;          // Seconds.
constexpr std::uint32_t kBauds[] = {9600, 19200, 57600, 115200};
/// Boards that all answer to one question keep this apart.
constexpr Duration kSlotGap = Duration::milliseconds(5);

class BoardP2 final : public LockBoardDevice {
 public:
  using LockBoardDevice::LockBoardDevice;

 private:
  static bool sealed(Bytes line, std::size_t size) {
    return line.size() >= size && line[size - 2] == kEtx && sum_of(line.first(size - 1)) == line[size - 1];
  }
  // Sizes of a frame with that command: without data, and with. 0: there is none. Replies of others count too.
  static std::pair<std::size_t, std::size_t> sizes(std::byte command) {
    if (command == kStatus || command == kUnlock || command == kStatusOfAll || command == kUnlockAll) {
      return {kBare, 0};
    }
    if (command == kUnlockTime) {
      return {kBare, kBare + 2};
    }
    if (command == kDelayedUnlock || command == kBaud) {
      return {0, kBare + 1};
    }
    if (command == kUnlockTimeReply) {
      return {0, kBare + 2};
    }
    if (command == kStatusReply || command == kStatusOfAllReply) {
      return {0, kStatusSize};
    }
    return {0, 0};
  }

  std::size_t take_frame(Bytes line, Instant now) override {
    if (line[0] != kStx) {
      return 1;
    }
    if (line.size() < 3) {
      return 0;
    }
    const auto [bare, full] = sizes(line[2]);
    if (line[2] == kUnlockTime && line.size() < full && sealed(line, bare) && !quiet(now)) {
      schedule(last_byte() + bare_silence(), Work::kOther, 0, {}, {});
      return 0;
    }
    for (const std::size_t size : {full, bare}) {
      if (size != 0 && sealed(line, size)) {
        obey(line.first(size), now);
        return size;
      }
    }
    return line.size() < std::max(bare, full) ? 0 : 1;
  }

  // A time may be set with bytes that are a good question up to its third last one: only silence tells them apart.
  Duration bare_silence() const { return byte_time(baud()) * 2; }
  bool quiet(Instant now) const { return now - last_byte() >= bare_silence(); }
  void other(const Due& due) override {
    if (quiet(due.at)) {
      look_again(due.at);
    }
  }

  bool is_mine(Bytes frame) const { return static_cast<std::uint8_t>(frame[1]) >> 4 == profile().address; }
  std::optional<std::uint8_t> lock_in(Bytes frame) const { return channel_of(frame[1] & std::byte{0x0F}); }

  void obey(Bytes frame, Instant now) {
    const bool mine = is_mine(frame);
    const std::byte command = frame[2];
    if (!mine && frame[1] != kEveryBoard) {
      return;
    }
    if (command == kStatusOfAll) {
      const Duration slot = byte_time(baud()) * static_cast<std::int64_t>(kStatusSize) + kSlotGap;
      reply_at(now + kTurnAround + slot * profile().address, frame);
    } else if (command == kUnlockAll) {
      const Instant done = pulse_all(~std::uint64_t{0}, now, profile().open_all);
      if (mine && frame[1] != kEveryBoard) {
        reply_to_unlock(frame, now, done);
      }
    } else if (command == kUnlockTime) {
      unlock_time(frame);
    } else if (command == kBaud) {
      if (const auto index = static_cast<std::size_t>(frame[3]); index < std::size(kBauds)) {
        set_baud(kBauds[index]);
      }
    } else if (mine) {
      obey_own(frame, now);
    }
  }

  // What makes sense for one board only.
  void obey_own(Bytes frame, Instant now) {
    const std::optional<std::uint8_t> lock = lock_in(frame);
    if (frame[2] == kStatus) {
      reply_at(now + kTurnAround, frame);
    } else if (frame[2] == kUnlock && lock.has_value()) {
      pulse(*lock, now, pulse_length());
      reply_to_unlock(frame, now, now);
    } else if (frame[2] == kDelayedUnlock && lock.has_value() && static_cast<std::uint8_t>(frame[3]) <= kDelayMax) {
      const Instant at = now + Duration::seconds(static_cast<std::uint8_t>(frame[3]));
      schedule(at, Work::kPulse, *lock, pulse_length(), {});
      reply_to_unlock(frame, at, at);
    }
  }

  void unlock_time(Bytes frame) {
    if (frame.size() > kBare) {
      const std::uint32_t units = static_cast<std::uint32_t>(frame[3]) << 8 | static_cast<std::uint32_t>(frame[4]);
      if (units > kUnlockTimeMax) {
        return;
      }
      set_pulse_length(Duration::milliseconds(units * 10));
    }
    if (frame[1] != kEveryBoard) {
      reply_at(last_byte() + kTurnAround, frame);
    }
  }

  void reply(const Due& due) override {
    const auto address = static_cast<std::byte>(profile().address << 4);
    const std::byte command = due.request[2];
    if (command == kUnlockTime) {
      const std::int64_t units = pulse_length().ms() / 10;
      say_sealed(frame_of(kStx, address, kUnlockTimeReply, units >> 8, units & 0xFF, kEtx), due.at);
      return;
    }
    const std::uint64_t locks = mask_of(profile().closed_bit == 1, due.at);
    std::uint64_t items = 0;
    for (std::uint8_t channel = 0; channel < channels(); ++channel) {
      items |= wiring().holds_item(index(), channel, due.at) ? std::uint64_t{1} << channel : 0;
    }
    say_sealed(frame_of(kStx, address, command == kStatusOfAll ? kStatusOfAllReply : kStatusReply, locks & 0xFF,
                        locks >> 8, items & 0xFF, items >> 8, kEtx),
               due.at);
  }

  void say_sealed(Frame frame, Instant at) {
    frame.push_back(sum_of(frame));
    say(std::move(frame), at);
  }

  void report(std::uint8_t, bool, Instant) override {}
  void forget() override {}
};

}  // namespace

std::unique_ptr<LockBoardDevice> make_p2(const BoardProfile& profile, LockWiring& wiring, std::uint8_t index,
                                         std::uint64_t seed) {
  return std::make_unique<BoardP2>(profile, wiring, index, seed);
}

}  // namespace cubby::emulator

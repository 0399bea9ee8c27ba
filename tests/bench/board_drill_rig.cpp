#include "bench/board_drill_rig.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "emulator/hardware/boards/door_rack.h"
#include "emulator/hardware/boards/line_bus.h"
#include "emulator/hardware/boards/serial_line.h"
#include "firmware/base/prng.h"
#include "firmware/drivers/door_bank.h"

namespace cubby::bench {
namespace {

using drivers::DoorEvent;
using drivers::DoorState;
using drivers::Exchange;

constexpr std::size_t kBoards = 2;
constexpr Duration kMoveTime = Duration::milliseconds(260);  // A latch lets go, a switch stops to chatter.
constexpr Duration kShutTime = Duration::milliseconds(40);
constexpr Duration kUnlockMax = Duration::seconds(8);
/// On a good line a look takes half a second; what a bad one spoils is tried again.
constexpr Duration kRestart = Duration::seconds(1);
constexpr int kLooksMore = 3;
constexpr Duration kLookMax = Duration::minutes(10);

BoardFamily family_of(std::string_view name) {
  return board_family(name).value_or(BoardFamily::kP5);
}

/// As big as makes all settings possible.
drivers::BoardSettings driver_settings(const Case& it, std::size_t board) {
  auto settings = drivers::default_settings(family_of(it.family));
  if (settings.family == BoardFamily::kP2) {
    settings.channels = 12;
  }
  settings.address = static_cast<std::uint8_t>(board + 1);
  return settings;
}

emulator::BoardProfile board_profile(const Case& it, std::size_t board) {
  auto profile = emulator::default_profile(family_of(it.family));
  const auto settings = driver_settings(it, board);
  profile.channels = settings.channels;
  profile.address = settings.address;
  std::string setting = it.setting;
  if (setting.starts_with("address=")) {
    setting = "address=" + std::to_string(9 + board);
  }
  if (const auto problem = setting.empty() ? std::string() : emulator::apply_setting(profile, setting);
      !problem.empty()) {
    std::fprintf(stderr, "board-drill: %s %s: %s\n", it.family.c_str(), setting.c_str(), problem.c_str());
    std::exit(2);
  }
  return profile;
}

emulator::SerialLineOptions line_options(const Case& it, std::uint64_t seed) {
  emulator::SerialLineOptions options;
  options.seed = seed;
  options.keeps_bursts = false;
  options.line_baud = emulator::default_profile(family_of(it.family)).baud;
  options.noise[emulator::NoiseKind::kFlip] = it.noise.flip;
  options.noise[emulator::NoiseKind::kBurst] = it.noise.burst;
  options.noise[emulator::NoiseKind::kDrop] = it.noise.drop;
  options.noise[emulator::NoiseKind::kDouble] = it.noise.twice;
  return options;
}

/// Counts the unlocks that leave, by their bytes and not by what the driver says.
class Tap final : public hal::SerialBus {
 public:
  Tap(hal::SerialBus& bus, BoardFamily family) : bus_(bus), family_(family) {}
  std::uint64_t unlocks() const { return unlocks_; }

 private:
  bool is_unlock(Bytes frame) const {
    switch (family_) {
      case BoardFamily::kP1:
        return frame[0] == std::byte{0x8A};
      case BoardFamily::kP2:
        return frame[2] == std::byte{0x31};
      case BoardFamily::kP5:
        return frame[1] == std::byte{0x05} && frame[2] == std::byte{0x02};
      case BoardFamily::kP6:
        return frame[3] == std::byte{0x10};
      case BoardFamily::kP7:
        break;
    }
    return frame[6] == std::byte{0x82};
  }
  Status do_send(Bytes frame, Instant now, bool idle) override {
    const auto status = bus_.send(frame, now, idle);
    unlocks_ += status == Status::kOk && is_unlock(frame) ? 1 : 0;
    return status;
  }
  std::size_t do_receive(MutableBytes into, Instant now) override { return bus_.receive(into, now); }
  Instant do_next_arrival() const override { return bus_.next_arrival(); }
  std::int64_t do_byte_time_us() const override { return bus_.byte_time_us(); }

  hal::SerialBus& bus_;
  BoardFamily family_;
  std::uint64_t unlocks_ = 0;
};

class Rig {
 public:
  Rig(const Case& it, std::uint64_t seed)
      : rack_(seed), line_(line_options(it, seed)), bus_(line_), tap_(bus_, family_of(it.family)), bank_(tap_) {
    std::vector<drivers::BoardSettings> boards;
    std::vector<drivers::DoorBank::DoorPlace> doors;
    for (std::size_t board = 0; board < kBoards; ++board) {
      const auto profile = board_profile(it, board);
      const auto settings = driver_settings(it, board);
      first_lock_.push_back(rack_.size());
      rack_.add_board(profile.channels);
      if (const auto problem = line_.add_board(profile, rack_); !problem.empty()) {
        std::fprintf(stderr, "board-drill: %s\n", problem.c_str());
        std::exit(2);
      }
      boards.push_back(settings);
      for (std::uint8_t channel = 0; channel < settings.channels; ++channel) {
        doors.push_back({.board = static_cast<std::uint8_t>(board), .channel = channel});
        lock_of_.push_back(first_lock_.back() + channel);
      }
    }
    bank_.configure(boards, doors, {});
    bank_.start(now_);
    run(Duration::seconds(10), [&] { return bank_.started(); });
  }

  std::size_t doors() const { return lock_of_.size(); }
  DoorState belief(std::size_t door) const { return bank_.state(static_cast<std::uint8_t>(door + 1)); }
  bool all_believed(DoorState state) const {
    bool all = true;
    for (std::size_t door = 0; door < doors(); ++door) {
      all = all && belief(door) == state;
    }
    return all;
  }

  /// Runs the world and the controller until `done`, or so long. Idle polls only while a board is silent: they tell
  /// when it answers again, and nothing else that was not asked for.
  template <typename Done>
  void run(Duration at_most, const Done& done) {
    const Instant end = now_ + at_most;
    while (!done()) {
      const Wake wake = bank_.wake(now_);
      const Instant controller = silent_ != 0 ? wake.earliest() : wake.deadline;
      const Instant next = std::min({line_.next_event(), rack_.next_call(), controller, end});
      now_ = std::max(now_, next);
      rack_.advance(now_);
      line_.advance(now_);
      if (controller <= now_) {
        bank_.tick(now_);
        take_events();
      }
      if (now_ >= end) {
        return;
      }
    }
  }

  void unlock_one(std::size_t door, Tally& tally) {
    rack_.take_news();
    const auto sent = tap_.unlocks();
    unlock_over_.reset();
    const auto number = static_cast<std::uint8_t>(door + 1);
    if (bank_.unlock(number, now_) != Status::kOk) {
      std::fprintf(stderr, "board-drill: the last unlock never ended\n");
      std::exit(1);
    }
    run(kUnlockMax, [&] { return unlock_over_.has_value(); });
    tally.sent += tap_.unlocks() - sent;
    count(unlock_over_.value_or(Exchange::kNone), door, tally);
    run(kMoveTime, [] { return false; });
    run(kUnlockMax, [&] { return rack_.coils_on() == 0; });  // Before, a door that is pushed shut opens again.
    look(tally);
    judge(door, tally);
    for (std::size_t lock = 0; lock < rack_.size(); ++lock) {
      (void)rack_.push_shut(lock, now_);
    }
    mend(tally);
    run(kShutTime, [] { return false; });
    look(tally);
  }

  std::uint64_t silences() const { return silences_; }
  bool silent(std::size_t door) const {
    return (silent_ >> bank_.board_of(static_cast<std::uint8_t>(door + 1)) & 1) != 0;
  }

 private:
  void count(Exchange outcome, std::size_t door, Tally& tally) const {
    tally.done += outcome == Exchange::kDone || outcome == Exchange::kSent ? 1 : 0;
    tally.done_silently += outcome == Exchange::kDone && silent(door) ? 1 : 0;
    tally.unknown += outcome == Exchange::kUnknown ? 1 : 0;
    tally.refused += outcome == Exchange::kRefused ? 1 : 0;
    tally.not_sent += outcome == Exchange::kNotSent ? 1 : 0;
  }

  /// Two readings of each board, or its silence. Then what is believed has to be so.
  void look(Tally& tally) {
    const Instant end = now_ + kLookMax;
    const auto idle = [&] { return bank_.wake(now_).deadline == Instant::max(); };
    fresh_ = 0;
    while ((fresh_ | silent_) != low_mask() && now_ < end) {
      for (std::size_t board = 0; board < kBoards; ++board) {
        if (((fresh_ | silent_) >> board & 1) == 0) {
          bank_.request_reading(static_cast<std::uint8_t>(board * doors() / kBoards + 1), now_);
        }
      }
      run(end - now_, [&] { return (fresh_ | silent_) == low_mask() || idle(); });
    }
    run(end - now_, idle);
    for (std::size_t door = 0; door < doors(); ++door) {
      const auto state = belief(door);
      const bool fresh = (fresh_ >> bank_.board_of(static_cast<std::uint8_t>(door + 1)) & 1) != 0;
      tally.lies += fresh && state != DoorState::kUnknown && (state == DoorState::kShut) != is_shut(door) ? 1 : 0;
    }
  }

  /// What came of the unlock, and whether the controller knows.
  void judge(std::size_t door, Tally& tally) {
    const auto asked = lock_of_[door];
    bool moved = false;
    std::vector<std::size_t> elsewhere;  // Doors that the controller has.
    for (const auto& news : rack_.take_news()) {
      if (news.kind != emulator::DoorNewsKind::kOpened) {
        continue;
      }
      if (news.door == asked) {
        moved = true;
        continue;
      }
      ++tally.elsewhere;
      if (const auto found = std::find(lock_of_.begin(), lock_of_.end(), news.door); found != lock_of_.end()) {
        elsewhere.push_back(static_cast<std::size_t>(found - lock_of_.begin()));
      }
    }
    const auto unseen = [&] {
      return static_cast<std::uint64_t>(std::count_if(elsewhere.begin(), elsewhere.end(), [&](std::size_t other) {
        return belief(other) == DoorState::kShut && !is_shut(other);
      }));
    };
    // Two readings may be wrong alike; as long as the door stands open the controller goes on looking.
    for (int again = 0; again < kLooksMore && unseen() != 0; ++again) {
      look(tally);
    }
    tally.unseen += unseen();
    tally.opened += moved ? 1 : 0;
    tally.failed += moved ? 0 : 1;
    tally.untold += !moved && is_shut(door) && belief(door) == DoorState::kOpen ? 1 : 0;
  }

  /// A new coil where one is dead. Noise had made "hold" of an unlock: the board forgets it without its power.
  void mend(Tally& tally) {
    for (std::size_t board = 0; board < kBoards; ++board) {
      const std::size_t end = board + 1 < kBoards ? first_lock_[board + 1] : rack_.size();
      bool restart = false;
      for (std::size_t lock = first_lock_[board]; lock < end; ++lock) {
        if (rack_.door(lock).burnt) {
          ++tally.burnt;
          restart = true;
          rack_.mend(lock, now_);
        }
      }
      if (restart) {
        line_.reboot(board, now_);
        run(kRestart, [] { return false; });
      }
    }
  }

  bool is_shut(std::size_t door) const { return rack_.door(lock_of_[door]).door.shut; }
  static std::uint32_t low_mask() { return (1U << kBoards) - 1; }

  void take_events() {
    while (const auto event = bank_.next_event()) {
      switch (event->kind) {
        case DoorEvent::Kind::kUnlock:
          unlock_over_ = event->exchange;
          break;
        case DoorEvent::Kind::kFreshReading:
          fresh_ |= 1U << event->board;
          break;
        case DoorEvent::Kind::kBoardSilent:
          ++silences_;
          silent_ |= 1U << event->board;
          break;
        case DoorEvent::Kind::kBoardAnswered:
          silent_ &= ~(1U << event->board);
          break;
        default:
          break;
      }
    }
  }

  Instant now_{};
  emulator::DoorRack rack_;
  emulator::SerialLine line_;
  emulator::LineBus bus_;
  Tap tap_;
  drivers::DoorBank bank_;
  std::vector<std::size_t> first_lock_;
  std::vector<std::size_t> lock_of_;  // By the controller's number, from 0: the lock that it is meant to be.
  std::optional<Exchange> unlock_over_;
  std::uint32_t fresh_ = 0;   // A bit a board.
  std::uint32_t silent_ = 0;  // The same.
  std::uint64_t silences_ = 0;
};

}  // namespace

std::string_view name_of(Expect expect) {
  switch (expect) {
    case Expect::kWorks:
      return "works";
    case Expect::kFails:
      return "failures told";
    case Expect::kSilent:
      return "silent";
    case Expect::kReadsOpen:
      return "reads open";
    case Expect::kOpensElsewhere:
      return "opens elsewhere";
  }
  return "?";
}

Tally drill(const Case& it, std::uint64_t unlocks, std::uint64_t seed) {
  Rig rig(it, seed);
  Prng prng = Prng(seed).child("doors to unlock");
  Tally tally;
  tally.unreadable_at_start = rig.all_believed(DoorState::kUnknown);
  tally.open_at_start = rig.all_believed(DoorState::kOpen);
  for (std::uint64_t i = 0; i < unlocks; ++i) {
    rig.unlock_one(prng.below(rig.doors()), tally);
  }
  tally.silences = rig.silences();
  return tally;
}

}  // namespace cubby::bench

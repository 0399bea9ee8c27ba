// Boards of several families on one segment: who is asked when, and what follows an unlock.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "unit/board_drivers/door_trial.h"

namespace cubby::drivers {
namespace {

using emulator::Burst;
using Family = BoardFamily;

constexpr std::int64_t kSilenceUs = 4'011;  // 3.5 characters of 11 bits at 9600 baud.

emulator::BoardProfile board_at(Family family, std::uint8_t address, std::uint8_t channels) {
  auto profile = emulator::default_profile(family);
  profile.address = address;
  profile.channels = channels;
  return profile;
}

emulator::CabinetOptions seeded() {
  emulator::CabinetOptions options;
  options.seed = 9;
  return options;
}

/// Two P1 boards, a P6 and a P5 in one cabinet; eight doors of each are the controller's, in this order.
struct MixedTrial {
  static constexpr std::uint8_t kFirstOfP1 = 1;
  static constexpr std::uint8_t kFirstOfP5 = 25;

  explicit MixedTrial(const std::vector<emulator::BoardProfile>& profiles) {
    std::vector<BoardSettings> boards;
    std::vector<DoorBank::DoorPlace> doors;
    for (const auto& profile : profiles) {
      EXPECT_EQ(cabinet.add_board(profile), "");
      for (std::uint8_t channel = 0; channel < 8; ++channel) {
        doors.push_back({.board = static_cast<std::uint8_t>(boards.size()), .channel = channel});
      }
      boards.push_back(matching(profile));
    }
    bank.configure(boards, doors, {});
    bank.start(now);
    run(Duration::seconds(5));
    EXPECT_TRUE(bank.started());
    cabinet.take_bursts();
  }
  MixedTrial()
      : MixedTrial(std::vector{board_at(Family::kP1, 1, 8), board_at(Family::kP1, 2, 8), board_at(Family::kP6, 1, 12),
                               board_at(Family::kP5, 9, 8)}) {}

  void run(Duration duration) {
    const Instant end = now + duration;
    while (now < end) {
      bank.tick(now);
      while (const auto event = bank.next_event()) {
        events.push_back(*event);
      }
      now = std::max(now + Duration{1}, std::min({bus.next_event(), bank.wake(now).earliest(), end}));
      cabinet.advance(now);
    }
  }
  /// What the host said from `from` on, with its times.
  std::vector<Burst> said(Instant from) {
    auto bursts = cabinet.take_bursts();
    std::erase_if(bursts, [&](const Burst& burst) { return burst.who != emulator::kHostTalks || burst.begin < from; });
    return bursts;
  }

  emulator::Cabinet cabinet{seeded()};
  tests::CabinetBus bus{cabinet};
  DoorBank bank{bus};
  Instant now{1'000'000};
  std::vector<DoorEvent> events;
};

std::size_t count(const std::vector<Burst>& bursts, const std::string& hex, Instant from, Instant to) {
  const auto bytes = emulator::from_hex(hex);
  return static_cast<std::size_t>(std::count_if(bursts.begin(), bursts.end(), [&](const Burst& burst) {
    return burst.begin >= from && burst.begin < to && burst.bytes == bytes;
  }));
}

// Noise can make of this unlock one of another door, of another board with the same address part or of all doors.
TEST(DriverSchedule, AllBoardsWithASumAreReadTwiceAfterAnUnlockOfOne) {
  MixedTrial trial;
  const Instant asked = trial.now;
  ASSERT_EQ(trial.bank.unlock(MixedTrial::kFirstOfP1 + 2, trial.now), Status::kOk);
  trial.run(Duration::seconds(2));
  const auto said = trial.said(asked);
  const auto unlock = std::find_if(
      said.begin(), said.end(), [](const Burst& burst) { return burst.bytes == emulator::from_hex("8A 01 03 11 99"); });
  ASSERT_NE(unlock, said.end());
  // Six readings in the slots that follow; the round of four boards would bring each of them once or twice.
  const Instant from = unlock->begin + limits::kReadBackAfter;
  const auto answered = std::find_if(said.begin(), said.end(), [&](const Burst& burst) { return burst.begin > from; });
  ASSERT_NE(answered, said.end());
  const Instant to = answered->begin + limits::kBusSlot * 6;
  EXPECT_EQ(count(said, "80 01 00 33 B2", from, to), 2U);
  EXPECT_EQ(count(said, "80 02 00 33 B1", from, to), 2U);
  EXPECT_EQ(count(said, "DC 02 01 12 00 13", from, to), 2U);
}

TEST(DriverSchedule, AfterAnUnlockThatACrcGuardsTheRoundGoesOn) {
  MixedTrial trial;
  trial.cabinet.doors().jam(trial.cabinet.first_door(3), Instant::max());  // A door that moved would be read again.
  const Instant asked = trial.now;
  ASSERT_EQ(trial.bank.unlock(MixedTrial::kFirstOfP5, trial.now), Status::kOk);
  trial.run(Duration::seconds(2));
  const auto said = trial.said(asked);
  for (std::size_t i = 1; i < said.size(); ++i) {
    EXPECT_NE(said[i].bytes, said[i - 1].bytes) << "each board in its turn";
  }
}

TEST(DriverSchedule, NobodyIsAskedWhileAnUnlocksAnswerIsOut) {
  MixedTrial trial;
  const Instant asked = trial.now;
  ASSERT_EQ(trial.bank.unlock(MixedTrial::kFirstOfP1, trial.now), Status::kOk);
  trial.run(Duration::seconds(1));
  const auto said = trial.said(asked);
  const auto unlock = std::find_if(
      said.begin(), said.end(), [](const Burst& burst) { return burst.bytes == emulator::from_hex("8A 01 01 11 9B"); });
  ASSERT_NE(unlock, said.end());
  ASSERT_NE(unlock + 1, said.end());
  EXPECT_GE((unlock + 1)->begin - unlock->end, Duration::milliseconds(500));
  EXPECT_EQ(trial.cabinet.line().counts().collisions, 0U);
  const auto done = std::find_if(trial.events.begin(), trial.events.end(),
                                 [](const DoorEvent& event) { return event.kind == DoorEvent::Kind::kUnlock; });
  ASSERT_NE(done, trial.events.end());
  EXPECT_EQ(done->exchange, Exchange::kDone);
}

TEST(DriverSchedule, AnUnlockGoesBeforeEverythingElseThatIsWanted) {
  MixedTrial trial;
  for (std::uint8_t door = 1; door <= 32; door = static_cast<std::uint8_t>(door + 8)) {
    trial.bank.request_reading(door, trial.now);
  }
  const Instant asked = trial.now;
  ASSERT_EQ(trial.bank.unlock(MixedTrial::kFirstOfP5, trial.now), Status::kOk);
  trial.run(Duration::seconds(1));
  const Instant next_slot{(asked.us / limits::kBusSlot.us + 1) * limits::kBusSlot.us};
  const auto said = trial.said(next_slot);
  ASSERT_FALSE(said.empty());
  EXPECT_EQ(said[0].bytes[1], std::byte{0x05});
  EXPECT_EQ(said[0].begin, next_slot);
}

// A P5 board takes what comes without a pause for one frame, whoever said it.
TEST(DriverSchedule, AModbusBoardGetsItsSilenceAfterAnothersAnswer) {
  MixedTrial trial;
  trial.run(Duration::seconds(3));
  const auto bursts = trial.cabinet.take_bursts();
  std::size_t looked = 0;
  for (std::size_t i = 1; i < bursts.size(); ++i) {
    if (bursts[i].who == emulator::kHostTalks && bursts[i].bytes[0] == std::byte{0x09}) {
      EXPECT_GE((bursts[i].begin - bursts[i - 1].end).us, kSilenceUs);
      ++looked;
    }
  }
  EXPECT_GT(looked, 5U);
  EXPECT_EQ(trial.bank.state(MixedTrial::kFirstOfP5), DoorState::kShut);
}

TEST(DriverSchedule, ASlotIsAsLongAsAReadingOfTheSlowestBoard) {
  constexpr std::int64_t kByteAt9600 = 1'042;
  const auto slot = [&](std::initializer_list<BoardFamily> families) {
    std::vector<BoardSettings> boards;
    for (const auto family : families) {
      boards.push_back(default_settings(family));
    }
    return DoorBank::slot_for(boards, kByteAt9600);
  };
  EXPECT_EQ(slot({BoardFamily::kP5}), limits::kBusSlot);
  EXPECT_EQ(slot({BoardFamily::kP1, BoardFamily::kP2, BoardFamily::kP5, BoardFamily::kP6}), limits::kBusSlot);
  EXPECT_EQ(slot({BoardFamily::kP5, BoardFamily::kP7}), limits::kBusSlot * 5);
}

// The P7 takes 220 ms to tell its doors: all others wait for their turn, and none is lost.
TEST(DriverSchedule, ASlowBoardSlowsTheRoundAndNothingElse) {
  MixedTrial trial(std::vector{board_at(Family::kP5, 9, 8), board_at(Family::kP7, 1, 24)});
  const Instant asked = trial.now;
  trial.run(Duration::seconds(6));
  const auto said = trial.said(asked);
  EXPECT_NEAR(static_cast<double>(said.size()), 20.0, 1.0) << "one in each slot of 300 ms";
  EXPECT_EQ(trial.cabinet.line().counts().collisions, 0U);
  EXPECT_TRUE(std::none_of(trial.events.begin(), trial.events.end(),
                           [](const DoorEvent& event) { return event.kind == DoorEvent::Kind::kBoardSilent; }));
  ASSERT_EQ(trial.bank.unlock(9, trial.now), Status::kOk);
  trial.bank.expect_movement(9);
  trial.run(Duration::seconds(2));
  EXPECT_EQ(trial.bank.state(9), DoorState::kOpen);
}

}  // namespace
}  // namespace cubby::drivers

#include "firmware/drivers/door_bank.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/fake_bus.h"

namespace cubby::drivers {
namespace {

using tests::FakeBus;
using Kind = DoorEvent::Kind;

struct World {
  FakeBus bus;
  DoorBank bank{bus};
  Instant now{};
  std::vector<std::pair<Instant, DoorEvent>> events;

  /// With `items`, the last channel of each board is the item sensor of its first door, and no door's.
  explicit World(std::size_t boards, bool items = false) {
    std::vector<BoardSettings> board_places;
    std::vector<DoorBank::DoorPlace> door_places;
    for (std::size_t i = 0; i < boards; ++i) {
      bus.add_board(static_cast<std::uint8_t>(i + 1));
      board_places.push_back({.address = static_cast<std::uint8_t>(i + 1), .channels = 8});
      const std::uint8_t doors = items ? 7 : 8;
      for (std::uint8_t channel = 0; channel < doors && door_places.size() < limits::kCompartmentsMax; ++channel) {
        door_places.push_back({.board = static_cast<std::uint8_t>(i), .channel = channel});
        if (items && channel == 0) {
          door_places.back().item_board = static_cast<std::uint8_t>(i);
          door_places.back().item_channel = 7;
          bus.board(static_cast<std::uint8_t>(i + 1)).doors[7].shut_from = {{INT64_MIN, false}};
        }
      }
    }
    bank.configure(board_places, door_places, {});
  }
  void boot() {
    bank.start(now);
    advance(Duration::seconds(5));
    ASSERT_TRUE(bank.started());
    events.clear();
  }
  void run() {
    bank.tick(now);
    while (const auto event = bank.next_event()) {
      events.emplace_back(now, *event);
    }
  }
  void advance(Duration duration) {
    const auto end = now + duration;
    run();
    while (true) {
      const auto next = bank.wake(now).earliest();
      if (next > end) {
        break;
      }
      now = std::max(next, now);
      run();
    }
    now = end;
  }
  std::vector<std::pair<Instant, DoorEvent>> of(Kind kind) const {
    std::vector<std::pair<Instant, DoorEvent>> found;
    std::copy_if(events.begin(), events.end(), std::back_inserter(found),
                 [&](const auto& entry) { return entry.second.kind == kind; });
    return found;
  }
};

TEST(DoorBank, SwitchesAllOutputsOffBeforeItReadsAnything) {
  World world(3);
  world.bank.start(world.now);
  world.advance(Duration::seconds(2));
  for (std::uint8_t address = 1; address <= 3; ++address) {
    EXPECT_EQ(world.bus.board(address).all_off, 1);
    const auto first = std::find_if(world.bus.frames().begin(), world.bus.frames().end(), [&](const auto& frame) {
      return frame.bytes[0] == static_cast<std::byte>(address);
    });
    ASSERT_NE(first, world.bus.frames().end());
    EXPECT_EQ(first->bytes[1], std::byte{5});
  }
  EXPECT_EQ(world.of(Kind::kStarted).size(), 1U);
  EXPECT_EQ(world.of(Kind::kDoor).size(), 24U);
  EXPECT_EQ(world.bank.state(1), DoorState::kShut);
}

TEST(DoorBank, SeesAForcedDoorOfThirteenBoardsWithinTwoSeconds) {
  World world(13);
  world.boot();
  for (std::uint8_t address = 1; address <= 13; ++address) {
    world.events.clear();
    const auto forced = world.now;
    world.bus.move_door(address, 5, false, forced);
    world.advance(Duration::seconds(3));
    ASSERT_EQ(world.of(Kind::kDoor).size(), 1U);
    EXPECT_LT(world.of(Kind::kDoor)[0].first, forced + Duration::seconds(2));
    EXPECT_EQ(world.of(Kind::kDoor)[0].second.compartment, (address - 1) * 8 + 6);
  }
}

TEST(DoorBank, SeesAForcedDoorOfTwentyFourBoardsWithinTwoSecondsWhileAnotherIsWatched) {
  World world(24);
  world.boot();
  world.bank.expect_movement(1);
  for (std::uint8_t address = 2; address <= 24; ++address) {
    world.events.clear();
    const auto forced = world.now;
    world.bus.move_door(address, 5, false, forced);
    world.advance(Duration::milliseconds(3'001));
    ASSERT_EQ(world.of(Kind::kDoor).size(), 1U) << static_cast<int>(address);
    EXPECT_LE(world.of(Kind::kDoor)[0].first, forced + Duration::milliseconds(2'000)) << static_cast<int>(address);
  }
}

TEST(DoorBank, UnlocksBeforeItPolls) {
  World world(13);
  world.boot();
  const auto asked = world.now;
  ASSERT_EQ(world.bank.unlock(9, world.now), Status::kOk);
  EXPECT_EQ(world.bank.unlock(10, world.now), Status::kBusy);
  world.advance(Duration::seconds(1));
  const auto unlocks = world.bus.unlocks();
  ASSERT_EQ(unlocks.size(), 1U);
  EXPECT_LE(unlocks[0].at, asked + limits::kBusSlot);
  EXPECT_EQ(unlocks[0].bytes[0], std::byte{2});
  ASSERT_EQ(world.of(Kind::kUnlock).size(), 1U);
  EXPECT_EQ(world.of(Kind::kUnlock)[0].second.exchange, Exchange::kDone);
  world.bank.expect_movement(9);
  world.advance(Duration::milliseconds(1'500));
  EXPECT_EQ(world.bank.state(9), DoorState::kOpen);
}

TEST(DoorBank, NeverRepeatsAnUnlockThatWasNotAnswered) {
  World world(2);
  world.boot();
  world.bus.board(1).silent = true;
  ASSERT_EQ(world.bank.unlock(1, world.now), Status::kOk);
  world.advance(Duration::minutes(1));
  EXPECT_EQ(world.bus.unlocks().size(), 1U);
  ASSERT_EQ(world.of(Kind::kUnlock).size(), 1U);
  EXPECT_EQ(world.of(Kind::kUnlock)[0].second.exchange, Exchange::kUnknown);
}

TEST(DoorBank, SaysNotSentWhenTheBusRefuses) {
  World world(1);
  world.boot();
  world.bus.board(1).clean_reads = 0;
  ASSERT_EQ(world.bank.unlock(1, world.now), Status::kOk);
  world.bus.fail_next_send(Status::kNotSent);
  world.advance(Duration::milliseconds(60));
  ASSERT_EQ(world.of(Kind::kUnlock).size(), 1U);
  EXPECT_EQ(world.of(Kind::kUnlock)[0].second.exchange, Exchange::kNotSent);
  EXPECT_EQ(world.bus.unlocks().size(), 0U);
}

TEST(DoorBank, MakesTheDoorsOfASilentBoardUnknownWithinTwoSecondsAndSaysWhenItAnswers) {
  World world(13);
  world.boot();
  const auto cut = world.now;
  world.bus.board(4).silent = true;
  world.advance(Duration::seconds(4));
  ASSERT_EQ(world.of(Kind::kBoardSilent).size(), 1U);
  EXPECT_LT(world.of(Kind::kBoardSilent)[0].first, cut + Duration::seconds(2));
  EXPECT_EQ(world.of(Kind::kBoardSilent)[0].second.board, 3);
  EXPECT_EQ(world.bank.state(25), DoorState::kUnknown);
  EXPECT_EQ(world.bank.state(24), DoorState::kShut);
  world.bus.board(4).silent = false;
  world.advance(Duration::seconds(3));
  ASSERT_EQ(world.of(Kind::kBoardAnswered).size(), 1U);
  EXPECT_EQ(world.bank.state(25), DoorState::kShut);
}

TEST(DoorBank, BelievesNothingOnASingleReading) {
  World world(1);
  world.boot();
  // Open for one reading only: a bounce.
  const auto sent = world.bus.frames().size();
  world.bus.move_door(1, 2, false, world.now);
  while (world.bus.frames().size() == sent) {
    world.now = world.bank.wake(world.now).earliest();
    world.run();
  }
  world.bus.move_door(1, 2, true, world.now + Duration::milliseconds(15));
  world.advance(Duration::seconds(2));
  EXPECT_TRUE(world.of(Kind::kDoor).empty());
}

TEST(DoorBank, SwitchesABoardOffThatWasSilentAtTheStart) {
  World world(2);
  world.bus.board(2).silent = true;
  world.bank.start(world.now);
  world.advance(Duration::seconds(3));
  EXPECT_TRUE(world.bank.started());
  EXPECT_EQ(world.bank.state(9), DoorState::kUnknown);
  world.bus.board(2).silent = false;
  world.advance(Duration::seconds(3));
  EXPECT_EQ(world.bus.board(2).all_off, 1);
  EXPECT_EQ(world.bank.state(9), DoorState::kShut);
}

TEST(DoorBank, AnswersARequestedReadingEvenIfNothingChanged) {
  World world(2);
  world.boot();
  world.bank.request_reading(3, world.now);
  world.advance(Duration::milliseconds(300));
  ASSERT_EQ(world.of(Kind::kFreshReading).size(), 1U);
  EXPECT_EQ(world.of(Kind::kFreshReading)[0].second.state, DoorState::kShut);
}

TEST(DoorBank, AnswersAllWhoAskForReadingsOfOneBoard) {
  World world(2, true);
  world.boot();
  world.bank.request_reading(3, world.now);
  world.advance(Duration::milliseconds(70));
  world.bank.request_reading(5, world.now);
  EXPECT_TRUE(world.bank.request_item(1, world.now));
  world.advance(Duration::milliseconds(300));
  const auto readings = world.of(Kind::kFreshReading);
  ASSERT_EQ(readings.size(), 2U);
  EXPECT_EQ(readings[0].second.compartment, 3);
  EXPECT_EQ(readings[1].second.compartment, 5);
  ASSERT_EQ(world.of(Kind::kFreshItem).size(), 1U);
  EXPECT_EQ(world.of(Kind::kFreshItem)[0].second.item, ItemState::kEmpty);
}

TEST(DoorBank, BelievesAnItemSensorOnTwoEqualReadingsAndKnowsWhoHasNone) {
  World world(2, true);
  world.boot();
  EXPECT_EQ(world.bank.item(1), ItemState::kEmpty);
  EXPECT_EQ(world.bank.item(2), ItemState::kUnknown);
  EXPECT_FALSE(world.bank.request_item(2, world.now));
  world.bus.move_door(1, 7, true, world.now);
  world.bus.move_door(1, 7, false, world.now + Duration::milliseconds(90));  // One slot sees it, or two.
  world.advance(Duration::seconds(1));
  const auto blinks = world.of(Kind::kItem).size();
  EXPECT_TRUE(blinks == 0 || blinks == 2);
  EXPECT_EQ(world.bank.item(1), ItemState::kEmpty);
  world.events.clear();
  world.bus.move_door(1, 7, true, world.now);
  world.advance(Duration::seconds(1));
  ASSERT_EQ(world.of(Kind::kItem).size(), 1U);
  EXPECT_EQ(world.of(Kind::kItem)[0].second.compartment, 1);
  EXPECT_EQ(world.of(Kind::kItem)[0].second.item, ItemState::kPresent);
  EXPECT_TRUE(world.of(Kind::kDoor).empty());
  world.bus.board(1).silent = true;
  world.advance(Duration::seconds(2));
  EXPECT_EQ(world.bank.item(1), ItemState::kUnknown);
  EXPECT_FALSE(world.bank.request_item(1, world.now));
}

TEST(DoorBank, SaysAFreshItemOnlyWhenTwoReadingsAfterTheRequestAreEqual) {
  World world(2, true);
  world.boot();
  const auto asked = world.now;
  ASSERT_TRUE(world.bank.request_item(1, asked));
  for (int i = 0; i < 10; ++i) {  // As often as it is read, until it stops.
    world.bus.move_door(1, 7, i % 2 == 0, asked + Duration::milliseconds(60 * i));
  }
  world.advance(Duration::milliseconds(400));
  EXPECT_TRUE(world.of(Kind::kFreshItem).empty());
  world.advance(Duration::seconds(1));
  ASSERT_EQ(world.of(Kind::kFreshItem).size(), 1U);
  EXPECT_EQ(world.of(Kind::kFreshItem)[0].second.item, ItemState::kEmpty);
}

TEST(DoorBank, AnInputThatNeverSettlesTakesNoOtherBoardsTurn) {
  World world(3, true);
  const auto from = world.now;
  for (int i = 0; i < 4'000; ++i) {
    world.bus.move_door(1, 7, i % 2 == 0, from + Duration::milliseconds(29 * i));
  }
  world.boot();  // It starts, whatever an item sensor does.
  EXPECT_EQ(world.bank.state(1), DoorState::kShut);
  for (int round = 0; round < 20; ++round) {
    world.advance(Duration::seconds(2));
    world.events.clear();
    const auto forced = world.now;
    world.bus.move_door(3, 2, round % 2 != 0, forced);
    world.advance(Duration::seconds(2));
    ASSERT_EQ(world.of(Kind::kDoor).size(), 1U) << round;
  }
}

TEST(DoorBank, PollsOnTheGridAndSaysThatItIsIdle) {
  World world(3);
  world.boot();
  const auto before = world.bus.frames().size();
  world.advance(Duration::seconds(2));
  ASSERT_GT(world.bus.frames().size(), before + 30);
  for (auto i = before; i < world.bus.frames().size(); ++i) {
    const auto& frame = world.bus.frames()[i];
    EXPECT_TRUE(frame.idle);
    EXPECT_EQ(frame.at.us % limits::kBusSlot.us, 0);
    EXPECT_EQ(std::to_integer<std::int64_t>(frame.bytes[0]), frame.at.us / limits::kBusSlot.us % 3 + 1);
  }
}

}  // namespace
}  // namespace cubby::drivers

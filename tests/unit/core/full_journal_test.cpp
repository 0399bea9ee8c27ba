// A journal that has no room left, not even of its reserve, and gets some back.
#include <gtest/gtest.h>

#include <array>

#include "firmware/core/records.h"
#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;

/// A station with one parcel, a checkpoint, and only the reserve left.
class Crowded {
 public:
  Crowded() : world({.retention_h = 1, .sectors = 8}) {
    compartment = world.deposit();
    reserved = world.reservations()
                   .reserve({.size = 1, .carrier = "sf", .parcel = {}, .ttl_s = 1'800, .low = false})
                   .compartment;
    while (world.controller().journal().room_for_deposits()) {
      EXPECT_TRUE(append());
    }
    world.enter_code(world.wrong_code());  // What the station itself appends makes it write the checkpoint.
  }
  /// Another boot's record, as small as they are; false: no room is left.
  bool append() {
    constexpr auto kKind = static_cast<std::uint8_t>(core::RecordKind::kThrottle);
    auto& journal = const_cast<store::Journal&>(world.controller().journal());
    return journal.append_internal(kKind, std::array<std::byte, 4>{}) == Status::kOk;
  }
  /// Leaves room for so many of the smallest records.
  void fill_up_to(std::size_t room) {
    Crowded same;
    same.world.advance(world.now() - same.world.now());  // As old as this one, with the records that age brings.
    std::size_t fits = 0;
    while (same.append()) {
      ++fits;
    }
    ASSERT_LE(room, fits);
    for (std::size_t i = 0; i + room < fits; ++i) {
      ASSERT_TRUE(append());
    }
  }

  StationWorld world;
  unsigned compartment = 0;  // Of the parcel, for an hour.
  unsigned reserved = 0;     // For half an hour.
};

// Its own snapshot found no room, and the station stayed in safe mode for ever: nobody could acknowledge anything.
TEST(FullJournal, WhoseBeginningIsLostStillRuns) {
  Crowded crowded;
  auto& world = crowded.world;
  crowded.fill_up_to(0);
  const auto hash = world.controller().state().config_hash();
  ASSERT_GE(world.flash().spoil(hash), 2U);  // It stands in what opens a journal, and in each checkpoint.
  for (int boots = 0; boots < 3; ++boots) {
    world.power_cycle();
    ASSERT_TRUE(world.controller().running());
    EXPECT_FALSE(world.controller().state().snapshot_seen());
    EXPECT_EQ(world.state(crowded.compartment), CompartmentState::kDisputed);
    EXPECT_EQ(world.deposit(), 0U);
  }
}

TEST(FullJournal, WhatWasTakenOutIsNotBelievedInsideOnceThereIsRoomAgain) {
  std::size_t late = 0;
  for (std::size_t room = 0; room < 20; ++room) {
    Crowded crowded;
    auto& world = crowded.world;
    const auto compartment = crowded.compartment;
    world.advance(Duration::minutes(10));
    crowded.fill_up_to(room);
    world.enter_code(world.code_of(compartment));
    if (!world.is_open(compartment)) {
      EXPECT_EQ(world.last_screen().screen, Screen::kOutOfService) << room;
      EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied) << room;
      continue;
    }
    world.advance_seconds(3);
    world.shut(compartment);  // They have taken it.
    world.advance_seconds(3);
    late += world.events(cubby_v1_Event_collected_tag).empty() ? 1U : 0U;
    world.acknowledge_all();
    world.advance_seconds(130);
    EXPECT_TRUE(world.events(cubby_v1_Event_open_failed_tag).empty()) << room;
    ASSERT_EQ(world.events(cubby_v1_Event_collected_tag).size(), 1U) << room;
    // From when it was seen open to when that could be written, not from when the station was built.
    EXPECT_LT(world.events(cubby_v1_Event_collected_tag)[0].body.collected.open_ms, 140'000U) << room;
    EXPECT_EQ(world.state(compartment), CompartmentState::kVacant) << room;
    EXPECT_EQ(world.controller().state().repairs(), 0U) << room;
  }
  EXPECT_GT(late, 0U);
}

TEST(FullJournal, ADoorThatDidNotOpenIsToldOnceThereIsRoomAgain) {
  std::size_t late = 0;
  for (std::size_t room = 0; room < 40; ++room) {
    Crowded crowded;
    auto& world = crowded.world;
    const auto compartment = crowded.compartment;
    crowded.fill_up_to(room);
    world.jam(compartment);
    world.enter_code(world.code_of(compartment));
    world.advance_seconds(10);
    if (world.openings() == 1) {
      continue;  // Not even the intent found room.
    }
    EXPECT_TRUE(world.showed(Screen::kDoorFailed)) << room;
    late += world.events(cubby_v1_Event_open_failed_tag).empty() ? 1U : 0U;
    const auto attempts = world.openings();
    world.acknowledge_all();
    world.advance_seconds(130);
    EXPECT_EQ(world.openings(), attempts) << room;
    ASSERT_EQ(world.events(cubby_v1_Event_open_failed_tag).size(), 1U) << room;
    EXPECT_EQ(world.events(cubby_v1_Event_open_failed_tag)[0].body.open_failed.attempts + 1U, attempts) << room;
    EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied) << room;
  }
  EXPECT_GT(late, 0U);
}

/// Nothing can be made durable until the centre acknowledges; or, `to_reserve`, only what needs no room for deposits.
void fill(StationWorld& world, bool to_reserve = false) {
  constexpr auto kKind = static_cast<std::uint8_t>(core::RecordKind::kThrottle);
  auto& journal = const_cast<store::Journal&>(world.controller().journal());
  while ((!to_reserve || journal.room_for_deposits()) &&
         journal.append_internal(kKind, std::array<std::byte, 4>{}) == Status::kOk) {
  }
}

/// The door is shut, its person waits for a word of the panel and leaves, the journal gets room again.
void shut_and_leave(StationWorld& world, unsigned compartment) {
  fill(world);
  world.advance_seconds(3);
  world.shut(compartment);
  world.advance_seconds(85);
  EXPECT_NE(world.last_screen().screen, Screen::kIdle) << "they may stand there still";
  world.advance_seconds(10);
  EXPECT_TRUE(world.showed(Screen::kIdle));
  world.acknowledge_all();
  world.advance_seconds(130);
}

// The next door of a recall opened minutes after its courier had gone, with a parcel inside: found by a restored backup
// of the aggregator, while stations had no room.
TEST(FullJournal, NoDoorOpensForACourierWhoHasLongGone) {
  StationWorld world({.retention_h = 1, .sectors = 8});
  const auto first = world.deposit();
  const auto second = world.deposit();
  world.advance(Duration::hours(2));
  ASSERT_EQ(world.state(second), CompartmentState::kOverdue);
  fill(world, true);
  world.scan(world.courier_pass("sf"));
  world.key('R');
  world.advance_seconds(1);
  ASSERT_TRUE(world.is_open(first));
  const auto before = world.openings();
  shut_and_leave(world, first);
  EXPECT_EQ(world.events(cubby_v1_Event_recalled_tag).size(), 1U);
  EXPECT_EQ(world.openings(), before);
  EXPECT_EQ(world.state(second), CompartmentState::kOverdue);
}

TEST(FullJournal, NoDoorOpensForARecipientWhoHasLongGone) {
  StationWorld world({.retention_h = 100, .sectors = 8});
  const auto first = world.deposit_for("CBR1.00000000000000a1", "P1");
  const auto second = world.deposit_for("CBR1.00000000000000a1", "P2");
  const auto code = world.code_of(first);
  fill(world, true);
  world.enter_code(code);
  ASSERT_TRUE(world.is_open(first));
  const auto before = world.openings();
  shut_and_leave(world, first);
  EXPECT_EQ(world.events(cubby_v1_Event_collected_tag).size(), 1U);
  EXPECT_EQ(world.openings(), before);
  world.enter_code(code);
  EXPECT_TRUE(world.is_open(second)) << "the code stays good";
}

// A boot that found no room for its own event went into safe mode: with the uplink off, nothing could ever make room
// again, and every parcel was locked in. Found by cutting the power in the life "full" of tests/power_loss.
TEST(FullJournal, APowerCutLeavesAStationThatServesAndTellsOfItsBootOnceThereIsRoomAgain) {
  Crowded crowded;
  auto& world = crowded.world;
  const auto fill = [&] {
    while (crowded.append()) {
    }
  };
  fill();
  for (int boots = 0; boots < 3; ++boots) {
    world.power_cycle();
    ASSERT_TRUE(world.controller().running());
    ASSERT_EQ(world.state(crowded.compartment), CompartmentState::kOccupied);
    fill();
  }
  const auto told = world.events(cubby_v1_Event_booted_tag).size();
  ASSERT_LT(told, 4U) << "there was room for every boot";
  world.acknowledge_all();
  world.advance_seconds(5);
  ASSERT_EQ(world.events(cubby_v1_Event_booted_tag).size(), told + 1);
  EXPECT_TRUE(world.events(cubby_v1_Event_booted_tag).back().body.booted.has_off_ms);
  world.enter_code(world.code_of(crowded.compartment));
  EXPECT_TRUE(world.is_open(crowded.compartment));
}

TEST(FullJournal, TermsThatRanOutMeanwhileEndOnceThereIsRoomAgain) {
  Crowded crowded;
  auto& world = crowded.world;
  ASSERT_NE(crowded.reserved, 0U);
  crowded.fill_up_to(0);
  world.advance(Duration::minutes(70));
  EXPECT_EQ(world.state(crowded.compartment), CompartmentState::kOccupied);
  EXPECT_EQ(world.state(crowded.reserved), CompartmentState::kReserved);
  world.acknowledge_all();
  world.advance_seconds(70);
  EXPECT_EQ(world.state(crowded.compartment), CompartmentState::kOverdue);
  EXPECT_EQ(world.state(crowded.reserved), CompartmentState::kVacant);
  EXPECT_EQ(world.events(cubby_v1_Event_overdue_tag).size(), 1U);
  EXPECT_EQ(world.events(cubby_v1_Event_reservation_ended_tag).size(), 1U);
}

TEST(FullJournal, ADoorThatNobodyCanAnswerForIsInDoubtOnceThereIsRoomAgain) {
  std::size_t late = 0;
  for (std::size_t room = 0; room < 20; ++room) {
    Crowded crowded;
    auto& world = crowded.world;
    const auto compartment = crowded.compartment;
    const auto code = world.code_of(compartment);
    crowded.fill_up_to(room);
    world.jam(compartment);
    world.keys(code);
    const auto before = world.openings();
    world.key('#');
    world.advance(Duration::milliseconds(100));
    if (world.openings() == before) {
      continue;  // Not even the intent found room.
    }
    world.board_of(compartment).silent = true;
    world.advance_seconds(20);
    late += world.events(cubby_v1_Event_custody_uncertain_tag).empty() ? 1U : 0U;
    world.acknowledge_all();
    world.advance_seconds(130);
    world.board_of(compartment).silent = false;
    world.advance_seconds(10);
    EXPECT_EQ(world.events(cubby_v1_Event_custody_uncertain_tag).size(), 1U) << room;
    EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed) << room;
    EXPECT_EQ(world.openings(), before + 1) << room;
    world.jam(compartment, false);
    world.enter_code(code);
    EXPECT_TRUE(world.is_open(compartment)) << room;
  }
  EXPECT_GT(late, 0U);
}

}  // namespace
}  // namespace cubby::tests

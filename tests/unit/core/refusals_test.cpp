// What a station must not do, whoever asks.
#include <gtest/gtest.h>

#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;

TEST(Deposit, NeverGoesBehindADoorThatIsInDoubt) {
  StationWorld world({.doors = {cubby_v1_Size_SIZE_S}});
  const auto compartment = world.deposit();
  world.scan(world.technician_pass());
  world.keys("2" + std::to_string(compartment) + "#");
  world.advance_seconds(1);
  world.shut(compartment);
  world.advance_seconds(1);
  world.keys("**");  // The technician does not say what is there.
  ASSERT_EQ(world.state(compartment), CompartmentState::kDisputed);
  const auto before = world.openings();
  EXPECT_EQ(world.begin_deposit(), 0U);
  const auto turned_away = world.events(cubby_v1_Event_turned_away_tag);
  ASSERT_EQ(turned_away.size(), 1U);
  EXPECT_EQ(turned_away[0].body.turned_away.reason, cubby_v1_TurnedAwayReason_TURNED_AWAY_REASON_FULL);
  EXPECT_EQ(world.openings(), before);
}

TEST(Deposit, GetsAnotherDoorForTheSameSizeNeverTheSameOne) {
  StationWorld world({.doors = {cubby_v1_Size_SIZE_S, cubby_v1_Size_SIZE_M}});
  ASSERT_EQ(world.begin_deposit(), 1U);
  world.key('S');  // Dirty, or it does not shut well.
  world.shut(1);
  world.advance_seconds(2);
  EXPECT_EQ(world.last_screen().screen, Screen::kPutIn);
  EXPECT_EQ(world.last_screen().compartment, 2U);
  world.key('S');
  world.shut(2);
  world.advance_seconds(2);
  EXPECT_EQ(world.last_screen().screen, Screen::kTurnedAway);  // Both were shown already.
}

TEST(Retention, EndsWhenItsTimeIsOverAndNotBefore) {
  StationWorld world({.retention_h = 2});
  const auto compartment = world.deposit();
  world.advance(Duration::minutes(120) - Duration::seconds(30));
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
  world.advance_seconds(31);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOverdue);
}

TEST(Recall, LeavesWhatIsNotOverdueToItsRecipient) {
  StationWorld world;
  const auto compartment = world.deposit();
  world.scan(world.courier_pass());
  world.key('R');
  world.advance_seconds(2);
  EXPECT_EQ(world.last_screen().screen, Screen::kRecallDone);
  EXPECT_EQ(world.last_screen().number, 0U);
  EXPECT_FALSE(world.is_open(compartment));
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
}

TEST(Opening, IsNotAttemptedAtADoorThatCannotBeRead) {
  StationWorld world;
  const auto compartment = world.deposit();
  world.board_of(compartment).silent = true;
  world.advance_seconds(10);
  const auto before = world.openings();
  world.enter_code(world.code_of(compartment));
  EXPECT_EQ(world.last_screen().screen, Screen::kDoorFailed);
  world.advance_seconds(10);
  EXPECT_EQ(world.openings(), before);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
  world.board_of(compartment).silent = false;
  world.advance_seconds(10);
  world.enter_code(world.code_of(compartment));  // It was no guess, and the code is good.
  EXPECT_TRUE(world.is_open(compartment));
}

TEST(DoorWatch, DoubtsAParcelThatWaitsForItsCourierBehindAForcedDoor) {
  StationWorld world;
  const auto compartment = world.deposit();
  world.enter_code(world.code_of(compartment));
  world.key('N');
  world.shut(compartment);
  world.advance_seconds(2);
  ASSERT_EQ(world.state(compartment), CompartmentState::kOverdue);
  world.force(compartment);
  world.advance_seconds(2);
  EXPECT_EQ(world.events(cubby_v1_Event_custody_uncertain_tag).size(), 1U);
  world.shut(compartment);
  world.advance_seconds(2);
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
}

TEST(Throttle, IsNotEndedByTheNextPersonsDeposit) {
  StationWorld world;
  for (int i = 0; i < 4; ++i) {
    world.enter_code(world.wrong_code());
  }
  ASSERT_NE(world.deposit(), 0U);
  EXPECT_EQ(world.controller().state().failures(), 4U);
  world.enter_code(world.wrong_code());
  EXPECT_EQ(world.last_screen().screen, Screen::kLockedOut);
}

TEST(Throttle, IsNotEndedByACodeWhoseDoorDoesNotOpen) {
  StationWorld world;
  const auto compartment = world.deposit();
  world.jam(compartment);
  for (int i = 0; i < 4; ++i) {
    world.enter_code(world.wrong_code());
  }
  world.enter_code(world.code_of(compartment));
  world.advance_seconds(15);  // Three attempts.
  EXPECT_EQ(world.controller().state().failures(), 4U);
  world.enter_code(world.wrong_code());
  EXPECT_EQ(world.last_screen().screen, Screen::kLockedOut);
}

}  // namespace
}  // namespace cubby::tests

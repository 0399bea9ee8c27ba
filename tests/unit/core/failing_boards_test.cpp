// Lock boards that refuse or fall silent, doors that move at the wrong moment, a supply that fails between two
// attempts.
#include <gtest/gtest.h>

#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;

/// Two boards: doors 1 to 8 and 9 to 16.
StationWorld::Options two_boards() {
  return {.doors = std::vector<cubby_v1_Size>(16, cubby_v1_Size_SIZE_S)};
}

cubby_v1_OpenFailed only_failure(const StationWorld& world) {
  const auto failures = world.events(cubby_v1_Event_open_failed_tag);
  EXPECT_EQ(failures.size(), 1U);
  return failures.empty() ? cubby_v1_OpenFailed{} : failures[0].body.open_failed;
}

/// A deposit up to the moment before its unlock frame.
void choose_size_next(StationWorld& world) {
  world.scan(world.courier_pass());
  world.scan("P1");
}

TEST(RefusingBoard, IsAskedThreeTimesThenItsDoorLeavesAllocation) {
  StationWorld world(two_boards());
  world.board_of(1).refuses = true;
  choose_size_next(world);
  world.key('S');
  world.advance_seconds(8);
  EXPECT_EQ(only_failure(world).cause, cubby_v1_OpenFailure_OPEN_FAILURE_REFUSED);
  EXPECT_EQ(only_failure(world).attempts, 3U);
  EXPECT_EQ(world.state(1), CompartmentState::kOutOfService);
  ASSERT_EQ(world.events(cubby_v1_Event_out_of_service_tag).size(), 1U);
  EXPECT_EQ(world.events(cubby_v1_Event_out_of_service_tag)[0].body.out_of_service.reason,
            cubby_v1_OutOfServiceReason_OUT_OF_SERVICE_REASON_JAMMED);
  EXPECT_TRUE(world.events(cubby_v1_Event_custody_uncertain_tag).empty());
}

TEST(RefusingBoard, LeavesAParcelWhereItIsWithItsCode) {
  StationWorld world;
  const auto compartment = world.deposit();
  const auto code = world.code_of(compartment);
  world.board_of(compartment).refuses = true;
  world.enter_code(code);
  world.advance_seconds(8);
  EXPECT_TRUE(world.showed(Screen::kDoorFailed));
  EXPECT_EQ(only_failure(world).cause, cubby_v1_OpenFailure_OPEN_FAILURE_REFUSED);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
  EXPECT_TRUE(world.events(cubby_v1_Event_out_of_service_tag).empty());
  world.board_of(compartment).refuses = false;
  world.enter_code(code);
  EXPECT_TRUE(world.is_open(compartment));
}

TEST(RefusingBoard, ThatFallsSilentThenHasStillNotOpenedTheDoor) {
  StationWorld world(two_boards());
  choose_size_next(world);
  world.board_of(1).refuses = true;
  world.key('S');
  world.advance(Duration::milliseconds(90));  // The exception has arrived; no reading since.
  world.board_of(1).silent = true;
  world.advance_seconds(12);
  ASSERT_EQ(world.openings(), 2U);  // One there, one at the next door.
  EXPECT_EQ(only_failure(world).cause, cubby_v1_OpenFailure_OPEN_FAILURE_REFUSED);
  EXPECT_EQ(only_failure(world).attempts, 1U);
  EXPECT_EQ(world.state(1), CompartmentState::kVacant) << "it is known that nothing moved";
  EXPECT_TRUE(world.events(cubby_v1_Event_custody_uncertain_tag).empty());
  EXPECT_TRUE(world.is_open(9));
}

TEST(FailingSupply, BetweenTwoAttemptsEndsThem) {
  StationWorld world;
  world.jam(1);
  choose_size_next(world);
  world.key('S');
  world.advance(Duration::milliseconds(1'900));
  ASSERT_EQ(world.openings(), 1U);
  world.set_supply(hal::Supply::kFailing);
  world.advance_seconds(10);
  EXPECT_EQ(world.openings(), 1U);
  EXPECT_EQ(only_failure(world).attempts, 1U);
  EXPECT_EQ(world.state(1), CompartmentState::kVacant) << "one attempt proves no jam";
  EXPECT_EQ(world.last_screen().screen, Screen::kOutOfService);
}

TEST(FailingSupply, OpensNothingForARecipientWhoIsToldAndWhoseCodeStaysGood) {
  StationWorld world;
  const auto compartment = world.deposit();
  const auto before = world.openings();
  world.set_supply(hal::Supply::kFailing);
  world.enter_code(world.code_of(compartment));
  EXPECT_EQ(world.last_screen().screen, Screen::kOutOfService);
  EXPECT_EQ(world.openings(), before);
  world.set_supply(hal::Supply::kMains);
  world.enter_code(world.code_of(compartment));
  EXPECT_TRUE(world.is_open(compartment));
}

// Somebody pulls at the door that is just being chosen: at each moment of the two readings and of the frame.
TEST(DoorThatMoves, BeforeItsUnlockIsAnsweredIsOpenedOnceOrForced) {
  std::size_t taken_back = 0;
  for (int offset_ms = -700; offset_ms < 300; offset_ms += 7) {
    StationWorld world({.doors = {cubby_v1_Size_SIZE_S}});
    choose_size_next(world);
    world.advance_seconds(1);
    if (offset_ms < 0) {
      world.force(1);
      world.advance(Duration::milliseconds(-offset_ms));
    }
    world.key('S');
    if (offset_ms >= 0) {
      world.advance(Duration::milliseconds(offset_ms));
      world.force(1);
    }
    world.advance_seconds(3);
    const auto forced = world.events(cubby_v1_Event_door_forced_tag).size();
    const bool opened = world.showed(Screen::kPutIn);
    EXPECT_NE(forced == 1, opened) << offset_ms;
    EXPECT_LE(world.openings(), opened ? 1U : 0U) << offset_ms;
    taken_back += opened && world.openings() == 0 ? 1U : 0U;
    world.shut(1);
    world.advance_seconds(3);
    EXPECT_EQ(world.state(1), opened ? CompartmentState::kOccupied : CompartmentState::kOutOfService) << offset_ms;
    EXPECT_EQ(world.controller().state().repairs(), 0U) << offset_ms;
  }
  EXPECT_GT(taken_back, 0U) << "no moment at which the frame could be saved";
}

TEST(SilentBoard, AtTheBootLeavesAnOpeningPendingUntilItAnswers) {
  StationWorld world(two_boards());
  const auto compartment = world.begin_deposit();
  ASSERT_NE(compartment, 0U);
  world.shut(compartment);
  world.board_of(compartment).silent = true;
  world.power_cycle();
  world.advance_seconds(30);
  EXPECT_TRUE(world.events(cubby_v1_Event_deposited_tag).empty());
  EXPECT_EQ(world.state(compartment), CompartmentState::kLoading);
  world.board_of(compartment).silent = false;
  world.advance_seconds(10);
  EXPECT_EQ(world.events(cubby_v1_Event_deposited_tag).size(), 1U);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
  EXPECT_EQ(world.openings(), 1U);
}

TEST(SilentBoard, AtTheBootLeavesAPulseUndecidedUntilItAnswers) {
  StationWorld world(two_boards());
  const auto compartment = world.deposit();
  world.jam(compartment);
  world.keys(world.code_of(compartment));
  world.key('#');
  world.advance(Duration::milliseconds(100));
  world.board_of(compartment).silent = true;
  world.power_cycle();
  world.advance_seconds(30);
  EXPECT_EQ(world.state(compartment), CompartmentState::kCollecting);
  EXPECT_TRUE(world.events(cubby_v1_Event_custody_uncertain_tag).empty());
  const auto before = world.openings();
  world.board_of(compartment).silent = false;
  world.advance_seconds(10);
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
  EXPECT_EQ(world.events(cubby_v1_Event_custody_uncertain_tag).size(), 1U);
  EXPECT_EQ(world.openings(), before);
}

TEST(SilentBoard, WhileADoorIsOpenChangesNothingUntilItAnswers) {
  StationWorld world(two_boards());
  const auto compartment = world.begin_deposit();
  ASSERT_NE(compartment, 0U);
  world.board_of(compartment).silent = true;
  world.advance_seconds(10);
  ASSERT_EQ(world.events(cubby_v1_Event_board_silent_tag).size(), 1U);
  EXPECT_EQ(world.state(compartment), CompartmentState::kLoading);
  EXPECT_EQ(world.last_screen().screen, Screen::kPutIn);
  world.shut(compartment);
  world.advance_seconds(10);
  EXPECT_TRUE(world.events(cubby_v1_Event_deposited_tag).empty());
  world.board_of(compartment).silent = false;
  world.advance_seconds(10);
  EXPECT_EQ(world.events(cubby_v1_Event_deposited_tag).size(), 1U);
  EXPECT_TRUE(world.events(cubby_v1_Event_custody_uncertain_tag).empty());
}

TEST(SilentBoard, WhoseDoubtCannotBeWrittenDownIsInDoubtAfterTheNextBoot) {
  std::size_t doubted = 0;
  for (std::size_t operations = 0; operations < 6; ++operations) {
    StationWorld world(two_boards());
    choose_size_next(world);
    world.flash().fail_after(operations);
    world.key('S');
    world.board_of(1).silent = true;
    world.advance_seconds(15);
    const bool pulsed = !world.bus().unlocks().empty();
    const auto before = world.openings();
    world.board_of(1).silent = false;
    world.flash().repair();
    world.power_cycle();
    world.advance_seconds(5);
    EXPECT_EQ(world.state(1), pulsed ? CompartmentState::kDisputed : CompartmentState::kVacant) << operations;
    EXPECT_EQ(world.openings(), before) << operations;
    EXPECT_EQ(world.controller().state().repairs(), 0U) << operations;
    doubted += pulsed ? 1U : 0U;
  }
  EXPECT_GT(doubted, 0U);
}

TEST(PowerCut, BetweenTwoAttemptsEndsAsWhatTheLastOneWas) {
  for (const bool refuses : {false, true}) {
    StationWorld world;
    world.jam(1);
    world.board_of(1).refuses = refuses;
    choose_size_next(world);
    world.key('S');
    world.advance(Duration::milliseconds(1'900));
    ASSERT_EQ(world.openings(), 1U);
    world.power_cycle();
    EXPECT_EQ(world.openings(), 1U);
    EXPECT_EQ(only_failure(world).cause,
              refuses ? cubby_v1_OpenFailure_OPEN_FAILURE_REFUSED : cubby_v1_OpenFailure_OPEN_FAILURE_JAMMED);
    EXPECT_EQ(world.state(1), CompartmentState::kVacant);
  }
}

TEST(PowerCut, WithADoorLeftOpenTellsOfItOnce) {
  StationWorld world;
  const auto compartment = world.begin_deposit();
  world.advance_seconds(61);
  ASSERT_EQ(world.events(cubby_v1_Event_door_left_open_tag).size(), 1U);
  world.power_cycle();
  world.advance_seconds(120);
  EXPECT_EQ(world.events(cubby_v1_Event_door_left_open_tag).size(), 1U);
  world.shut(compartment);
  world.advance_seconds(3);
  ASSERT_EQ(world.events(cubby_v1_Event_door_shut_late_tag).size(), 1U);
  EXPECT_GE(world.events(cubby_v1_Event_door_shut_late_tag)[0].body.door_shut_late.open_ms, 170'000U);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
}

TEST(PowerCut, WithADoorForcedOpenForgetsSinceWhen) {
  StationWorld world;
  world.force(2);
  world.advance_seconds(3);
  world.power_cycle();
  world.shut(2);
  world.advance_seconds(3);
  ASSERT_EQ(world.events(cubby_v1_Event_door_shut_late_tag).size(), 1U);
  EXPECT_EQ(world.events(cubby_v1_Event_door_shut_late_tag)[0].body.door_shut_late.open_ms, 0U);
  EXPECT_EQ(world.state(2), CompartmentState::kOutOfService);
}

}  // namespace
}  // namespace cubby::tests

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;

TEST(Opening, OfADoorThatDoesNotOpenIsTriedThreeTimesThenTheNextDoor) {
  StationWorld world;
  world.jam(1);
  world.begin_deposit('S');
  world.advance_seconds(9);
  const auto unlocks = world.bus().unlocks();
  ASSERT_EQ(unlocks.size(), 4U);
  EXPECT_EQ(unlocks[0].bytes, unlocks[2].bytes);
  EXPECT_NE(unlocks[2].bytes, unlocks[3].bytes);
  EXPECT_GE(unlocks[1].at - unlocks[0].at, limits::kAttemptSpacing);
  EXPECT_GE(unlocks[2].at - unlocks[1].at, limits::kAttemptSpacing);
  EXPECT_LE(unlocks[2].at - unlocks[0].at, limits::kAuthorisationLife);
  EXPECT_TRUE(world.showed(Screen::kDoorFailed));
  EXPECT_EQ(world.last_screen().screen, Screen::kPutIn);
  EXPECT_EQ(world.last_screen().compartment, 2U);
  ASSERT_EQ(world.events(cubby_v1_Event_open_failed_tag).size(), 1U);
  const auto failed = world.events(cubby_v1_Event_open_failed_tag)[0].body.open_failed;
  EXPECT_EQ(failed.cause, cubby_v1_OpenFailure_OPEN_FAILURE_JAMMED);
  EXPECT_EQ(failed.attempts, 3U);
  EXPECT_EQ(world.state(1), CompartmentState::kOutOfService);
}

TEST(Opening, GivesUpAfterThreeDoors) {
  StationWorld world(
      {.doors = {cubby_v1_Size_SIZE_S, cubby_v1_Size_SIZE_S, cubby_v1_Size_SIZE_S, cubby_v1_Size_SIZE_S}});
  for (unsigned door = 1; door <= 4; ++door) {
    world.jam(door);
  }
  world.begin_deposit('S');
  world.advance_seconds(40);
  EXPECT_EQ(world.bus().unlocks().size(), 9U);
  EXPECT_EQ(world.last_screen().screen, Screen::kTurnedAway);
  EXPECT_EQ(world.last_screen().number, 6U);
  EXPECT_EQ(world.state(4), CompartmentState::kVacant);
  world.jam(1, false);
  world.key('*');
  world.scan(world.technician_pass());
  world.keys("51#52#53#*");
  EXPECT_EQ(world.state(1), CompartmentState::kVacant);
  EXPECT_EQ(world.events(cubby_v1_Event_in_service_tag).size(), 3U);
}

TEST(Opening, OfAnOccupiedDoorThatJamsKeepsTheParcelAndTheCode) {
  StationWorld world;
  const auto compartment = world.deposit();
  world.jam(compartment);
  world.enter_code(world.code_of(compartment));
  world.advance_seconds(8);
  EXPECT_TRUE(world.showed(Screen::kDoorFailed));
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
  EXPECT_TRUE(world.events(cubby_v1_Event_out_of_service_tag).empty());
  world.jam(compartment, false);
  world.enter_code(world.code_of(compartment));
  EXPECT_EQ(world.last_screen().screen, Screen::kTakeOut);
}

TEST(Opening, ThatComesLateStillCounts) {
  StationWorld world;
  world.jam(1);
  world.begin_deposit();
  world.advance(Duration::milliseconds(1'700));
  world.force(1);  // The frozen door comes free between two attempts.
  world.advance_seconds(3);
  EXPECT_EQ(world.last_screen().screen, Screen::kPutIn);
  EXPECT_TRUE(world.events(cubby_v1_Event_door_forced_tag).empty());
  world.shut(1);
  world.advance_seconds(1);
  EXPECT_EQ(world.events(cubby_v1_Event_deposited_tag).size(), 1U);
}

TEST(Opening, WithAnUnansweredUnlockGoesByTheSwitch) {
  StationWorld world;
  world.bus().spoil_next_reply();
  const auto compartment = world.begin_deposit();
  world.advance_seconds(1);
  // Whichever reply was spoiled: one unlock, one open door.
  EXPECT_NE(compartment, 0U);
  EXPECT_EQ(world.bus().unlocks().size(), 1U);
}

TEST(Opening, WhoseBoardFallsSilentIsUncertain) {
  StationWorld world({.doors = std::vector<cubby_v1_Size>(16, cubby_v1_Size_SIZE_S)});
  world.scan(world.courier_pass());
  world.scan("P1");
  world.board_of(1).silent = true;
  world.key('S');
  world.advance_seconds(30);
  EXPECT_EQ(world.state(1), CompartmentState::kDisputed);
  ASSERT_EQ(world.events(cubby_v1_Event_custody_uncertain_tag).size(), 1U);
  EXPECT_EQ(world.events(cubby_v1_Event_open_failed_tag)[0].body.open_failed.cause,
            cubby_v1_OpenFailure_OPEN_FAILURE_BOARD_SILENT);
  EXPECT_EQ(world.events(cubby_v1_Event_board_silent_tag).size(), 1U);
  EXPECT_EQ(world.bus().unlocks().size(), 2U);  // One frame to the silent board, one to the next door.
  EXPECT_EQ(world.last_screen().compartment, 9U);
}

TEST(Opening, IsNotAttemptedWhenTheSupplyIsFailing) {
  StationWorld world;
  world.set_supply(hal::Supply::kFailing);
  world.begin_deposit();
  EXPECT_EQ(world.last_screen().screen, Screen::kOutOfService);
  EXPECT_TRUE(world.bus().unlocks().empty());
  EXPECT_EQ(world.state(1), CompartmentState::kVacant);
}

TEST(Opening, IsTakenBackWhenTheSupplyFailsBeforeTheFrameIsSent) {
  StationWorld world;
  world.scan(world.courier_pass());
  world.scan("P1");
  world.advance(Duration::milliseconds(7));
  world.key('S');
  world.set_supply(hal::Supply::kFailing);
  world.advance_seconds(20);
  EXPECT_TRUE(world.bus().unlocks().empty());
  EXPECT_EQ(world.state(1), CompartmentState::kVacant);
}

TEST(Opening, OfADoorLeftOpenFreesThePanelAndEndsWhenTheDoorIsShut) {
  StationWorld world;
  const auto left = world.begin_deposit();
  world.advance_seconds(61);
  EXPECT_EQ(world.last_screen().screen, Screen::kPleaseShut);
  EXPECT_EQ(world.events(cubby_v1_Event_door_left_open_tag).size(), 1U);
  const auto other = world.deposit('M', "P2");
  EXPECT_NE(other, 0U);
  EXPECT_NE(other, left);
  world.shut(left);
  world.advance_seconds(2);
  EXPECT_EQ(world.events(cubby_v1_Event_door_shut_late_tag).size(), 1U);
  EXPECT_EQ(world.events(cubby_v1_Event_deposited_tag).size(), 2U);
  world.enter_code(world.code_of(left));
  EXPECT_TRUE(world.is_open(left));
}

TEST(Recovery, APowerCutAfterTheOutcomeCompletesTheDeposit) {
  StationWorld world;
  const auto compartment = world.begin_deposit('S', "P7");
  world.shut(compartment);
  world.power_cycle();  // Shut while nobody looked.
  ASSERT_EQ(world.events(cubby_v1_Event_deposited_tag).size(), 1U);
  EXPECT_STREQ(world.events(cubby_v1_Event_deposited_tag)[0].body.deposited.parcel, "P7");
  world.enter_code(world.code_of(compartment));
  EXPECT_TRUE(world.is_open(compartment));
}

TEST(Recovery, APowerCutWhileTheDoorIsOpenGoesOnWaiting) {
  StationWorld world;
  const auto compartment = world.begin_deposit();
  world.power_cycle(Duration::minutes(10));
  EXPECT_TRUE(world.events(cubby_v1_Event_deposited_tag).empty());
  EXPECT_EQ(world.state(compartment), CompartmentState::kLoading);
  world.shut(compartment);
  world.advance_seconds(2);
  EXPECT_EQ(world.events(cubby_v1_Event_deposited_tag).size(), 1U);
  EXPECT_TRUE(world.events(cubby_v1_Event_door_forced_tag).empty());
}

TEST(Recovery, APowerCutBetweenPulseAndReadingIsUncertainAndNeverPulsedAgain) {
  StationWorld world;
  world.jam(1);
  world.scan(world.courier_pass());
  world.scan("P1");
  world.key('S');
  world.advance(Duration::milliseconds(100));
  ASSERT_EQ(world.bus().unlocks().size(), 1U);
  world.power_cycle();
  world.advance_seconds(30);
  EXPECT_EQ(world.bus().unlocks().size(), 1U);
  ASSERT_EQ(world.events(cubby_v1_Event_custody_uncertain_tag).size(), 1U);
  EXPECT_FALSE(world.events(cubby_v1_Event_custody_uncertain_tag)[0].body.custody_uncertain.occupied_before);
  EXPECT_EQ(world.state(1), CompartmentState::kDisputed);
  world.jam(1, false);
  EXPECT_EQ(world.deposit(), 2U);
}

TEST(Recovery, AnUncertainCollectionKeepsTheCode) {
  StationWorld world;
  const auto compartment = world.deposit();
  world.jam(compartment);
  world.keys(world.code_of(compartment));
  world.key('#');
  world.advance(Duration::milliseconds(100));
  world.power_cycle();
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
  EXPECT_TRUE(world.events(cubby_v1_Event_custody_uncertain_tag)[0].body.custody_uncertain.occupied_before);
  world.jam(compartment, false);
  world.enter_code(world.code_of(compartment));
  world.advance_seconds(2);
  world.shut(compartment);
  world.advance_seconds(2);
  EXPECT_EQ(world.events(cubby_v1_Event_collected_tag).size(), 1U);
  EXPECT_EQ(world.state(compartment), CompartmentState::kVacant);
}

TEST(Recovery, APowerCutAtEveryMomentOfADepositAndCollectionLosesNoParcel) {
  for (int cut_ms = 0; cut_ms < 9'000; cut_ms += 37) {
    StationWorld world;
    world.scan(world.courier_pass());
    world.scan("P1");
    world.key('S');
    std::int64_t passed = 0;
    const auto step = [&](std::int64_t until_ms) {
      const auto to = std::min<std::int64_t>(until_ms, cut_ms);
      if (to > passed) {
        world.advance(Duration::milliseconds(to - passed));
        passed = to;
      }
    };
    step(3'000);
    if (passed == 3'000) {
      world.shut(1);
    }
    step(5'000);
    if (passed == 5'000) {
      world.key('*');
      world.enter_code(world.code_of(1));
    }
    step(7'000);
    if (passed == 7'000) {
      world.shut(1);
    }
    step(9'000);
    const auto opened = world.bus().unlocks().size();
    world.power_cycle();
    world.shut(1);
    world.advance_seconds(3);
    EXPECT_EQ(world.bus().unlocks().size(), opened) << "pulsed again after a cut at " << cut_ms;
    const auto deposited = world.events(cubby_v1_Event_deposited_tag).size();
    const auto collected = world.events(cubby_v1_Event_collected_tag).size();
    const auto uncertain = world.events(cubby_v1_Event_custody_uncertain_tag).size();
    EXPECT_LE(deposited, 1U) << cut_ms;
    EXPECT_LE(collected, deposited) << cut_ms;
    EXPECT_LE(uncertain, 1U) << cut_ms;
    const auto state = world.state(1);
    const auto expected = uncertain == 1          ? CompartmentState::kDisputed
                          : deposited > collected ? CompartmentState::kOccupied
                                                  : CompartmentState::kVacant;
    EXPECT_EQ(state, expected) << cut_ms;
  }
}

TEST(Recovery, FindsTheSameStateFromACheckpoint) {
  StationWorld world({.sectors = 8});
  const auto kept = world.deposit('M', "KEPT");
  world.enter_code(world.wrong_code());
  for (int i = 0; i < 150; ++i) {
    const auto compartment = world.deposit('S', "P" + std::to_string(i));
    if (compartment == 0) {
      break;  // Nobody acknowledges: the journal fills up.
    }
    world.enter_code(world.code_of(compartment));
    world.advance_seconds(2);
    world.shut(compartment);
    world.advance_seconds(2);
  }
  const auto code = world.code_of(kept);
  const auto next_counter = world.controller().state().next_counter();
  EXPECT_TRUE(world.showed(Screen::kTurnedAway));
  EXPECT_EQ(world.last_screen().number, 5U);
  world.power_cycle();
  EXPECT_TRUE(world.controller().running());
  EXPECT_EQ(world.controller().state().next_counter(), next_counter);
  EXPECT_EQ(world.controller().state().repairs(), 0U);
  EXPECT_EQ(world.code_of(kept), code);
  world.enter_code(code);  // A pickup works from the reserve.
  EXPECT_TRUE(world.is_open(kept));
}

TEST(DoorWatch, JournalsAForcedDoorOfThirteenBoardsWithinTwoSeconds) {
  StationWorld world({.doors = std::vector<cubby_v1_Size>(104, cubby_v1_Size_SIZE_S)});
  const auto forced = world.now();
  world.force(101);
  world.advance_seconds(2);
  ASSERT_EQ(world.events(cubby_v1_Event_door_forced_tag).size(), 1U);
  const auto event = world.events(cubby_v1_Event_door_forced_tag)[0];
  EXPECT_EQ(event.body.door_forced.compartment, 101U);
  EXPECT_LE(event.wall_ms - 1'750'000'000'000U, static_cast<std::uint64_t>(forced.ms()) + 2'000U);
  EXPECT_EQ(world.state(101), CompartmentState::kOutOfService);
  world.shut(101);
  world.advance_seconds(2);
  EXPECT_EQ(world.events(cubby_v1_Event_door_shut_late_tag).size(), 1U);
}

TEST(DoorWatch, DoesNotRepeatAForcedDoorAfterAReset) {
  StationWorld world;
  world.force(2);
  world.advance_seconds(3);
  world.power_cycle();
  world.advance_seconds(3);
  EXPECT_EQ(world.events(cubby_v1_Event_door_forced_tag).size(), 1U);
}

// The whole story of a day, with and without the polls that can read nothing new.
std::vector<std::string> day(bool skip, std::size_t& ticks, std::size_t& idle) {
  StationWorld world({.doors = std::vector<cubby_v1_Size>(30, cubby_v1_Size_SIZE_S), .skip_idle_polls = skip});
  std::uint64_t seed = 20'251'123;
  const auto random = [&seed](std::uint64_t bound) {
    seed = seed * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    return (seed >> 33) % bound;
  };
  for (int i = 0; i < 12; ++i) {
    world.advance(Duration::milliseconds(static_cast<std::int64_t>(random(60'000))));
    if (random(4) == 0) {
      world.jam(static_cast<unsigned>(1 + random(30)));
    }
    const auto compartment = world.begin_deposit('S', "P" + std::to_string(i));
    world.advance(Duration::milliseconds(static_cast<std::int64_t>(random(9'000))));
    if (compartment != 0) {
      world.shut(compartment);
      world.advance(Duration::milliseconds(700 + static_cast<std::int64_t>(random(5'000))));
      world.key('*');
      world.advance(Duration::milliseconds(static_cast<std::int64_t>(random(40'000))));
      world.enter_code(random(3) == 0 ? world.wrong_code() : world.code_of(compartment));
      world.advance(Duration::milliseconds(static_cast<std::int64_t>(random(70'000))));
      world.shut(compartment);
    }
    if (random(3) == 0) {
      const auto forced = static_cast<unsigned>(1 + random(30));
      world.force(forced);
      world.advance(Duration::milliseconds(static_cast<std::int64_t>(random(9'000))));
      world.shut(forced);
    }
    world.advance(Duration::seconds(20));
  }
  ticks = world.ticks();
  idle = world.bus().idle_frames();
  auto log = world.log();
  for (const auto& frame : world.bus().frames()) {
    if (!frame.idle) {
      log.push_back("frame " + std::to_string(frame.at.us));
    }
  }
  return log;
}

TEST(IdlePolls, ThatCanReadNothingNewLeaveNoTraceWhenTheyAreSkipped) {
  std::size_t ticks_all = 0;
  std::size_t ticks_skipped = 0;
  std::size_t idle_all = 0;
  std::size_t idle_skipped = 0;
  const auto all = day(false, ticks_all, idle_all);
  const auto skipped = day(true, ticks_skipped, idle_skipped);
  EXPECT_EQ(all, skipped);
  EXPECT_LT(idle_skipped * 4, idle_all);
  EXPECT_LT(ticks_skipped * 3, ticks_all);
}

// An adapter that was away for two seconds: what was asked of the silent board while it was is asked again.
TEST(Opening, ABoardThatAnswersAgainIsAskedWhereTheDoorIs) {
  StationWorld world;
  const auto mine = world.deposit('S', "P1");
  world.jam(mine);
  world.enter_code(world.code_of(mine));
  const auto attempts = world.openings();
  world.board_of(mine).silent = true;
  world.advance_seconds(3);  // The sighting is over, and the board counts as silent.
  ASSERT_EQ(world.events(cubby_v1_Event_board_silent_tag).size(), 1U);
  world.board_of(mine).silent = false;
  world.jam(mine, false);
  world.advance_seconds(3);
  EXPECT_EQ(world.openings(), attempts + 1) << "it is shut, so there may be another attempt";
  EXPECT_TRUE(world.is_open(mine));
  EXPECT_TRUE(world.events(cubby_v1_Event_custody_uncertain_tag).empty());
}

TEST(Opening, AnotherDoorInsteadIsNotTriedAgainAndBothAreKeptFromParcels) {
  StationWorld world;
  world.scan(world.courier_pass());
  world.scan("P1");
  const auto before = world.openings();
  world.jam(1);
  world.key('S');
  world.advance(Duration::milliseconds(300));
  ASSERT_EQ(world.openings(), before + 1);
  world.force(2);
  world.advance_seconds(5);
  EXPECT_EQ(world.state(1), CompartmentState::kOutOfService);
  EXPECT_EQ(world.state(2), CompartmentState::kOutOfService);
  const auto failed = world.events(cubby_v1_Event_open_failed_tag);
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].body.open_failed.cause, cubby_v1_OpenFailure_OPEN_FAILURE_OPENED_ELSEWHERE);
  EXPECT_EQ(failed[0].body.open_failed.attempts, 1U);
  EXPECT_EQ(failed[0].body.open_failed.opened_compartment, 2U);
  const auto turned_away = world.events(cubby_v1_Event_turned_away_tag);
  ASSERT_EQ(turned_away.size(), 1U);
  EXPECT_EQ(turned_away[0].body.turned_away.reason, cubby_v1_TurnedAwayReason_TURNED_AWAY_REASON_FAULT);
  EXPECT_EQ(world.openings(), before + 1) << "a board that opens the wrong doors opens none";
}

TEST(Opening, ABoardThatOpensTheWrongDoorIsOutOfServiceAndTheOthersAreNot) {
  constexpr std::uint8_t kOnOtherBoard = 9;  // Eight doors a board.
  StationWorld world({.doors = std::vector<cubby_v1_Size>(10, cubby_v1_Size_SIZE_S)});
  const auto mine = world.deposit('S', "P1");
  ASSERT_LT(mine, kOnOtherBoard);
  const std::uint8_t other = mine == 4 ? 5 : 4;
  world.scan(world.courier_pass());
  world.scan("P2");
  const auto before = world.openings();
  for (std::uint8_t door = 1; door < kOnOtherBoard; ++door) {
    world.jam(door);
  }
  world.key('S');
  world.advance(Duration::milliseconds(300));
  world.force(other);
  world.advance_seconds(5);
  ASSERT_EQ(world.openings(), before + 2) << "the next door, and no more";
  EXPECT_TRUE(world.is_open(kOnOtherBoard) || world.is_open(kOnOtherBoard + 1));
  EXPECT_EQ(world.events(cubby_v1_Event_open_failed_tag).size(), 1U);

  world.shut(other);
  world.advance_seconds(90);
  world.enter_code(world.code_of(mine));
  EXPECT_TRUE(world.showed(Screen::kDoorFailed));
  EXPECT_EQ(world.openings(), before + 2) << "nor does it open a door that has always opened itself";
}

TEST(Opening, AParcelWhoseDoorOpensElsewhereWaitsForATechnician) {
  StationWorld world;
  const auto mine = world.deposit('S', "P1");
  const auto theirs = world.deposit('S', "P2");
  const auto code = world.code_of(mine);
  world.jam(mine);
  world.keys(code);
  const auto before = world.openings();
  world.key('#');
  world.advance(Duration::milliseconds(300));
  ASSERT_EQ(world.openings(), before + 1);
  world.force(theirs);
  world.advance_seconds(5);
  EXPECT_EQ(world.state(mine), CompartmentState::kOccupied);
  EXPECT_EQ(world.state(theirs), CompartmentState::kDisputed);
  world.shut(theirs);
  world.advance_seconds(3);
  world.power_cycle();
  world.enter_code(code);  // Would let them at the other parcel again.
  world.advance_seconds(12);
  EXPECT_EQ(world.openings(), before + 1);
  EXPECT_TRUE(world.showed(Screen::kDoorFailed) || world.showed(Screen::kPleaseShut));

  world.jam(mine, false);  // The technician has put the wires right, and tries.
  world.scan(world.technician_pass());
  world.keys("2" + std::to_string(mine) + "#");
  world.advance_seconds(1);
  ASSERT_TRUE(world.is_open(mine));
  world.shut(mine);
  world.advance_seconds(1);
  world.key('1');
  world.key('*');
  world.enter_code(code);
  EXPECT_TRUE(world.is_open(mine));
}

// Somebody with a lever, at the very moment.
TEST(Opening, AForcedDoorBesideOneThatOpensIsNoWiringFault) {
  StationWorld world;
  const auto mine = world.deposit('S', "P1");
  world.keys(world.code_of(mine));
  world.force(4);
  world.key('#');
  world.advance_seconds(3);
  EXPECT_TRUE(world.is_open(mine));
  EXPECT_EQ(world.state(4), CompartmentState::kOutOfService);
  world.shut(mine);
  world.advance_seconds(1);
  EXPECT_EQ(world.events(cubby_v1_Event_collected_tag).size(), 1U);
  EXPECT_TRUE(world.events(cubby_v1_Event_open_failed_tag).empty());
}

}  // namespace
}  // namespace cubby::tests

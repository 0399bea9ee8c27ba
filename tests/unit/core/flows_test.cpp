#include <gtest/gtest.h>

#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;

TEST(Boot, OpensAJournalWithItsFourEventsAndLaterOnlySaysBooted) {
  StationWorld world;
  EXPECT_EQ(world.controller().journal().next_seq(), 5U);
  ASSERT_EQ(world.events(cubby_v1_Event_snapshot_tag).size(), 1U);
  EXPECT_EQ(world.events(cubby_v1_Event_snapshot_tag)[0].body.snapshot.states.size, 4U);
  EXPECT_EQ(world.events(cubby_v1_Event_booted_tag)[0].body.booted.cause, cubby_v1_BootCause_BOOT_CAUSE_FIRST);
  world.power_cycle(Duration::seconds(60));
  EXPECT_EQ(world.controller().journal().next_seq(), 6U);
  ASSERT_EQ(world.events(cubby_v1_Event_booted_tag).size(), 2U);
  const auto booted = world.events(cubby_v1_Event_booted_tag)[1];
  EXPECT_EQ(booted.boot, 2U);
  EXPECT_TRUE(booted.body.booted.has_off_ms);
  EXPECT_GE(booted.body.booted.off_ms, 60'000U);
}

TEST(Deposit, EndsInAnEventWhenTheDoorIsShut) {
  StationWorld world;
  const auto compartment = world.begin_deposit('S', "RB473124829CN");
  ASSERT_NE(compartment, 0U);
  EXPECT_TRUE(world.showed(Screen::kCourierReady));
  EXPECT_TRUE(world.showed(Screen::kChooseSize));
  EXPECT_TRUE(world.showed(Screen::kOpening));
  EXPECT_TRUE(world.is_open(compartment));
  EXPECT_EQ(world.state(compartment), CompartmentState::kLoading);
  EXPECT_TRUE(world.events(cubby_v1_Event_deposited_tag).empty());
  world.advance_seconds(10);
  world.shut(compartment);
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kStored);
  ASSERT_EQ(world.events(cubby_v1_Event_deposited_tag).size(), 1U);
  const auto deposited = world.events(cubby_v1_Event_deposited_tag)[0].body.deposited;
  EXPECT_EQ(deposited.compartment, compartment);
  EXPECT_EQ(deposited.counter, 1U);
  EXPECT_STREQ(deposited.parcel, "RB473124829CN");
  EXPECT_STREQ(deposited.carrier, "sf");
  EXPECT_EQ(deposited.size, cubby_v1_Size_SIZE_S);
  EXPECT_EQ(deposited.attempts, 1U);
  EXPECT_NEAR(deposited.open_ms, 10'500, 1'000);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
}

TEST(Deposit, NeedsNoNewPassForTheNextParcel) {
  StationWorld world;
  const auto first = world.begin_deposit('S', "P1");
  world.shut(first);
  world.advance_seconds(1);
  world.scan("P2");
  world.key('S');
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kPutIn);
  EXPECT_NE(world.last_screen().compartment, first);
}

TEST(Deposit, IsRefusedWithoutATruePass) {
  StationWorld world;
  auto pass = world.courier_pass();
  pass.back() = pass.back() == '0' ? '1' : '0';
  world.scan(pass);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  world.scan("P1");
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  EXPECT_TRUE(world.events(cubby_v1_Event_turned_away_tag).empty());
  world.scan(world.courier_pass("sf", -301));
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  EXPECT_EQ(world.events(cubby_v1_Event_turned_away_tag).size(), 1U);
}

TEST(Deposit, IsCancelledWhileTheDoorIsOpenAndTheDoorIsVacantAgain) {
  StationWorld world;
  const auto compartment = world.begin_deposit();
  world.key('*');
  EXPECT_EQ(world.last_screen().screen, Screen::kPleaseShut);
  world.power_cycle();  // The wish is durable.
  world.shut(compartment);
  world.advance_seconds(2);
  EXPECT_EQ(world.events(cubby_v1_Event_deposit_cancelled_tag).size(), 1U);
  EXPECT_TRUE(world.events(cubby_v1_Event_deposited_tag).empty());
  EXPECT_EQ(world.state(compartment), CompartmentState::kVacant);
}

TEST(Deposit, TakesALargerDoorWhenNoneFitsAndTurnsAwayWhatDoesNotFit) {
  StationWorld world;  // S S M L, one step up.
  EXPECT_EQ(world.deposit('S'), 1U);
  EXPECT_EQ(world.deposit('S'), 2U);
  EXPECT_EQ(world.deposit('S'), 3U);
  EXPECT_EQ(world.deposit('S'), 0U);  // The L door is two steps up.
  EXPECT_EQ(world.last_screen().number, 2U);
  EXPECT_EQ(world.deposit('X'), 0U);
  EXPECT_EQ(world.last_screen().number, 2U);
  EXPECT_EQ(world.deposit('M'), 4U);
  EXPECT_EQ(world.deposit('S'), 0U);
  EXPECT_EQ(world.last_screen().screen, Screen::kTurnedAway);
  EXPECT_EQ(world.last_screen().number, 1U);
  const auto away = world.events(cubby_v1_Event_turned_away_tag);
  ASSERT_EQ(away.size(), 3U);
  EXPECT_EQ(away[2].body.turned_away.reason, cubby_v1_TurnedAwayReason_TURNED_AWAY_REASON_FULL);
}

TEST(Deposit, EndsWhenTheBrandsShareIsUsedUp) {
  StationWorld world({.share_percent = 50});
  EXPECT_NE(world.deposit(), 0U);
  EXPECT_NE(world.deposit(), 0U);
  EXPECT_EQ(world.deposit(), 0U);
  EXPECT_EQ(world.last_screen().number, 3U);
  world.key('*');
  world.scan(world.courier_pass("zto"));
  world.scan("P9");
  world.key('S');
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kPutIn);
}

TEST(Collect, OpensTheParcelsDoorAndNoOtherAndOnlyOnce) {
  StationWorld world;
  world.deposit('S', "P1");
  const auto second = world.deposit('S', "P2");
  const auto code = world.code_of(second);
  const auto before = world.openings();
  world.enter_code(code);
  EXPECT_EQ(world.last_screen().screen, Screen::kTakeOut);
  EXPECT_EQ(world.openings(), before + 1);
  EXPECT_TRUE(world.is_open(second));
  EXPECT_FALSE(world.is_open(1));
  world.advance_seconds(7);
  world.shut(second);
  world.advance_seconds(1);
  EXPECT_TRUE(world.showed(Screen::kCollected));
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
  ASSERT_EQ(world.events(cubby_v1_Event_collected_tag).size(), 1U);
  const auto collected = world.events(cubby_v1_Event_collected_tag)[0].body.collected;
  EXPECT_EQ(collected.compartment, second);
  EXPECT_EQ(collected.counter, 2U);
  EXPECT_STREQ(collected.carrier, "sf");
  EXPECT_TRUE(collected.has_dwell_ms);
  EXPECT_EQ(world.state(second), CompartmentState::kVacant);
  world.enter_code(code);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
  EXPECT_EQ(world.openings(), before + 1);
}

TEST(Collect, WorksWithAScannedCode) {
  StationWorld world;
  const auto compartment = world.deposit();
  world.scan(world.code_of(compartment));
  world.advance_seconds(1);
  EXPECT_TRUE(world.is_open(compartment));
}

TEST(Collect, TakesTheRfc4226ValueOfKeyAndCounter) {
  // Python's hmac over counter 1 with this world's station key, SHA-256("station").
  StationWorld world;
  const auto compartment = world.deposit();
  world.enter_code("02123917");
  EXPECT_TRUE(world.is_open(compartment));
}

TEST(Collect, NeedsTwoEventsForAnOrdinaryParcel) {
  StationWorld world;
  const auto before = world.controller().journal().next_seq();
  const auto compartment = world.deposit();
  world.enter_code(world.code_of(compartment));
  world.advance_seconds(3);
  world.shut(compartment);
  world.advance_seconds(1);
  EXPECT_EQ(world.controller().journal().next_seq(), before + 2);
}

TEST(Throttle, AWrongCodeOpensNothingAndIsCountedBeforeTheVerdict) {
  StationWorld world;
  world.deposit();
  const auto before = world.openings();
  world.enter_code(world.wrong_code());
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
  EXPECT_EQ(world.last_screen().number, 4U);
  EXPECT_EQ(world.openings(), before);
  ASSERT_EQ(world.events(cubby_v1_Event_code_rejected_tag).size(), 1U);
  EXPECT_EQ(world.controller().state().failures(), 1U);
}

TEST(Throttle, LocksAfterFiveWrongCodesForLongerEachTime) {
  StationWorld world;
  const auto compartment = world.deposit();
  for (int i = 0; i < 5; ++i) {
    world.enter_code(world.wrong_code());
  }
  EXPECT_EQ(world.last_screen().screen, Screen::kLockedOut);
  world.enter_code(world.code_of(compartment));
  EXPECT_EQ(world.last_screen().screen, Screen::kLockedOut);
  EXPECT_FALSE(world.is_open(compartment));
  world.advance_seconds(31);
  world.enter_code(world.wrong_code());
  EXPECT_EQ(world.last_screen().screen, Screen::kLockedOut);
  EXPECT_GT(world.last_screen().number, 55U);
  world.advance_seconds(61);
  world.enter_code(world.code_of(compartment));
  EXPECT_EQ(world.last_screen().screen, Screen::kTakeOut);
  EXPECT_EQ(world.controller().state().failures(), 6U);  // The code could be used again.
  world.shut(compartment);
  world.advance_seconds(2);
  EXPECT_EQ(world.controller().state().failures(), 0U);
  world.enter_code(world.wrong_code());
  EXPECT_EQ(world.last_screen().number, 4U);
}

TEST(Throttle, SurvivesAPowerCutAndStartsTheLockOutAgain) {
  StationWorld world;
  const auto compartment = world.deposit();
  for (int i = 0; i < 5; ++i) {
    world.enter_code(world.wrong_code());
  }
  world.advance_seconds(25);
  world.power_cycle();
  EXPECT_EQ(world.controller().state().failures(), 5U);
  world.enter_code(world.code_of(compartment));
  EXPECT_EQ(world.last_screen().screen, Screen::kLockedOut);
  world.advance_seconds(31);
  world.enter_code(world.code_of(compartment));
  EXPECT_EQ(world.last_screen().screen, Screen::kTakeOut);
}

TEST(Throttle, StopsHardAtAHundredUntilATechnicianComes) {
  StationWorld world;
  const auto compartment = world.deposit();
  for (int i = 0; i < 100; ++i) {
    world.advance_seconds(3'601);
    world.enter_code(world.wrong_code());
  }
  EXPECT_EQ(world.last_screen().number, UINT32_MAX);
  EXPECT_TRUE(world.events(cubby_v1_Event_code_rejected_tag).back().body.code_rejected.hard_stop);
  world.power_cycle();
  world.advance_seconds(7'200);
  world.enter_code(world.code_of(compartment));
  EXPECT_EQ(world.last_screen().screen, Screen::kLockedOut);
  world.scan(world.technician_pass());
  world.keys("3*");
  world.enter_code(world.code_of(compartment));
  // 100 hours have passed: the parcel is overdue and its code dead, but the keypad answers again.
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
}

TEST(Retention, MakesAParcelOverdueAndItsCourierRecallsIt) {
  StationWorld world({.retention_h = 2});
  const auto compartment = world.deposit();
  const auto code = world.code_of(compartment);
  world.advance(Duration::hours(2) - Duration::seconds(30));
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
  world.advance_seconds(60);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOverdue);
  ASSERT_EQ(world.events(cubby_v1_Event_overdue_tag).size(), 1U);
  world.enter_code(code);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);

  world.scan(world.courier_pass("zto"));
  world.key('R');
  EXPECT_EQ(world.last_screen().screen, Screen::kRecallDone);
  EXPECT_EQ(world.last_screen().number, 0U);
  world.scan(world.courier_pass("sf"));
  world.key('R');
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kRecallOpen);
  world.shut(compartment);
  world.advance_seconds(1);
  EXPECT_TRUE(world.showed(Screen::kRecalled));
  EXPECT_EQ(world.last_screen().screen, Screen::kRecallDone);
  EXPECT_EQ(world.last_screen().number, 1U);
  EXPECT_EQ(world.events(cubby_v1_Event_recalled_tag).size(), 1U);
  EXPECT_EQ(world.state(compartment), CompartmentState::kVacant);
}

TEST(Retention, StandsStillWhileTheStationIsOff) {
  StationWorld world({.retention_h = 2});
  const auto compartment = world.deposit();
  world.power_cycle(Duration::hours(10));
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
  world.advance(Duration::hours(2) - Duration::minutes(1));
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
  world.advance(Duration::minutes(2));
  EXPECT_EQ(world.state(compartment), CompartmentState::kOverdue);
}

TEST(Retention, CountsTheTimeOfEarlierBootsAsFarAsRecordsTell) {
  StationWorld world({.retention_h = 2});
  const auto first = world.deposit('S', "P1");
  world.advance(Duration::minutes(90));
  world.deposit('S', "P2");
  world.power_cycle(Duration::hours(10));
  world.advance(Duration::minutes(29));
  EXPECT_EQ(world.state(first), CompartmentState::kOccupied);
  world.advance(Duration::minutes(2));
  EXPECT_EQ(world.state(first), CompartmentState::kOverdue);
}

TEST(Retention, IsNotShortenedByAJumpingClock) {
  StationWorld world({.retention_h = 2});
  const auto compartment = world.deposit();
  world.set_utc_ms(4'000'000'000'000);
  world.advance_seconds(60);
  world.power_cycle();
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
}

TEST(Retention, FollowsTheBrandsOwnTerm) {
  StationWorld world({.retention_h = 48, .brand_retention_h = 1});
  const auto compartment = world.deposit();
  world.advance(Duration::minutes(61));
  EXPECT_EQ(world.state(compartment), CompartmentState::kOverdue);
}

TEST(Panel, FreesItselfWhenACourierWalksAway) {
  StationWorld world;
  world.scan(world.courier_pass());
  world.scan("P1");
  world.advance_seconds(91);
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
  world.scan("P1");
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
}

TEST(Panel, IsOutOfServiceWhenNothingCanBeMadeDurable) {
  StationWorld world;
  const auto compartment = world.deposit();
  const auto before = world.openings();
  world.flash().protect(true);
  world.enter_code(world.code_of(compartment));
  EXPECT_EQ(world.last_screen().screen, Screen::kOutOfService);
  EXPECT_EQ(world.openings(), before);
  EXPECT_FALSE(world.is_open(compartment));
}

TEST(Panel, EveryInputInEveryFlowIsAnswered) {
  // U1: no input in any flow opens a door that was not asked for, or stops the station.
  const std::string inputs = "0123456789#*SMLXR";
  for (int prefix = 0; prefix < 6; ++prefix) {
    for (const char input : inputs) {
      StationWorld world;
      unsigned compartment = 0;
      if (prefix >= 1) {
        world.scan(world.courier_pass());
      }
      if (prefix >= 2) {
        world.scan("P1");
      }
      if (prefix >= 3) {
        world.key('S');
      }
      if (prefix >= 4) {
        world.advance_seconds(1);
      }
      if (prefix >= 5) {
        compartment = 1;
        world.shut(compartment);
        world.advance_seconds(1);
      }
      const auto before = world.openings();
      world.key(input);
      world.advance_seconds(1);
      EXPECT_LE(world.openings(), before + 1);
      world.scan("12345678");
      world.key('*');
      world.shut(1);
      world.advance_seconds(100);
      // The station still serves: a deposit ends, unless a door was cancelled into doubt.
      EXPECT_NE(world.deposit('M', "P2"), 0U) << "flow " << prefix << ", key " << input;
    }
  }
}

TEST(Flows, AMisreadParcelNumberIsNotBooked) {
  StationWorld world;
  world.scan(world.courier_pass());
  world.scan("RB473124828CN");
  EXPECT_EQ(world.last_screen().screen, Screen::kCourierReady);
  world.scan("RB473124829CN");
  EXPECT_EQ(world.last_screen().screen, Screen::kChooseSize);
}

}  // namespace
}  // namespace cubby::tests

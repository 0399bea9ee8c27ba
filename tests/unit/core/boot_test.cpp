// What a boot may meet, and what the centre says of the time and of what it lost.
#include <gtest/gtest.h>

#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;

cubby_v1_Booted last_boot(const StationWorld& world) {
  const auto booted = world.events(cubby_v1_Event_booted_tag);
  EXPECT_FALSE(booted.empty());
  return booted.empty() ? cubby_v1_Booted{} : booted.back().body.booted;
}

void expect_safe_mode(StationWorld& world) {
  EXPECT_FALSE(world.controller().running());
  for (const char key : {'0', '#', '*', 'R', 'G'}) {
    world.forget_screens();
    world.key(key);
    EXPECT_EQ(world.last_screen().screen, Screen::kOutOfService) << key;
  }
  for (const std::string& scan : {world.courier_pass(), world.technician_pass(), std::string("P1")}) {
    world.forget_screens();
    world.scan(scan);
    ASSERT_EQ(world.screens().size(), 1U) << scan;
    EXPECT_EQ(world.last_screen().screen, Screen::kOutOfService) << scan;
  }
  world.advance(Duration::hours(1));
  EXPECT_TRUE(world.bus().frames().empty()) << "not even a board is spoken to";
  EXPECT_TRUE(world.events().empty());
}

TEST(Boot, SaysWhyItHappened) {
  StationWorld world;
  EXPECT_EQ(last_boot(world).cause, cubby_v1_BootCause_BOOT_CAUSE_FIRST);
  world.power_cycle();
  EXPECT_EQ(last_boot(world).cause, cubby_v1_BootCause_BOOT_CAUSE_POWER);
  world.power_cycle(Duration::milliseconds(50), hal::ResetCause::kWatchdog);
  EXPECT_EQ(last_boot(world).cause, cubby_v1_BootCause_BOOT_CAUSE_WATCHDOG);
  world.power_cycle(Duration::milliseconds(50), hal::ResetCause::kRequested);
  EXPECT_EQ(last_boot(world).cause, cubby_v1_BootCause_BOOT_CAUSE_REQUESTED);
}

TEST(Boot, SaysHowLongItWasOffOnlyIfTheClockCanKnow) {
  StationWorld world;
  world.power_cycle(Duration::minutes(5));
  EXPECT_TRUE(last_boot(world).has_off_ms);
  EXPECT_GE(last_boot(world).off_ms, 300'000U);
  world.set_utc_ms(world.utc_ms() - 86'400'000);  // The clock's battery is not what it was.
  world.power_cycle();
  EXPECT_FALSE(last_boot(world).has_off_ms);
  world.set_utc_ms(std::nullopt);
  world.power_cycle();
  EXPECT_FALSE(last_boot(world).has_off_ms);
}

TEST(Boot, WithoutTheStationsKeyKeepsAllDoorsLocked) {
  StationWorld world({.has_station_key = false});
  expect_safe_mode(world);
  EXPECT_EQ(world.flash().operations(), 0U) << "no journal without a key";
}

TEST(Boot, WithoutRandomNumbersMakesNoJournal) {
  StationWorld world({.has_random = false});
  expect_safe_mode(world);
  EXPECT_EQ(world.flash().operations(), 0U);
}

TEST(Boot, WithFlashThatTakesNothingKeepsAllDoorsLocked) {
  StationWorld world({.flash_works = false});
  expect_safe_mode(world);
  world.flash().repair();
  world.power_cycle();
  EXPECT_TRUE(world.controller().running());
  EXPECT_NE(world.deposit(), 0U);
}

// F11: a supply that comes and goes. Each boot erases a sector, so the controller waits longer each time.
TEST(Boot, WaitsLongerEachTimeTheOneBeforeDidNotLast) {
  StationWorld world({.boot_wait_max = Duration::seconds(64)});
  EXPECT_TRUE(world.controller().running());
  world.power_cycle();
  EXPECT_TRUE(world.controller().running()) << "who switches twice does not have to wait";
  for (const std::int64_t wait : {1, 2, 4, 8, 16, 32, 64, 64}) {
    const auto operations = world.flash().operations();
    const auto back = world.now() + Duration::seconds(1);
    world.power_cycle(Duration::seconds(1));  // The world gives each boot 3 s.
    if (wait > 3) {
      EXPECT_TRUE(world.controller().waiting());
      EXPECT_FALSE(world.controller().running());
      EXPECT_EQ(world.flash().operations(), operations) << "nothing is written while it waits";
      world.forget_screens();
      world.scan(world.courier_pass());
      EXPECT_EQ(world.last_screen().screen, Screen::kOutOfService);
      world.advance(back + Duration::seconds(wait) - Duration::milliseconds(1) - world.now());
      EXPECT_FALSE(world.controller().running()) << wait;
      world.advance(Duration::milliseconds(1'001));
    }
    EXPECT_TRUE(world.controller().running()) << wait;
    EXPECT_FALSE(world.controller().waiting());
  }
  world.advance(Duration::seconds(61));
  EXPECT_NE(world.deposit(), 0U);
  world.power_cycle();
  EXPECT_TRUE(world.controller().running()) << "the last one lasted";
}

TEST(Boot, ThatOnlyWaitedIsNoneOfTheRow) {
  StationWorld world({.boot_wait_max = Duration::seconds(64)});
  for (int i = 0; i < 4; ++i) {
    world.power_cycle(Duration::seconds(1));
  }
  ASSERT_TRUE(world.controller().waiting());
  const auto operations = world.flash().operations();
  for (int i = 0; i < 20; ++i) {
    world.power_cycle(Duration::seconds(1));  // Gone again before the 4 s are over.
    ASSERT_TRUE(world.controller().waiting());
  }
  EXPECT_EQ(world.flash().operations(), operations) << "a supply that never lasts 4 s costs no erase at all";
}

TEST(Boot, InSafeModeTellsAPanelThatWasBusyAsSoonAsItIsNoMore) {
  StationWorld world({.has_station_key = false});
  world.keep_panel_busy(Duration::seconds(1));
  world.key('1');
  ASSERT_TRUE(world.screens().empty());
  world.advance_seconds(2);
  EXPECT_EQ(world.last_screen().screen, Screen::kOutOfService);
}

TEST(Panel, ThatIsBusyIsToldAsSoonAsItIsNoMore) {
  StationWorld world;
  world.forget_screens();
  world.keep_panel_busy(Duration::seconds(1));
  world.scan(world.courier_pass());
  ASSERT_TRUE(world.screens().empty());
  world.advance_seconds(2);
  EXPECT_EQ(world.last_screen().screen, Screen::kCourierReady);
}

TEST(Boot, WithoutTheKeyOfPassesKnowsNobody) {
  StationWorld world({.has_pass_key = false});
  world.scan(world.courier_pass());
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  world.scan(world.technician_pass());
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  EXPECT_TRUE(world.events(cubby_v1_Event_turned_away_tag).empty()) << "as good as forged";
}

TEST(Boot, OfAStationThatReportsAtIntervalsIsLikeAnyOther) {
  StationWorld world({.report_interval_s = 900});
  ASSERT_TRUE(world.controller().running());
  EXPECT_NE(world.deposit(), 0U);
  world.power_cycle();
  EXPECT_EQ(world.controller().state().repairs(), 0U);
}

TEST(Boot, AfterEventsWereLostInTheJournalSaysWhereEverythingStands) {
  StationWorld world;
  (void)world.deposit('S', "LOSTONE");
  (void)world.deposit('S', "KEPT");
  ASSERT_EQ(world.events(cubby_v1_Event_snapshot_tag).size(), 1U);
  ASSERT_GE(world.flash().spoil(as_bytes("LOSTONE")), 2U);  // Its intent and its event.
  world.power_cycle();
  ASSERT_TRUE(world.controller().running());
  EXPECT_NE(world.controller().mount_report().events_lost_from, 0U);
  ASSERT_EQ(world.events(cubby_v1_Event_snapshot_tag).size(), 2U);
}

// Where a record was lost the next parcel was put to the one that nobody knew of.
TEST(Boot, AfterRecordsWereLostNobodyKnowsWhatIsBehindADoor) {
  StationWorld world;
  const auto known = world.deposit('S', "KNOWN");
  const auto code = world.code_of(known);
  const auto forgotten = world.deposit('S', "FORGOTTEN");
  const auto forgotten_code = world.code_of(forgotten);
  world.enter_code(world.wrong_code());
  ASSERT_GE(world.flash().spoil(as_bytes("FORGOTTEN")), 2U);  // Its intent and its event.
  world.power_cycle();
  ASSERT_TRUE(world.controller().running());
  EXPECT_NE(world.controller().mount_report().records_lost, 0U);
  for (unsigned door = 1; door <= 4; ++door) {
    EXPECT_EQ(world.state(door), CompartmentState::kDisputed) << door;
  }
  EXPECT_EQ(world.deposit('S', "NEXT"), 0U);
  world.key('*');
  // What is known of a parcel is still good for its recipient.
  world.enter_code(code);
  world.advance_seconds(1);
  ASSERT_TRUE(world.is_open(known));
  world.shut(known);
  world.advance_seconds(1);
  EXPECT_EQ(world.state(known), CompartmentState::kVacant);
  // A second boot meets the same hole, and knows what has been seen since.
  world.power_cycle();
  EXPECT_EQ(world.state(known), CompartmentState::kVacant);
  EXPECT_EQ(world.state(forgotten), CompartmentState::kDisputed);
  EXPECT_EQ(world.deposit('S', "NEXT"), known);
  EXPECT_NE(world.code_of(known), forgotten_code) << "it was given already";
  EXPECT_NE(world.code_of(known), code);
}

TEST(Centre, SetsTheClockOnlyBeyondWhatTheRoundTripMayHide) {
  StationWorld world;
  constexpr std::uint64_t kToleranceMs = 2'000;
  const auto round_trip = Duration::milliseconds(400);
  const auto true_ms = world.utc_ms();
  for (const bool ahead : {false, true}) {
    const auto off = [&](std::uint64_t by) { return ahead ? true_ms + by : true_ms - by; };
    world.set_utc_ms(true_ms);
    world.centre_time(off(kToleranceMs + 400), round_trip);
    EXPECT_EQ(world.clock(), true_ms) << ahead;
    world.centre_time(off(kToleranceMs + 401), round_trip);
    EXPECT_EQ(world.clock(), off(kToleranceMs + 401)) << ahead;
  }
}

TEST(Centre, SetsAClockThatWasNeverSet) {
  StationWorld world({.utc_ms = std::nullopt});
  ASSERT_FALSE(world.clock().has_value());
  world.centre_time(1'750'000'000'000, Duration::seconds(20));
  EXPECT_EQ(world.clock(), 1'750'000'000'000U);
}

std::string states(const StationWorld& world) {
  const auto snapshots = world.events(cubby_v1_Event_snapshot_tag);
  const auto& body = snapshots.back().body.snapshot.states;
  std::string text;
  for (std::size_t i = 0; i < body.size; ++i) {
    text += std::string(to_string(static_cast<CompartmentState>(body.bytes[i]))) + " ";
  }
  return text;
}

TEST(Centre, ThatHasAGapIsToldWhereEverythingStandsOnce) {
  StationWorld world;
  (void)world.deposit();
  const auto before = world.events(cubby_v1_Event_snapshot_tag).size();
  world.gap();
  world.advance_seconds(5);
  ASSERT_EQ(world.events(cubby_v1_Event_snapshot_tag).size(), before + 1);
  EXPECT_EQ(states(world), "Occupied Vacant Vacant Vacant ");
}

TEST(Centre, ThatHasAGapIsToldOfAParcelBeingTakenAndNotOfALookIntoNothing) {
  StationWorld world;
  const auto compartment = world.deposit();
  world.enter_code(world.code_of(compartment));
  world.gap();
  EXPECT_EQ(states(world), "Unloading Vacant Vacant Vacant ");
  world.shut(compartment);
  world.advance_seconds(2);
  world.scan(world.technician_pass());
  world.keys("23#");
  world.advance_seconds(1);
  ASSERT_EQ(world.state(3), CompartmentState::kUnloading);
  world.gap();
  EXPECT_EQ(states(world), "Vacant Vacant Vacant Vacant ");
}

TEST(Centre, ThatHasAGapIsToldLaterIfNothingCanBeWritten) {
  StationWorld world;
  world.flash().protect(true);
  world.gap();
  world.advance_seconds(5);
  EXPECT_EQ(world.events(cubby_v1_Event_snapshot_tag).size(), 1U);
}

}  // namespace
}  // namespace cubby::tests

// A sender drops a parcel off with a pass that holds once; the brand's courier takes it along.
#include <gtest/gtest.h>

#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;

constexpr std::int64_t kDay = 86'400;

/// The whole drop-off; returns the compartment's number.
unsigned drop_off(StationWorld& world, std::string_view pass, std::string_view parcel = "RETURN1") {
  world.scan(pass);
  EXPECT_EQ(world.last_screen().screen, Screen::kSenderReady);
  world.scan(parcel);
  world.key('S');
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kPutIn);
  const auto compartment = world.last_screen().compartment;
  world.shut(compartment);
  world.advance_seconds(1);
  return compartment;
}

std::string sender_pass(StationWorld& world) {
  return world.pass('S', "sf", 0, kDay);
}

TEST(Sender, DropsOffAndTheBrandsCourierTakesItAlong) {
  StationWorld world;
  const auto compartment = drop_off(world, sender_pass(world));
  EXPECT_TRUE(world.showed(Screen::kStored));
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOverdue);
  const auto dropped = world.events(cubby_v1_Event_dropped_off_tag);
  ASSERT_EQ(dropped.size(), 1U);
  EXPECT_EQ(dropped[0].body.dropped_off.compartment, compartment);
  EXPECT_STREQ(dropped[0].body.dropped_off.parcel, "RETURN1");
  EXPECT_STREQ(dropped[0].body.dropped_off.carrier, "sf");
  EXPECT_TRUE(world.events(cubby_v1_Event_deposited_tag).empty());

  world.scan(world.courier_pass("zto"));  // Another brand's courier gets nothing.
  world.key('R');
  EXPECT_EQ(world.last_screen().screen, Screen::kRecallDone);
  world.key('*');
  world.advance(Duration::hours(3));
  world.power_cycle();
  world.scan(world.courier_pass("sf"));
  world.key('R');
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kRecallOpen);
  world.shut(compartment);
  world.advance_seconds(1);
  EXPECT_EQ(world.state(compartment), CompartmentState::kVacant);
  EXPECT_TRUE(world.events(cubby_v1_Event_recalled_tag).empty());
  const auto dispatched = world.events(cubby_v1_Event_dispatched_tag);
  ASSERT_EQ(dispatched.size(), 1U);
  EXPECT_EQ(dispatched[0].body.dispatched.counter, dropped[0].body.dropped_off.counter);
  ASSERT_TRUE(dispatched[0].body.dispatched.has_dwell_ms);
  EXPECT_NEAR(static_cast<double>(dispatched[0].body.dispatched.dwell_ms), 3 * 3'600'000.0, 60'000.0);
}

// Somebody who derives the code of the counter must not get in with it.
TEST(Sender, NoCodeOpensTheDoor) {
  StationWorld world;
  const auto compartment = drop_off(world, sender_pass(world));
  world.enter_code(world.code_of(compartment));
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
}

TEST(Sender, ThePassHoldsOnceAlsoAfterAPowerCycleAndWithoutAClock) {
  StationWorld world;
  const auto pass = sender_pass(world);
  drop_off(world, pass);
  world.scan(pass);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  ASSERT_EQ(world.events(cubby_v1_Event_turned_away_tag).size(), 1U);
  world.power_cycle();
  world.scan(pass);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  world.set_utc_ms(std::nullopt);
  world.scan(pass);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  const auto another = sender_pass(world);
  EXPECT_NE(drop_off(world, another), 0U);
}

TEST(Sender, WhoTakesTheParcelAlongMayComeAgain) {
  StationWorld world;
  const auto pass = sender_pass(world);
  world.scan(pass);
  world.scan("RETURN1");
  world.key('S');
  world.advance_seconds(1);
  const auto compartment = world.last_screen().compartment;
  world.key('*');
  world.shut(compartment);
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kCancelled);
  EXPECT_EQ(world.state(compartment), CompartmentState::kVacant);
  world.key('*');
  EXPECT_NE(drop_off(world, pass), 0U);
}

// The door stands open: whether the pass will be used up is not decided, so it does not open another one.
TEST(Sender, ThePassOpensNoSecondDoorWhileTheFirstIsLeftOpen) {
  StationWorld world;
  const auto pass = sender_pass(world);
  world.scan(pass);
  world.scan("RETURN1");
  world.key('S');
  world.advance_seconds(1);
  const auto compartment = world.last_screen().compartment;
  world.advance_seconds(61);
  EXPECT_EQ(world.last_screen().screen, Screen::kPleaseShut);
  world.scan(pass);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  world.shut(compartment);
  world.advance_seconds(1);
  EXPECT_EQ(world.events(cubby_v1_Event_dropped_off_tag).size(), 1U);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOverdue);
}

TEST(Sender, ADoorThatShutsAfterAPowerCutBooksTheDropOff) {
  StationWorld world;
  const auto pass = sender_pass(world);
  world.scan(pass);
  world.scan("RETURN1");
  world.key('S');
  world.advance_seconds(1);
  const auto compartment = world.last_screen().compartment;
  world.power_cycle();
  world.shut(compartment);
  world.advance_seconds(1);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOverdue);
  ASSERT_EQ(world.events(cubby_v1_Event_dropped_off_tag).size(), 1U);
  EXPECT_STREQ(world.events(cubby_v1_Event_dropped_off_tag)[0].body.dropped_off.parcel, "RETURN1");
  world.scan(pass);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
}

TEST(Sender, RecallsNothingAndJoinsNoGroup) {
  StationWorld world;
  world.scan(sender_pass(world));
  world.key('R');
  EXPECT_EQ(world.last_screen().screen, Screen::kSenderReady);
  world.scan("RETURN1");
  world.scan("CBR1.00000000000000a1");  // Taken for a parcel's number: a sender knows no tokens.
  world.key('S');
  world.advance_seconds(1);
  world.shut(world.last_screen().compartment);
  world.advance_seconds(1);
  ASSERT_EQ(world.events(cubby_v1_Event_dropped_off_tag).size(), 1U);
  EXPECT_STREQ(world.events(cubby_v1_Event_dropped_off_tag)[0].body.dropped_off.parcel, "CBR1.00000000000000a1");
}

TEST(Sender, ThePassIsBoundToTheStationAndItsLifeIsBounded) {
  StationWorld world;
  world.scan(world.pass('S', "sf", 0, kDay, "SX-TY-0008"));
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  EXPECT_TRUE(world.events(cubby_v1_Event_turned_away_tag).empty());  // As a forged one.
  world.scan(world.pass('S', "sf", 0, 14 * kDay + 1));
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  world.scan(world.pass('S', "sf", -2 * kDay, -kDay));
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  EXPECT_NE(drop_off(world, world.pass('S', "sf", 0, 14 * kDay)), 0U);
}

// Remembered passes are forgotten only when no clock would take them any more; until then new ones wait.
TEST(Sender, AStationThatCanRememberNoMorePassesTakesNone) {
  StationWorld world;
  const auto first = sender_pass(world);
  for (std::size_t i = 0; i < core::StationState::kPassesMax; ++i) {
    const auto compartment = drop_off(world, i == 0 ? first : sender_pass(world));
    world.scan(world.courier_pass());
    world.key('R');
    world.advance_seconds(1);
    world.shut(compartment);
    world.advance_seconds(1);
    world.key('*');
  }
  world.scan(sender_pass(world));
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  world.scan(first);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  world.power_cycle();
  world.scan(first);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  world.advance(Duration::hours(25));
  world.scan(world.courier_pass("sf"));  // Somebody else's visit: the newest time of the journal moves on.
  world.scan("P1");
  world.key('S');
  world.advance_seconds(1);
  world.shut(world.last_screen().compartment);
  world.advance_seconds(1);
  world.key('*');
  EXPECT_NE(drop_off(world, sender_pass(world)), 0U);
}

}  // namespace
}  // namespace cubby::tests

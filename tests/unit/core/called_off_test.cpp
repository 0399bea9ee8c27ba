// What people say at an open door: this parcel does not go in, this parcel does not go out.
#include <gtest/gtest.h>

#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;

/// A deposited parcel whose recipient has just opened the door.
struct AtOpenDoor {
  StationWorld world;
  unsigned compartment = world.deposit();
  std::string code = world.code_of(compartment);
  AtOpenDoor() { world.enter_code(code); }
};

TEST(Refuse, LeavesTheParcelInsideForItsCourierAndKillsTheCode) {
  AtOpenDoor scene;
  auto& [world, compartment, code] = scene;
  world.advance_seconds(4);
  world.key('N');
  EXPECT_EQ(world.last_screen().screen, Screen::kPleaseShut);
  world.advance_seconds(3);
  world.shut(compartment);
  world.advance_seconds(1);
  EXPECT_TRUE(world.showed(Screen::kRefused));
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
  ASSERT_EQ(world.events(cubby_v1_Event_refused_tag).size(), 1U);
  const auto refused = world.events(cubby_v1_Event_refused_tag)[0].body.refused;
  EXPECT_EQ(refused.compartment, compartment);
  EXPECT_EQ(refused.counter, 1U);
  EXPECT_STREQ(refused.carrier, "sf");
  EXPECT_EQ(refused.attempts, 1U);
  EXPECT_GE(refused.open_ms, 7'000U);
  EXPECT_TRUE(world.events(cubby_v1_Event_collected_tag).empty());
  EXPECT_EQ(world.state(compartment), CompartmentState::kOverdue);

  world.enter_code(code);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
  world.scan(world.courier_pass("sf"));
  world.key('R');
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kRecallOpen);
  EXPECT_EQ(world.last_screen().compartment, compartment);
  world.shut(compartment);
  world.advance_seconds(1);
  EXPECT_EQ(world.events(cubby_v1_Event_recalled_tag).size(), 1U);
  EXPECT_EQ(world.state(compartment), CompartmentState::kVacant);
}

TEST(Refuse, IsDurableBeforeThePanelSaysSo) {
  AtOpenDoor scene;
  auto& [world, compartment, code] = scene;
  world.key('N');
  world.power_cycle();
  EXPECT_TRUE(world.is_open(compartment));
  world.shut(compartment);
  world.advance_seconds(2);
  EXPECT_EQ(world.events(cubby_v1_Event_refused_tag).size(), 1U);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOverdue);
  world.power_cycle();
  EXPECT_EQ(world.state(compartment), CompartmentState::kOverdue);
  world.enter_code(code);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
}

TEST(Refuse, MeansNothingWhereNoParcelIsBeingCollected) {
  StationWorld world;
  world.key('N');
  EXPECT_TRUE(world.events(cubby_v1_Event_refused_tag).empty());
  const auto compartment = world.begin_deposit();
  world.key('N');
  EXPECT_EQ(world.last_screen().screen, Screen::kPutIn);
  world.shut(compartment);
  world.advance_seconds(1);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
  world.key('*');
  world.jam(compartment);
  world.enter_code(world.code_of(compartment));
  EXPECT_EQ(world.last_screen().screen, Screen::kOpening);
  world.key('N');  // The door is not open yet.
  world.jam(compartment, false);
  world.advance_seconds(12);
  world.shut(compartment);
  world.advance_seconds(1);
  EXPECT_TRUE(world.events(cubby_v1_Event_refused_tag).empty());
}

TEST(Refuse, DoesNotBringARecalledParcelBack) {
  AtOpenDoor scene;
  auto& [world, compartment, code] = scene;
  world.key('N');
  world.shut(compartment);
  world.advance_seconds(1);
  world.scan(world.courier_pass("sf"));
  world.key('R');
  world.advance_seconds(1);
  world.key('N');
  world.shut(compartment);
  world.advance_seconds(1);
  EXPECT_EQ(world.events(cubby_v1_Event_refused_tag).size(), 1U);
  EXPECT_EQ(world.state(compartment), CompartmentState::kVacant);
}

TEST(ChangeSize, OpensADoorOfTheOtherSizeForTheSameParcel) {
  StationWorld world;  // S S M L.
  const auto small = world.begin_deposit('S', "P7");
  world.key('L');
  EXPECT_EQ(world.last_screen().screen, Screen::kPleaseShut);
  world.shut(small);
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kPutIn);
  EXPECT_EQ(world.last_screen().compartment, 4U);
  EXPECT_EQ(world.state(small), CompartmentState::kVacant);
  world.shut(4);
  world.advance_seconds(1);
  ASSERT_EQ(world.events(cubby_v1_Event_deposited_tag).size(), 1U);
  const auto deposited = world.events(cubby_v1_Event_deposited_tag)[0].body.deposited;
  EXPECT_STREQ(deposited.parcel, "P7");
  EXPECT_EQ(deposited.size, cubby_v1_Size_SIZE_L);
  EXPECT_EQ(deposited.compartment, 4U);
  EXPECT_EQ(world.events(cubby_v1_Event_deposit_cancelled_tag).size(), 1U);
}

TEST(ChangeSize, ToTheSameSizeIsAnotherDoor) {
  StationWorld world;
  const auto dirty = world.begin_deposit('S');
  world.key('S');
  world.shut(dirty);
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kPutIn);
  EXPECT_NE(world.last_screen().compartment, dirty);
}

TEST(ChangeSize, IsTurnedAwayWhenNothingFitsAndTheCourierIsStillReady) {
  StationWorld world;
  const auto small = world.begin_deposit('S', "P1");
  world.key('X');
  world.shut(small);
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kTurnedAway);
  EXPECT_EQ(world.events(cubby_v1_Event_turned_away_tag).size(), 1U);
  world.scan("P2");
  EXPECT_EQ(world.last_screen().screen, Screen::kChooseSize);
}

TEST(ChangeSize, TheLastWordAtTheDoorCounts) {
  StationWorld world;
  const auto small = world.begin_deposit('S', "P1");
  world.key('M');
  world.key('*');
  world.shut(small);
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kCancelled);
  EXPECT_EQ(world.events(cubby_v1_Event_deposit_cancelled_tag).size(), 1U);
  // The next parcel of this courier is not changed.
  world.scan("P2");
  world.key('S');
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kPutIn);
  world.shut(world.last_screen().compartment);
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kStored);
}

}  // namespace
}  // namespace cubby::tests

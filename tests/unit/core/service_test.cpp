// A technician at the panel, and what only a technician can settle.
#include <gtest/gtest.h>

#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;

/// A technician before the menu of a station.
struct Visit {
  StationWorld world;
  explicit Visit(const StationWorld::Options& options = {}) : world(options) {}
  void come() {
    world.key('*');
    world.scan(world.technician_pass());
    ASSERT_EQ(world.last_screen().screen, Screen::kServiceMenu);
  }
  /// Menu, number, door open, door shut.
  void look(unsigned compartment) {
    world.keys("2" + std::to_string(compartment) + "#");
    world.advance_seconds(1);
    ASSERT_EQ(world.last_screen().screen, Screen::kLookInside);
    world.shut(compartment);
    world.advance_seconds(1);
  }
};

TEST(Technician, LooksIntoAnEmptyCompartmentThatIsNotGivenToAnybodyMeanwhile) {
  Visit visit({.doors = {cubby_v1_Size_SIZE_S}});
  auto& world = visit.world;
  visit.come();
  world.keys("21#");
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kLookInside);
  EXPECT_EQ(world.state(1), CompartmentState::kUnloading);
  world.shut(1);
  world.advance_seconds(1);
  EXPECT_TRUE(world.showed(Screen::kServiceDone));
  EXPECT_EQ(world.state(1), CompartmentState::kVacant);
  ASSERT_EQ(world.events(cubby_v1_Event_serviced_tag).size(), 1U);
  const auto serviced = world.events(cubby_v1_Event_serviced_tag)[0].body.serviced;
  EXPECT_EQ(serviced.action, cubby_v1_ServiceAction_SERVICE_ACTION_DOOR_OPENED);
  EXPECT_EQ(serviced.compartment, 1U);
  EXPECT_STREQ(serviced.technician, "li");
  const auto came = world.events(cubby_v1_Event_technician_came_tag);
  ASSERT_EQ(came.size(), 1U);
  EXPECT_STREQ(came[0].body.technician_came.technician, "li");
  world.key('*');
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
  EXPECT_EQ(world.deposit(), 1U);
}

TEST(Technician, ALookAtAParcelLeavesItInDoubtUntilTheySayWhatIsThere) {
  Visit visit;
  auto& world = visit.world;
  const auto compartment = world.deposit();
  const auto code = world.code_of(compartment);
  visit.come();
  visit.look(compartment);
  EXPECT_EQ(world.last_screen().screen, Screen::kInside);
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
  world.key('1');
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
  EXPECT_EQ(world.last_screen().screen, Screen::kServiceMenu);
  ASSERT_EQ(world.events(cubby_v1_Event_custody_settled_tag).size(), 1U);
  world.key('*');
  world.enter_code(code);
  EXPECT_TRUE(world.is_open(compartment));
}

TEST(Technician, FindsACompartmentEmptyAndItsCodeIsDead) {
  Visit visit;
  auto& world = visit.world;
  const auto compartment = world.deposit();
  const auto code = world.code_of(compartment);
  visit.come();
  visit.look(compartment);
  world.key('0');
  EXPECT_EQ(world.state(compartment), CompartmentState::kVacant);
  world.key('*');
  world.enter_code(code);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
}

TEST(Technician, WhoGivesNoAnswerLeavesTheDoubtAndTheOwnerCanStillCome) {
  Visit visit;
  auto& world = visit.world;
  const auto compartment = world.deposit();
  const auto code = world.code_of(compartment);
  visit.come();
  visit.look(compartment);
  world.advance_seconds(91);
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
  world.power_cycle();
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
  world.enter_code(code);
  EXPECT_TRUE(world.is_open(compartment));
}

TEST(Technician, DoesNotBringADeadCodeBackToLife) {
  Visit visit({.retention_h = 1});
  auto& world = visit.world;
  const auto compartment = world.deposit();
  const auto code = world.code_of(compartment);
  world.advance(Duration::hours(2));
  ASSERT_EQ(world.state(compartment), CompartmentState::kOverdue);
  visit.come();
  visit.look(compartment);
  world.power_cycle();  // In doubt, over a reset: the code is as dead as before.
  world.enter_code(code);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
  visit.come();
  visit.look(compartment);
  world.key('1');
  EXPECT_EQ(world.state(compartment), CompartmentState::kOverdue);
  world.key('*');
  world.enter_code(code);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
}

TEST(Technician, AuditsWhatIsOutOfAllocationAndSettlesIt) {
  Visit visit;  // S S M L.
  auto& world = visit.world;
  world.force(1);
  world.advance_seconds(2);
  world.shut(1);
  const auto parcel = world.deposit('S', "P1");
  ASSERT_EQ(parcel, 2U);
  world.force(2);
  world.advance_seconds(2);
  world.shut(2);
  world.advance_seconds(1);
  ASSERT_EQ(world.state(1), CompartmentState::kOutOfService);
  ASSERT_EQ(world.state(2), CompartmentState::kDisputed);
  visit.come();
  world.key('1');
  EXPECT_EQ(world.last_screen().screen, Screen::kAuditItem);
  EXPECT_EQ(world.last_screen().compartment, 1U);
  EXPECT_EQ(world.last_screen().number, 10U);
  world.key('#');
  world.advance_seconds(1);
  world.shut(1);
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().compartment, 1U);  // It opened and shut: it may serve again.
  world.key('5');
  EXPECT_EQ(world.state(1), CompartmentState::kVacant);
  EXPECT_EQ(world.last_screen().screen, Screen::kAuditItem);
  EXPECT_EQ(world.last_screen().compartment, 2U);
  world.key('#');
  world.advance_seconds(1);
  world.shut(2);
  world.advance_seconds(1);
  world.key('1');
  EXPECT_EQ(world.state(2), CompartmentState::kOccupied);
  EXPECT_EQ(world.last_screen().screen, Screen::kServiceMenu);
  EXPECT_TRUE(world.showed(Screen::kServiceDone));
  EXPECT_EQ(world.screens()[world.screens().size() - 2].number, 1U);  // One was settled.
}

TEST(Technician, TakesOutAParcelThatNobodyBookedIn) {
  Visit visit;
  auto& world = visit.world;
  world.jam(1);  // The power goes in mid-pulse: whether the door opened, nobody knows.
  world.scan(world.courier_pass());
  world.scan("P1");
  world.key('S');
  world.power_cycle();
  world.jam(1, false);
  world.advance_seconds(5);
  ASSERT_EQ(world.state(1), CompartmentState::kDisputed);
  visit.come();
  visit.look(1);
  world.key('1');
  EXPECT_TRUE(world.showed(Screen::kServiceRefused));
  EXPECT_EQ(world.state(1), CompartmentState::kDisputed);
  visit.look(1);
  world.key('0');
  EXPECT_EQ(world.state(1), CompartmentState::kVacant);
}

TEST(Technician, TakesACompartmentOutAndPutsItBack) {
  Visit visit;
  auto& world = visit.world;
  const auto occupied = world.deposit();
  visit.come();
  world.keys("4" + std::to_string(occupied) + "#");
  EXPECT_TRUE(world.showed(Screen::kServiceRefused));
  EXPECT_EQ(world.state(occupied), CompartmentState::kOccupied);
  world.keys("43#");
  EXPECT_EQ(world.state(3), CompartmentState::kOutOfService);
  ASSERT_EQ(world.events(cubby_v1_Event_out_of_service_tag).size(), 1U);
  world.force(3);
  world.advance_seconds(2);
  world.keys("53#");  // Not while it stands open.
  EXPECT_EQ(world.state(3), CompartmentState::kOutOfService);
  world.shut(3);
  world.advance_seconds(2);
  world.keys("53#");
  EXPECT_EQ(world.state(3), CompartmentState::kVacant);
  world.forget_screens();
  for (const char* wrong : {"20#", "25#", "2999#", "2#", "29999999999#"}) {
    world.keys(wrong);
    EXPECT_TRUE(world.showed(Screen::kServiceRefused)) << wrong;
    EXPECT_EQ(world.last_screen().screen, Screen::kServiceMenu) << wrong;
    world.forget_screens();
  }
}

TEST(Technician, TestsTheStationWithoutOpeningADoor) {
  Visit visit;
  auto& world = visit.world;
  visit.come();
  const auto before = world.openings();
  world.key('6');
  ASSERT_EQ(world.events(cubby_v1_Event_serviced_tag).size(), 1U);
  EXPECT_EQ(world.events(cubby_v1_Event_serviced_tag)[0].body.serviced.faults, 0U);
  world.board_of(1).silent = true;
  world.advance_seconds(10);
  world.key('6');
  ASSERT_EQ(world.events(cubby_v1_Event_serviced_tag).size(), 2U);
  EXPECT_EQ(world.events(cubby_v1_Event_serviced_tag)[1].body.serviced.faults, 4U);
  EXPECT_EQ(world.openings(), before);
}

TEST(Technician, SurvivesAPowerCutWithTheDoorOpen) {
  Visit visit;
  auto& world = visit.world;
  const auto compartment = world.deposit();
  visit.come();
  world.keys("2" + std::to_string(compartment) + "#");
  world.advance_seconds(1);
  world.keys("24#");
  world.power_cycle();
  EXPECT_TRUE(world.is_open(compartment));
  world.shut(compartment);
  world.advance_seconds(2);
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
  EXPECT_EQ(world.events(cubby_v1_Event_serviced_tag).size(), 1U);
}

TEST(Technician, MayNotComeWhenTheVisitCannotBeWrittenDown) {
  Visit visit;
  auto& world = visit.world;
  world.flash().protect(true);
  world.scan(world.technician_pass());
  EXPECT_EQ(world.last_screen().screen, Screen::kOutOfService);
  world.key('2');
  EXPECT_FALSE(world.showed(Screen::kDoorNumber));
}

TEST(Technician, MustGoAfterFifteenMinutes) {
  Visit visit;
  auto& world = visit.world;
  world.scan(world.pass('T', "li", -300, 600));
  for (int minute = 0; minute < 14; ++minute) {
    world.advance_seconds(60);
    world.key('9');
    ASSERT_EQ(world.last_screen().screen, Screen::kServiceMenu) << minute;
  }
  world.advance_seconds(61);
  world.key('2');
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
}

TEST(Pass, OfATechnicianHoldsAtThisStationForAQuarterOfAnHour) {
  StationWorld world;
  const auto turned_away = [&] { return world.events(cubby_v1_Event_turned_away_tag).size(); };
  world.scan(world.pass('T', "li", 0, 600, "SX-TY-0008"));
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  EXPECT_EQ(turned_away(), 0U);  // As good as forged.
  world.scan(world.pass('T', "li", 0, 901));
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  EXPECT_EQ(turned_away(), 1U);
  world.scan(world.pass('C', "sf", 0, 16 * 3'600 + 1));
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  world.scan(world.pass('C', "sf", 600, 0));  // Ends before it begins.
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  EXPECT_EQ(turned_away(), 3U);
}

TEST(Pass, TheClocksMayDifferByFiveMinutes) {
  StationWorld world;
  world.scan(world.pass('C', "sf", 299, 4'000));
  EXPECT_EQ(world.last_screen().screen, Screen::kCourierReady);
  world.key('*');
  world.scan(world.pass('C', "sf", 302, 4'000));
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  world.scan(world.pass('C', "sf", -4'000, -298));
  EXPECT_EQ(world.last_screen().screen, Screen::kCourierReady);
  world.key('*');
  world.scan(world.pass('C', "sf", -4'000, -302));
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
}

TEST(Pass, WithoutAClockATechniciansHoldsOnceAndOldOnesDoNot) {
  StationWorld world;
  world.deposit();  // The journal holds a time.
  world.advance(Duration::minutes(30));
  const auto old = world.pass('T', "li", -1'900, -1'000);  // Long expired when the journal was last written.
  world.deposit('S', "P2");
  world.set_utc_ms(std::nullopt);
  world.power_cycle();
  world.scan(old);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  const auto pass = world.technician_pass();
  world.scan(pass);
  EXPECT_EQ(world.last_screen().screen, Screen::kServiceMenu);
  world.key('*');
  world.scan(pass);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  world.power_cycle();  // Durable, and in the checkpoint too.
  world.scan(pass);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  world.scan(world.courier_pass());
  EXPECT_EQ(world.last_screen().screen, Screen::kCourierReady);
}

}  // namespace
}  // namespace cubby::tests

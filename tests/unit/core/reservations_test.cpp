// Doors that are kept: for a brand, for a parcel, for people who cannot reach the others.
#include <gtest/gtest.h>

#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;
using core::Reservations;
using core::TurnedAway;

constexpr auto kS = static_cast<std::uint8_t>(cubby_v1_Size_SIZE_S);
constexpr auto kM = static_cast<std::uint8_t>(cubby_v1_Size_SIZE_M);

unsigned reserve(StationWorld& world, const Reservations::Request& request) {
  const auto answer = world.reservations().reserve(request);
  EXPECT_EQ(answer.status, Status::kOk);
  world.advance_seconds(1);
  return answer.compartment;
}

/// What a courier of that brand gets; the door is shut again.
unsigned deposit_of(StationWorld& world, std::string_view carrier, std::string_view parcel, char size = 'S',
                    bool low = false) {
  world.forget_screens();
  world.scan(world.courier_pass(carrier));
  world.scan(parcel);
  if (low) {
    world.key('W');
  }
  world.key(size);
  world.advance(Duration::milliseconds(900));
  const auto shown = world.last_screen();
  if (shown.screen == Screen::kPutIn) {
    world.shut(shown.compartment);
    world.advance_seconds(1);
  }
  world.key('*');
  return shown.screen == Screen::kPutIn ? shown.compartment : 0;
}

std::uint32_t reason(const StationWorld& world) {
  for (auto shown = world.screens().rbegin(); shown != world.screens().rend(); ++shown) {
    if (shown->screen == Screen::kTurnedAway) {
      return shown->number;
    }
  }
  return 0;
}

/// How the last reservation ended; 0: none did.
unsigned last_end(const StationWorld& world) {
  const auto ended = world.events(cubby_v1_Event_reservation_ended_tag);
  return ended.empty() ? 0 : static_cast<unsigned>(ended.back().body.reservation_ended.end);
}

TEST(Reservation, KeepsADoorForItsParcelAndIsOverOnceThatIsInside) {
  StationWorld world;
  const auto kept = reserve(world, {.size = kS, .carrier = "sf", .parcel = "P7", .ttl_s = 3'600});
  ASSERT_EQ(kept, 1U);
  EXPECT_EQ(world.state(kept), CompartmentState::kReserved);
  const auto reserved = world.events(cubby_v1_Event_door_reserved_tag);
  ASSERT_EQ(reserved.size(), 1U);
  EXPECT_STREQ(reserved[0].body.door_reserved.parcel, "P7");
  EXPECT_EQ(reserved[0].body.door_reserved.ttl_s, 3'600U);

  EXPECT_EQ(deposit_of(world, "zto", "P7"), 2U);  // Another brand's, whatever its number.
  EXPECT_EQ(deposit_of(world, "sf", "P1"), 3U);   // A size larger; no S door is left.
  world.power_cycle();
  EXPECT_EQ(world.state(kept), CompartmentState::kReserved);
  EXPECT_EQ(deposit_of(world, "sf", "P7"), kept);
  EXPECT_EQ(world.state(kept), CompartmentState::kOccupied);
  EXPECT_EQ(last_end(world), cubby_v1_ReservationEnd_RESERVATION_END_USED);
  EXPECT_EQ(world.controller().state().reservation_count(), 0U);
  EXPECT_EQ(world.controller().state().repairs(), 0U);
}

TEST(Reservation, OfABrandHoldsForAnyOfItsParcels) {
  StationWorld world;
  const auto kept = reserve(world, {.size = kM, .carrier = "sf", .ttl_s = 3'600});
  ASSERT_EQ(kept, 3U);
  EXPECT_EQ(deposit_of(world, "zto", "P1", 'M'), 4U);
  EXPECT_EQ(deposit_of(world, "sf", "P2", 'S'), kept);  // Reserved, and large enough.
  EXPECT_EQ(deposit_of(world, "sf", "P3", 'S'), 1U);
}

TEST(Reservation, EndsWithItsTimeWhichStandsStillWhileTheStationIsOff) {
  StationWorld world;
  const auto kept = reserve(world, {.size = kS, .carrier = "sf", .ttl_s = 600});
  world.advance_seconds(300);
  EXPECT_NE(deposit_of(world, "zto", "P1"), 0U);  // A record that carries the time so far.
  world.power_cycle(Duration::hours(5));
  world.advance_seconds(250);
  EXPECT_EQ(world.state(kept), CompartmentState::kReserved);
  world.advance_seconds(60);
  EXPECT_EQ(world.state(kept), CompartmentState::kVacant);
  EXPECT_EQ(last_end(world), cubby_v1_ReservationEnd_RESERVATION_END_EXPIRED);
  EXPECT_EQ(world.events(cubby_v1_Event_reservation_ended_tag).size(), 1U);
}

TEST(Reservation, CanBeGivenBack) {
  StationWorld world;
  const auto kept = static_cast<std::uint8_t>(reserve(world, {.size = kS, .carrier = "sf", .ttl_s = 600}));
  EXPECT_EQ(world.reservations().release(static_cast<std::uint8_t>(kept + 1)), Status::kWrongState);
  EXPECT_EQ(world.reservations().release(0), Status::kWrongState);
  EXPECT_EQ(world.reservations().release(kept), Status::kOk);
  world.advance_seconds(1);
  EXPECT_EQ(world.state(kept), CompartmentState::kVacant);
  EXPECT_EQ(last_end(world), cubby_v1_ReservationEnd_RESERVATION_END_RELEASED);
  EXPECT_EQ(world.reservations().release(kept), Status::kWrongState);
}

TEST(Reservation, OutlastsADepositThatIsCalledOffAndNobodyIsSentFromAnOpenDoor) {
  StationWorld world;
  const auto kept = reserve(world, {.size = kS, .carrier = "sf", .ttl_s = 60});
  world.advance_seconds(30);
  ASSERT_EQ(world.begin_deposit(), kept);
  EXPECT_EQ(world.reservations().release(static_cast<std::uint8_t>(kept)), Status::kWrongState);
  world.advance_seconds(40);  // Its time is over.
  EXPECT_EQ(world.state(kept), CompartmentState::kLoading);
  EXPECT_EQ(last_end(world), 0U);
  world.key('*');
  world.shut(kept);
  world.advance_seconds(1);
  EXPECT_EQ(world.events(cubby_v1_Event_deposit_cancelled_tag).size(), 1U);
  EXPECT_EQ(world.state(kept), CompartmentState::kVacant);
  EXPECT_EQ(last_end(world), cubby_v1_ReservationEnd_RESERVATION_END_EXPIRED);

  const auto longer = reserve(world, {.size = kS, .carrier = "sf", .ttl_s = 3'600});
  world.key('*');
  ASSERT_EQ(world.begin_deposit(), longer);
  world.key('*');
  world.shut(longer);
  world.advance_seconds(1);
  EXPECT_EQ(world.state(longer), CompartmentState::kReserved);
  EXPECT_EQ(world.controller().state().repairs(), 0U);
}

TEST(Reservation, IsLostWithItsDoor) {
  StationWorld world;
  const auto kept = reserve(world, {.size = kS, .carrier = "sf", .ttl_s = 3'600});
  world.jam(kept);
  world.scan(world.courier_pass());
  world.scan("P1");
  world.key('S');
  world.advance_seconds(20);
  EXPECT_EQ(world.last_screen().screen, Screen::kPutIn);  // Of another door.
  EXPECT_EQ(world.state(kept), CompartmentState::kOutOfService);
  EXPECT_EQ(last_end(world), cubby_v1_ReservationEnd_RESERVATION_END_LOST);

  StationWorld other;
  const auto forced = reserve(other, {.size = kS, .carrier = "sf", .ttl_s = 3'600});
  other.force(forced);
  other.advance_seconds(3);
  EXPECT_EQ(other.state(forced), CompartmentState::kOutOfService);  // "Empty" may not be believed any more.
  EXPECT_EQ(last_end(other), cubby_v1_ReservationEnd_RESERVATION_END_LOST);
}

TEST(Reservation, StaysWhenATechnicianLooksInside) {
  StationWorld world;
  const auto kept = reserve(world, {.size = kS, .carrier = "sf", .ttl_s = 3'600});
  world.scan(world.technician_pass());
  world.keys("2" + std::to_string(kept) + "#");
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kLookInside);
  world.shut(kept);
  world.advance_seconds(1);
  EXPECT_EQ(world.state(kept), CompartmentState::kReserved);
  EXPECT_EQ(world.controller().state().repairs(), 0U);
}

TEST(Reservation, RefusesWhatBreaksItsRules) {
  StationWorld world;
  auto& reservations = world.reservations();
  const auto bad = [&](const Reservations::Request& request) {
    EXPECT_EQ(reservations.reserve(request).status, Status::kBadInput);
  };
  bad({.size = 0, .carrier = "sf", .ttl_s = 600});
  bad({.size = 5, .carrier = "sf", .ttl_s = 600});
  bad({.size = kS, .carrier = "", .ttl_s = 600});
  bad({.size = kS, .carrier = "SF", .ttl_s = 600});
  bad({.size = kS, .carrier = "ninebytes", .ttl_s = 600});
  bad({.size = kS, .carrier = "sf", .parcel = "a b", .ttl_s = 600});
  bad({.size = kS, .carrier = "sf", .parcel = "123456789012345678901234567890123", .ttl_s = 600});
  bad({.size = kS, .carrier = "sf", .ttl_s = 59});
  bad({.size = kS, .carrier = "sf", .ttl_s = 86'401});
  EXPECT_TRUE(world.events(cubby_v1_Event_door_reserved_tag).empty());

  // One after the other without a tick between: each sees the one before.
  EXPECT_EQ(reservations.reserve({.size = kS, .carrier = "sf", .parcel = "P1", .ttl_s = 60}).compartment, 1U);
  EXPECT_EQ(reservations.reserve({.size = kS, .carrier = "sf", .parcel = "P1", .ttl_s = 60}).status,
            Status::kWrongState);
  EXPECT_EQ(reservations.reserve({.size = kS, .carrier = "sf", .ttl_s = 86'400}).compartment, 2U);
  EXPECT_EQ(reservations.reserve({.size = kS, .carrier = "sf", .ttl_s = 60}).compartment, 3U);
  const auto none = reservations.reserve({.size = kS, .carrier = "sf", .ttl_s = 60});
  EXPECT_EQ(none.status, Status::kNotFound);
  EXPECT_EQ(none.reason, TurnedAway::kNoSuchSize);
}

TEST(Reservation, AreAtMostSoMany) {
  StationWorld world({.doors = std::vector<cubby_v1_Size>(limits::kReservationsMax + 2, cubby_v1_Size_SIZE_S)});
  auto& reservations = world.reservations();
  for (std::size_t i = 0; i < limits::kReservationsMax; ++i) {
    EXPECT_EQ(reservations.reserve({.size = kS, .carrier = "sf", .ttl_s = 600}).status, Status::kOk);
  }
  EXPECT_EQ(reservations.reserve({.size = kS, .carrier = "sf", .ttl_s = 600}).status, Status::kNoSpace);
  EXPECT_EQ(reservations.release(1), Status::kOk);
  EXPECT_EQ(reservations.reserve({.size = kS, .carrier = "zto", .ttl_s = 600}).status, Status::kOk);
  EXPECT_EQ(world.controller().state().repairs(), 0U);
}

TEST(Reservation, CountsForTheBrandsShare) {
  StationWorld world({.share_percent = 50});
  EXPECT_NE(reserve(world, {.size = kS, .carrier = "sf", .ttl_s = 3'600}), 0U);
  EXPECT_NE(reserve(world, {.size = kS, .carrier = "sf", .ttl_s = 3'600}), 0U);
  EXPECT_EQ(world.reservations().reserve({.size = kS, .carrier = "sf", .ttl_s = 3'600}).reason,
            TurnedAway::kShareUsedUp);
  EXPECT_EQ(deposit_of(world, "sf", "P1"), 1U);  // What is reserved is the brand's already.
  EXPECT_EQ(deposit_of(world, "sf", "P2"), 2U);
  EXPECT_EQ(deposit_of(world, "sf", "P3"), 0U);
  EXPECT_EQ(reason(world), 3U);
}

// The power may go at any moment after a reservation was used; the event about it comes exactly once.
TEST(Reservation, TellsItsEndOnceThoughThePowerGoes) {
  StationWorld world;
  const auto kept = reserve(world, {.size = kS, .carrier = "sf", .ttl_s = 3'600});
  ASSERT_EQ(world.begin_deposit(), kept);
  world.power_cycle();  // With the door open; it is shut while the station is off.
  EXPECT_EQ(world.state(kept), CompartmentState::kLoading);
  world.shut(kept);
  world.advance_seconds(2);
  EXPECT_EQ(world.state(kept), CompartmentState::kOccupied);
  world.power_cycle();
  EXPECT_EQ(world.events(cubby_v1_Event_reservation_ended_tag).size(), 1U);
  EXPECT_EQ(last_end(world), cubby_v1_ReservationEnd_RESERVATION_END_USED);
}

TEST(DedicatedShare, KeepsTheLastDoorsOfASizeForItsBrand) {
  const std::vector<cubby_v1_Size> doors(4, cubby_v1_Size_SIZE_S);
  StationWorld world({.doors = doors, .guaranteed_percent = 50});
  EXPECT_EQ(deposit_of(world, "zto", "P1"), 1U);
  EXPECT_EQ(deposit_of(world, "sf", "P2"), 2U);
  EXPECT_EQ(deposit_of(world, "zto", "P3"), 3U);
  EXPECT_EQ(deposit_of(world, "zto", "P4"), 0U);  // The last is the brand's.
  EXPECT_EQ(reason(world), 3U);
  world.power_cycle();
  EXPECT_EQ(deposit_of(world, "zto", "P4"), 0U);
  EXPECT_EQ(deposit_of(world, "sf", "P5"), 4U);
  EXPECT_EQ(deposit_of(world, "sf", "P6"), 0U);
  EXPECT_EQ(reason(world), 1U);
}

TEST(LowDoor, IsForThoseWhoNeedItAndForOthersWhenNoneIsLeft) {
  // Doors 2 and 3 can be reached; 3 is the only M.
  StationWorld world({.heights_cm = {150, 60, 80, 10}});
  EXPECT_EQ(deposit_of(world, "sf", "P1"), 1U);
  EXPECT_EQ(deposit_of(world, "sf", "P2", 'S', true), 2U);
  EXPECT_TRUE(world.showed(Screen::kChooseSize));
  EXPECT_EQ(deposit_of(world, "sf", "P3", 'S'), 3U);
  EXPECT_EQ(deposit_of(world, "sf", "P4", 'M', true), 0U);
  EXPECT_EQ(reason(world), 7U);
  const auto away = world.events(cubby_v1_Event_turned_away_tag);
  ASSERT_EQ(away.size(), 1U);
  EXPECT_EQ(away[0].body.turned_away.reason, cubby_v1_TurnedAwayReason_TURNED_AWAY_REASON_NO_LOW_DOOR);
  EXPECT_EQ(deposit_of(world, "sf", "P4", 'M'), 4U);  // The wish was for the parcel before.
}

TEST(LowDoor, IsAWishThatCanBeTakenBack) {
  StationWorld world({.heights_cm = {150, 60, 80, 10}});
  world.key('W');  // Nobody is there yet.
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
  world.scan(world.courier_pass());
  world.scan("P1");
  EXPECT_EQ(world.last_screen().number, 0U);
  world.key('W');
  EXPECT_EQ(world.last_screen().screen, Screen::kChooseSize);
  EXPECT_EQ(world.last_screen().number, 1U);
  world.scan("CBR1.00000000000000a1");
  EXPECT_EQ(world.last_screen().number, 1U);
  world.key('W');
  EXPECT_EQ(world.last_screen().number, 0U);
  world.key('S');
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().compartment, 1U);
}

TEST(LowDoor, StaysWantedWhenTheSizeIsChanged) {
  StationWorld world({.heights_cm = {150, 60, 80, 10}});
  world.scan(world.courier_pass());
  world.scan("P1");
  world.key('W');
  world.key('S');
  world.advance_seconds(1);
  ASSERT_EQ(world.last_screen().compartment, 2U);
  world.key('M');
  world.shut(2);
  world.advance_seconds(2);
  EXPECT_EQ(world.last_screen().screen, Screen::kPutIn);
  EXPECT_EQ(world.last_screen().compartment, 3U);
}

TEST(Wear, IsCountedByAttemptsAndOutlastsPowerCycles) {
  StationWorld world;
  const auto wear = [&](std::uint8_t number) { return world.controller().state().compartment(number).wear; };
  const auto compartment = static_cast<std::uint8_t>(deposit_of(world, "sf", "P1"));
  world.enter_code(world.code_of(compartment));
  world.shut(compartment);
  world.advance_seconds(1);
  EXPECT_EQ(wear(compartment), 2U);
  EXPECT_EQ(deposit_of(world, "sf", "P2"), 2U);  // Not door 1, which has served.
  world.power_cycle();
  EXPECT_EQ(wear(compartment), 2U);
  EXPECT_EQ(wear(2), 1U);
  world.jam(2);
  world.enter_code(world.code_of(2));
  world.advance_seconds(15);
  EXPECT_EQ(wear(2), 4U);  // Three attempts at a bolt that does not move wear it as well.
}

}  // namespace
}  // namespace cubby::tests

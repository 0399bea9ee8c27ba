// Inputs and orders that come at the wrong moment, or once too often.
#include <gtest/gtest.h>

#include <cstring>

#include "firmware/core/compartment.h"
#include "firmware/core/pickup_codes.h"
#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;

cubby_v1_Command make(const StationWorld& world, pb_size_t which_body, unsigned char id) {
  cubby_v1_Command command = cubby_v1_Command_init_zero;
  std::memset(command.id, id, sizeof(command.id));
  command.expires_utc_ms = world.utc_ms() + 30'000;
  command.which_body = which_body;
  return command;
}

cubby_v1_CommandResult last_result(const StationWorld& world) {
  const auto results = world.events(cubby_v1_Event_command_result_tag);
  EXPECT_FALSE(results.empty());
  return results.empty() ? cubby_v1_CommandResult{} : results.back().body.command_result;
}

void technician_comes(StationWorld& world) {
  world.key('*');
  world.scan(world.technician_pass());
  ASSERT_EQ(world.last_screen().screen, Screen::kServiceMenu);
}

TEST(Technician, WhoLeavesADoorOpenGoesOnWithTheMenu) {
  StationWorld world;
  technician_comes(world);
  world.keys("23#");
  world.advance_seconds(1);
  ASSERT_EQ(world.last_screen().screen, Screen::kLookInside);
  world.forget_screens();
  world.advance_seconds(61);
  EXPECT_TRUE(world.showed(Screen::kPleaseShut));
  EXPECT_EQ(world.last_screen().screen, Screen::kServiceMenu);
  EXPECT_EQ(world.events(cubby_v1_Event_door_left_open_tag).size(), 1U);
  world.shut(3);
  world.advance_seconds(2);
  EXPECT_EQ(world.state(3), CompartmentState::kVacant);
  EXPECT_EQ(world.events(cubby_v1_Event_serviced_tag).size(), 1U);
}

TEST(Technician, DoesNotOpenADoorThatSomebodyElseHasOpen) {
  StationWorld world;
  const auto compartment = world.begin_deposit();
  world.advance_seconds(61);
  ASSERT_EQ(world.state(compartment), CompartmentState::kLoading);
  technician_comes(world);
  const auto before = world.openings();
  world.forget_screens();
  world.keys("2" + std::to_string(compartment) + "#");
  EXPECT_TRUE(world.showed(Screen::kServiceRefused));
  EXPECT_EQ(world.last_screen().screen, Screen::kServiceMenu);
  EXPECT_EQ(world.openings(), before);
}

TEST(Technician, IsAskedAgainAfterAKeyThatIsNoAnswer) {
  StationWorld world;
  const auto compartment = world.deposit();
  technician_comes(world);
  world.keys("2" + std::to_string(compartment) + "#");
  world.advance_seconds(1);
  world.shut(compartment);
  world.advance_seconds(1);
  ASSERT_EQ(world.last_screen().screen, Screen::kInside);
  for (const char key : {'7', '#', 'S'}) {
    world.forget_tones();
    world.key(key);
    EXPECT_EQ(world.count(drivers::Buzz::kError), 1U) << key;
    EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed) << key;
  }
  world.key('1');
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
}

TEST(Technician, WhoseKeysMeanNothingWhileTheDoorIsOpenIsToldSo) {
  StationWorld world;
  technician_comes(world);
  world.keys("23#");
  world.advance_seconds(1);
  world.forget_tones();
  world.key('5');
  EXPECT_EQ(world.count(drivers::Buzz::kError), 1U);
  EXPECT_EQ(world.last_screen().screen, Screen::kLookInside);
}

TEST(Technician, ReadsOnlyTheNewsOfTheirOwnDoor) {
  StationWorld world;
  const auto left = world.begin_deposit();
  world.advance_seconds(61);
  technician_comes(world);
  world.keys("23#");
  world.advance_seconds(1);
  ASSERT_EQ(world.last_screen().screen, Screen::kLookInside);
  world.shut(left);
  world.advance_seconds(2);
  EXPECT_EQ(world.last_screen().screen, Screen::kLookInside);
  EXPECT_EQ(world.state(left), CompartmentState::kOccupied);
}

TEST(Opening, IsNotBegunWhileAnotherIsBeingAttempted) {
  StationWorld world;
  const auto compartment = world.deposit();
  const auto code = world.code_of(compartment);
  world.jam(3);
  world.keys(code);
  auto open = make(world, cubby_v1_Command_open_door_tag, 1);
  open.body.open_door.compartment = 3;
  world.command(open);
  const auto before = world.openings();
  world.key('#');  // Between two attempts at door 3.
  EXPECT_EQ(world.last_screen().screen, Screen::kDoorFailed);
  EXPECT_EQ(world.openings(), before);
  EXPECT_EQ(world.controller().state().failures(), 0U) << "it was no guess";
  world.begin_deposit();
  EXPECT_EQ(world.last_screen().screen, Screen::kTurnedAway);
  world.key('*');
  world.advance_seconds(10);
  world.enter_code(code);
  EXPECT_TRUE(world.is_open(compartment));
}

TEST(Opening, OfAServiceIsNotCalledOffByTheNextPerson) {
  StationWorld world;
  auto open = make(world, cubby_v1_Command_open_door_tag, 1);
  open.body.open_door.compartment = 1;
  world.command(open);
  ASSERT_TRUE(world.is_open(1));
  const auto mine = world.deposit();
  ASSERT_NE(mine, 1U);
  world.enter_code(world.code_of(mine));
  world.key('N');
  world.shut(mine);
  world.shut(1);
  world.advance_seconds(3);
  EXPECT_EQ(world.state(1), CompartmentState::kVacant);
  EXPECT_EQ(world.events(cubby_v1_Event_refused_tag).size(), 1U);
  EXPECT_EQ(world.events(cubby_v1_Event_serviced_tag).size(), 1U);
}

TEST(Remote, ReservesNoMoreDoorsThanItCanRemember) {
  StationWorld world({.doors = std::vector<cubby_v1_Size>(limits::kReservationsMax + 4, cubby_v1_Size_SIZE_S)});
  const auto reserve = [&](unsigned char id) {
    auto command = make(world, cubby_v1_Command_reserve_tag, id);
    command.body.reserve.size = cubby_v1_Size_SIZE_S;
    std::strcpy(command.body.reserve.carrier, "sf");
    command.body.reserve.ttl_s = 3'600;
    world.command(command);
    world.advance_seconds(45);  // Until it is forgotten: 16 commands are remembered.
    return last_result(world);
  };
  for (unsigned char id = 1; id <= limits::kReservationsMax; ++id) {
    EXPECT_EQ(reserve(id).outcome, cubby_v1_CommandOutcome_COMMAND_OUTCOME_DONE) << unsigned{id};
  }
  const auto refused = reserve(100);
  EXPECT_EQ(refused.outcome, cubby_v1_CommandOutcome_COMMAND_OUTCOME_REFUSED);
  EXPECT_EQ(refused.refusal, cubby_v1_CommandRefusal_COMMAND_REFUSAL_BUSY);
  EXPECT_EQ(world.events(cubby_v1_Event_door_reserved_tag).size(), limits::kReservationsMax);
}

TEST(Remote, RevokesNoMorePassesThanItCanRemember) {
  StationWorld world;
  const auto revoke = [&](std::uint32_t serial) {
    auto command = make(world, cubby_v1_Command_revoke_pass_tag, static_cast<unsigned char>(serial));
    command.body.revoke_pass = {.serial = serial, .expiry_utc_s = world.utc_ms() / 1000 + 40'000};
    world.command(command);
    world.advance_seconds(45);
    return last_result(world);
  };
  for (std::uint32_t serial = 1; serial <= core::StationState::kPassesMax; ++serial) {
    ASSERT_EQ(revoke(serial).outcome, cubby_v1_CommandOutcome_COMMAND_OUTCOME_DONE) << serial;
  }
  EXPECT_EQ(revoke(200).refusal, cubby_v1_CommandRefusal_COMMAND_REFUSAL_BUSY);
  EXPECT_EQ(revoke(0).refusal, cubby_v1_CommandRefusal_COMMAND_REFUSAL_BAD_INPUT);
  EXPECT_FALSE(world.controller().state().pass_revoked(200));
}

TEST(Remote, WhoCannotWriteDownAReservationMakesNone) {
  StationWorld world;
  world.flash().protect(true);
  const core::Reservations::Request request{.size = 1, .carrier = "sf", .parcel = {}, .ttl_s = 600, .low = false};
  const auto answer = world.reservations().reserve(request);
  EXPECT_EQ(answer.status, Status::kIo);
  EXPECT_EQ(answer.compartment, 0U);
  EXPECT_EQ(world.controller().state().reservation_count(), 0U);
  world.advance_seconds(1);
  EXPECT_EQ(world.state(1), CompartmentState::kVacant);
}

TEST(Remote, OpensNoDoorThatCannotBeRead) {
  StationWorld world;
  world.board_of(1).silent = true;
  world.advance_seconds(10);
  auto open = make(world, cubby_v1_Command_open_door_tag, 1);
  open.body.open_door.compartment = 1;
  const auto before = world.openings();
  world.command(open);
  EXPECT_EQ(last_result(world).refusal, cubby_v1_CommandRefusal_COMMAND_REFUSAL_WRONG_STATE);
  EXPECT_EQ(world.openings(), before);
}

TEST(Remote, AnOpeningThatNobodyCanAnswerForHasFailed) {
  StationWorld world({.doors = std::vector<cubby_v1_Size>(16, cubby_v1_Size_SIZE_S)});
  auto open = make(world, cubby_v1_Command_open_door_tag, 1);
  open.body.open_door.compartment = 1;
  world.jam(1);
  world.command(open);
  world.board_of(1).silent = true;
  world.advance_seconds(15);
  EXPECT_EQ(world.state(1), CompartmentState::kDisputed);
  EXPECT_EQ(last_result(world).outcome, cubby_v1_CommandOutcome_COMMAND_OUTCOME_FAILED);
}

TEST(Dwell, IsLeftOutWhenNoClockCanTell) {
  StationWorld world({.utc_ms = std::nullopt});
  const auto known = world.deposit('S', "P1");
  world.enter_code(world.code_of(known));
  world.shut(known);
  world.advance_seconds(2);
  const auto compartment = world.deposit('S', "P2");
  world.power_cycle();
  world.enter_code(world.code_of(compartment));
  world.shut(compartment);
  world.advance_seconds(2);
  const auto collected = world.events(cubby_v1_Event_collected_tag);
  ASSERT_EQ(collected.size(), 2U);
  EXPECT_TRUE(collected[0].body.collected.has_dwell_ms) << "within one boot its own time tells";
  EXPECT_FALSE(collected[1].body.collected.has_dwell_ms);
}

TEST(Dwell, IsLeftOutWhenTheClockWentBack) {
  StationWorld world;
  const auto compartment = world.deposit();
  world.set_utc_ms(world.utc_ms() - 86'400'000);
  world.power_cycle();
  world.enter_code(world.code_of(compartment));
  world.shut(compartment);
  world.advance_seconds(2);
  const auto collected = world.events(cubby_v1_Event_collected_tag);
  ASSERT_EQ(collected.size(), 1U);
  EXPECT_FALSE(collected[0].body.collected.has_dwell_ms);
}

TEST(Dwell, IsCountedByTheClockOverAReset) {
  StationWorld world;
  const auto compartment = world.deposit();
  world.power_cycle(Duration::hours(1));
  world.enter_code(world.code_of(compartment));
  world.shut(compartment);
  world.advance_seconds(2);
  const auto collected = world.events(cubby_v1_Event_collected_tag);
  ASSERT_EQ(collected.size(), 1U);
  ASSERT_TRUE(collected[0].body.collected.has_dwell_ms);
  EXPECT_GE(collected[0].body.collected.dwell_ms, 3'600'000U);
}

TEST(Panel, WhoWalksAwayFromAStationThatCanWriteNoMoreLeavesItOutOfService) {
  StationWorld world;
  world.scan(world.courier_pass());
  ASSERT_EQ(world.last_screen().screen, Screen::kCourierReady);
  world.flash().protect(true);
  world.force(1);  // This is what cannot be written.
  world.advance_seconds(3);
  world.forget_screens();
  world.advance_seconds(90);
  EXPECT_EQ(world.last_screen().screen, Screen::kOutOfService);
  world.key('G');  // The language is only the panel's.
  EXPECT_EQ(world.language(), drivers::PanelLanguage::kChinese);
}

TEST(PickupCodes, AreDigitsAndNothingElse) {
  core::PickupCodes codes;
  codes.set_key({}, 1);
  codes.put(1, 10);
  for (const std::string_view text : {"", "1234567", "123456789", "1234567a", "1234567/", "1234567:", " 1234567"}) {
    EXPECT_FALSE(core::any(codes.find(text))) << text;
  }
}

TEST(Panel, ReadsACodeOnlyFromDigits) {
  StationWorld world;
  const auto compartment = world.deposit();
  auto code = world.code_of(compartment);
  code[7] = 'A';
  for (const std::string& text : {code, std::string("12/45678"), "CBQ1." + std::string(kStation) + "." + code}) {
    world.forget_tones();
    world.scan(text);
    EXPECT_EQ(world.count(drivers::Buzz::kError), 1U) << text;
  }
  EXPECT_EQ(world.controller().state().failures(), 0U);
  EXPECT_FALSE(world.is_open(compartment));
}

TEST(Compartment, HasNoNameForWhatIsNoState) {
  EXPECT_EQ(to_string(static_cast<core::CompartmentState>(0)), "?");
  EXPECT_EQ(to_string(static_cast<core::CompartmentState>(core::kCompartmentStates + 1)), "?");
  EXPECT_EQ(to_string(static_cast<core::CompartmentEvent>(0)), "?");
  EXPECT_EQ(to_string(static_cast<core::CompartmentEvent>(core::kCompartmentEvents + 1)), "?");
}

}  // namespace
}  // namespace cubby::tests

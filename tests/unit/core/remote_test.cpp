// An operator's commands: at most once, never late, the result in the journal.
#include <gtest/gtest.h>

#include <cstring>

#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;

/// A command that ends so many milliseconds from now.
cubby_v1_Command make(const StationWorld& world, pb_size_t which_body, unsigned char id,
                      std::int64_t life_ms = 30'000) {
  cubby_v1_Command command = cubby_v1_Command_init_zero;
  std::memset(command.id, id, sizeof(command.id));
  command.expires_utc_ms = static_cast<std::uint64_t>(static_cast<std::int64_t>(world.utc_ms()) + life_ms);
  command.which_body = which_body;
  return command;
}

cubby_v1_Command open_door(const StationWorld& world, unsigned compartment, unsigned char id = 1,
                           std::int64_t life_ms = 30'000) {
  auto command = make(world, cubby_v1_Command_open_door_tag, id, life_ms);
  command.body.open_door.compartment = static_cast<std::uint8_t>(compartment);
  return command;
}

cubby_v1_Command settle(const StationWorld& world, unsigned compartment, bool inside, unsigned char id) {
  auto command = make(world, cubby_v1_Command_settle_tag, id);
  command.body.settle = {.compartment = static_cast<std::uint8_t>(compartment), .inside = inside};
  return command;
}

cubby_v1_Command set_service(const StationWorld& world, unsigned compartment, bool in_service, unsigned char id) {
  auto command = make(world, cubby_v1_Command_set_service_tag, id);
  command.body.set_service = {.compartment = static_cast<std::uint8_t>(compartment), .in_service = in_service};
  return command;
}

std::vector<cubby_v1_CommandResult> results(const StationWorld& world) {
  std::vector<cubby_v1_CommandResult> found;
  for (const auto& event : world.events(cubby_v1_Event_command_result_tag)) {
    found.push_back(event.body.command_result);
  }
  return found;
}

/// The newest result is that of `id`.
void expect_result(const StationWorld& world, unsigned char id, cubby_v1_CommandOutcome outcome,
                   cubby_v1_CommandRefusal refusal = cubby_v1_CommandRefusal_COMMAND_REFUSAL_UNSPECIFIED) {
  const auto all = results(world);
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.back().command_id[15], id);
  EXPECT_EQ(all.back().outcome, outcome);
  EXPECT_EQ(all.back().refusal, refusal);
}

constexpr auto kDone = cubby_v1_CommandOutcome_COMMAND_OUTCOME_DONE;
constexpr auto kRefused = cubby_v1_CommandOutcome_COMMAND_OUTCOME_REFUSED;
constexpr auto kWrongState = cubby_v1_CommandRefusal_COMMAND_REFUSAL_WRONG_STATE;
constexpr auto kBadInput = cubby_v1_CommandRefusal_COMMAND_REFUSAL_BAD_INPUT;

TEST(Remote, OpensOneDoorOnceAndTheParcelIsInDoubtUntilItIsSettled) {
  StationWorld world;
  const auto compartment = world.deposit();
  const auto code = world.code_of(compartment);
  const auto before = world.openings();
  const auto command = open_door(world, compartment);
  world.command(command);
  EXPECT_TRUE(world.is_open(compartment));
  expect_result(world, 1, kDone);
  world.shut(compartment);
  world.advance_seconds(1);
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
  ASSERT_EQ(world.events(cubby_v1_Event_serviced_tag).size(), 1U);
  EXPECT_STREQ(world.events(cubby_v1_Event_serviced_tag)[0].body.serviced.technician, "operator");

  world.command(command);  // Again, as after a lost connection: nothing, and nothing to say.
  world.power_cycle();
  world.command(command);
  EXPECT_EQ(world.openings(), before + 1);
  EXPECT_EQ(results(world).size(), 1U);

  world.command(settle(world, compartment, true, 2));
  expect_result(world, 2, kDone);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
  world.command(settle(world, compartment, true, 3));
  expect_result(world, 3, kRefused, kWrongState);
  world.enter_code(code);
  EXPECT_TRUE(world.is_open(compartment));
}

TEST(Remote, AnOrderWaitsForBoardsThatDoNotAnswerWithoutKeepingTheControllerAwake) {
  StationWorld world({.doors = std::vector<cubby_v1_Size>(limits::kCompartmentsMax, cubby_v1_Size_SIZE_S)});
  auto file = world.config_file();
  for (std::size_t i = 0; i < file.boards_count; ++i) {
    file.boards[i].address = static_cast<std::uint8_t>(100 + i);  // Nobody's.
  }
  world.bring_config(file);
  world.power_cycle();
  const auto before = world.ticks();
  EXPECT_FALSE(world.controller().doors().started());
  world.command(open_door(world, 1));
  EXPECT_LT(world.ticks() - before, 1'000U);
  EXPECT_TRUE(results(world).empty());
  world.advance_seconds(20);
  expect_result(world, 1, kRefused, kWrongState);  // What cannot be read is not opened.
}

TEST(Remote, AnEmptyCompartmentStaysEmptyAfterALook) {
  StationWorld world;
  world.command(open_door(world, 2));
  EXPECT_TRUE(world.is_open(2));
  world.shut(2);
  world.advance_seconds(1);
  EXPECT_EQ(world.state(2), CompartmentState::kVacant);
  EXPECT_TRUE(world.events(cubby_v1_Event_custody_uncertain_tag).empty());
}

TEST(Remote, NothingIsDoneLateOrWithTooLongALife) {
  StationWorld world;
  world.command(open_door(world, 1, 1, -5'100));
  expect_result(world, 1, cubby_v1_CommandOutcome_COMMAND_OUTCOME_EXPIRED);
  world.command(open_door(world, 1, 2, 66'000));
  expect_result(world, 2, kRefused, cubby_v1_CommandRefusal_COMMAND_REFUSAL_LIFE);
  auto command = set_service(world, 1, false, 3);
  command.expires_utc_ms = world.utc_ms() + 24 * 3'600'000 + 6'000;
  world.command(command);
  expect_result(world, 3, kRefused, cubby_v1_CommandRefusal_COMMAND_REFUSAL_LIFE);
  EXPECT_EQ(world.openings(), 0U);
  EXPECT_EQ(world.state(1), CompartmentState::kVacant);
  world.command(open_door(world, 1, 4, 60'000));
  expect_result(world, 4, kDone);
}

TEST(Remote, AStationWithoutAClockRefuses) {
  StationWorld world;
  const auto command = open_door(world, 1);
  world.set_utc_ms(std::nullopt);
  world.command(command);
  expect_result(world, 1, kRefused, cubby_v1_CommandRefusal_COMMAND_REFUSAL_NO_CLOCK);
  EXPECT_EQ(world.openings(), 0U);
}

TEST(Remote, ARefusalIsNoDeedSoTheSameCommandMayComeAgain) {
  StationWorld world;
  world.command(settle(world, 1, false, 1));
  expect_result(world, 1, kRefused, kWrongState);
  world.command(open_door(world, 0, 2));
  expect_result(world, 2, kRefused, kBadInput);
  world.command(open_door(world, 5, 3));
  expect_result(world, 3, kRefused, kBadInput);
  world.force(1);
  world.advance_seconds(3);
  const auto command = open_door(world, 1, 4);
  world.command(command);
  expect_result(world, 4, kRefused, kWrongState);
  world.shut(1);
  world.advance_seconds(3);
  world.command(command);
  expect_result(world, 4, kDone);
  EXPECT_TRUE(world.is_open(1));
}

TEST(Remote, WaitsForTheDoorThatIsBeingOpenedButNotBeyondItsLife) {
  StationWorld world;
  world.jam(1);
  world.scan(world.courier_pass());
  world.scan("P1");
  world.key('S');  // Attempts at door 1 for some seconds.
  ASSERT_EQ(world.last_screen().screen, Screen::kOpening);
  ASSERT_EQ(world.last_screen().compartment, 1U);
  world.command(open_door(world, 3, 1, 30'000));
  EXPECT_FALSE(world.is_open(3));
  world.command(open_door(world, 4, 2, -4'000));  // Within the tolerance, but not for long.
  EXPECT_TRUE(results(world).empty());
  world.advance_seconds(3);
  expect_result(world, 2, cubby_v1_CommandOutcome_COMMAND_OUTCOME_EXPIRED);
  world.advance_seconds(10);
  EXPECT_TRUE(world.is_open(3));
  EXPECT_FALSE(world.is_open(4));
  expect_result(world, 1, kDone);
}

TEST(Remote, ADoorThatDoesNotOpenIsAFailure) {
  StationWorld world;
  world.jam(3);
  world.command(open_door(world, 3));
  world.advance_seconds(15);
  expect_result(world, 1, cubby_v1_CommandOutcome_COMMAND_OUTCOME_FAILED);
  EXPECT_EQ(world.state(3), CompartmentState::kVacant);
  world.command(open_door(world, 3, 1));
  world.advance_seconds(15);
  EXPECT_EQ(results(world).size(), 1U) << "a command that failed is not tried again";
}

TEST(Remote, AfterAPowerCutTheResultIsUnknownAndNothingIsPulsedAgain) {
  StationWorld world;
  const auto compartment = world.deposit();
  const auto before = world.openings();
  world.jam(compartment);
  const auto command = open_door(world, compartment);
  world.command(command);
  ASSERT_TRUE(results(world).empty());
  const auto tried = world.openings();
  EXPECT_EQ(tried, before + 1);
  world.jam(compartment, false);
  world.power_cycle();
  world.advance_seconds(10);
  world.command(command);
  expect_result(world, 1, cubby_v1_CommandOutcome_COMMAND_OUTCOME_UNKNOWN);
  EXPECT_EQ(results(world).size(), 1U);
  EXPECT_EQ(world.openings(), tried);
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
}

TEST(Remote, TakesADoorOutOfServiceAndPutsItBack) {
  StationWorld world({.doors = {cubby_v1_Size_SIZE_S}});
  world.command(set_service(world, 1, false, 1));
  expect_result(world, 1, kDone);
  EXPECT_EQ(world.state(1), CompartmentState::kOutOfService);
  EXPECT_EQ(world.begin_deposit(), 0U);
  world.key('*');
  world.command(set_service(world, 1, true, 2));
  expect_result(world, 2, kDone);
  const auto compartment = world.deposit();
  ASSERT_NE(compartment, 0U);
  world.command(set_service(world, compartment, false, 3));
  expect_result(world, 3, kRefused, kWrongState);  // A parcel is inside.
}

cubby_v1_Command reserve(const StationWorld& world, unsigned char id, cubby_v1_Size size = cubby_v1_Size_SIZE_S,
                         std::uint32_t ttl_s = 600) {
  auto command = make(world, cubby_v1_Command_reserve_tag, id);
  command.body.reserve.size = size;
  std::strcpy(command.body.reserve.carrier, "sf");
  std::strcpy(command.body.reserve.parcel, "P1");
  command.body.reserve.ttl_s = ttl_s;
  return command;
}

TEST(Remote, ReservesADoorForAParcelAndGivesItBack) {
  StationWorld world({.doors = {cubby_v1_Size_SIZE_S, cubby_v1_Size_SIZE_S}});
  const auto command = reserve(world, 1);
  world.command(command);
  expect_result(world, 1, kDone);
  const unsigned kept = results(world).back().compartment;
  ASSERT_NE(kept, 0U);
  EXPECT_EQ(world.state(kept), CompartmentState::kReserved);
  world.command(command);  // At most once.
  EXPECT_EQ(world.events(cubby_v1_Event_door_reserved_tag).size(), 1U);
  world.command(reserve(world, 2));
  expect_result(world, 2, kRefused, kWrongState);  // That parcel has a door.

  auto release = make(world, cubby_v1_Command_release_tag, 3);
  release.body.release.compartment = static_cast<std::uint8_t>(3 - kept);
  world.command(release);
  expect_result(world, 3, kRefused, kWrongState);  // The other door is not reserved.
  release = make(world, cubby_v1_Command_release_tag, 4);
  release.body.release.compartment = static_cast<std::uint8_t>(kept);
  world.command(release);
  expect_result(world, 4, kDone);
  EXPECT_EQ(results(world).back().compartment, 0U);
  EXPECT_EQ(world.state(kept), CompartmentState::kVacant);
  EXPECT_EQ(world.events(cubby_v1_Event_reservation_ended_tag).size(), 1U);
}

TEST(Remote, ReservesOnlyWhatThereIsAndMakesSense) {
  StationWorld world({.doors = {cubby_v1_Size_SIZE_S}});
  world.command(reserve(world, 1, cubby_v1_Size_SIZE_M));
  expect_result(world, 1, kRefused, cubby_v1_CommandRefusal_COMMAND_REFUSAL_NO_DOOR);
  auto odd = reserve(world, 2);
  constexpr int kNoSize = 257;  // Its low byte is one.
  static_assert(sizeof(odd.body.reserve.size) == sizeof(kNoSize));
  std::memcpy(&odd.body.reserve.size, &kNoSize, sizeof(kNoSize));
  world.command(odd);
  expect_result(world, 2, kRefused, kBadInput);
  world.command(reserve(world, 3, cubby_v1_Size_SIZE_UNSPECIFIED));
  expect_result(world, 3, kRefused, kBadInput);
  world.command(reserve(world, 4, cubby_v1_Size_SIZE_S, 59));
  expect_result(world, 4, kRefused, kBadInput);
  EXPECT_TRUE(world.events(cubby_v1_Event_door_reserved_tag).empty());
  world.command(reserve(world, 5));
  expect_result(world, 5, kDone);
}

TEST(Remote, BlocksAReservedDoorAndTheReservationIsLost) {
  StationWorld world({.doors = {cubby_v1_Size_SIZE_S}});
  world.command(reserve(world, 1));
  world.command(set_service(world, 1, false, 2));
  expect_result(world, 2, kDone);
  world.advance_seconds(1);
  EXPECT_EQ(world.state(1), CompartmentState::kOutOfService);
  const auto ended = world.events(cubby_v1_Event_reservation_ended_tag);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].body.reservation_ended.end, cubby_v1_ReservationEnd_RESERVATION_END_LOST);
}

TEST(Remote, MovesTheEndOfARetentionPeriodBothWays) {
  StationWorld world({.retention_h = 2});
  const auto kept = world.deposit('S', "P1");
  const auto expired = world.deposit('S', "P2");
  auto extend = make(world, cubby_v1_Command_extend_tag, 1);
  extend.body.extend = {.compartment = static_cast<std::uint8_t>(kept), .hours = 3};
  world.command(extend);
  expect_result(world, 1, kDone);
  auto expire = make(world, cubby_v1_Command_expire_tag, 2);
  expire.body.expire.compartment = static_cast<std::uint8_t>(expired);
  world.command(expire);
  expect_result(world, 2, kDone);
  EXPECT_EQ(world.state(expired), CompartmentState::kOverdue);
  world.power_cycle();
  world.advance(Duration::minutes(298));
  EXPECT_EQ(world.state(kept), CompartmentState::kOccupied);
  world.advance(Duration::minutes(4));
  EXPECT_EQ(world.state(kept), CompartmentState::kOverdue);
  expire.body.expire.compartment = static_cast<std::uint8_t>(kept);
  extend = make(world, cubby_v1_Command_extend_tag, 3);
  extend.body.extend = {.compartment = static_cast<std::uint8_t>(kept), .hours = 1};
  world.command(extend);
  expect_result(world, 3, kRefused, kWrongState);  // Its code is dead.
}

TEST(Remote, ExtensionsAddUpToAMonthAtMost) {
  StationWorld world;
  const auto compartment = world.deposit();
  unsigned char id = 0;
  for (const auto& [hours, done] : {std::pair{0U, false}, {700U, true}, {21U, false}, {20U, true}, {1U, false}}) {
    auto extend = make(world, cubby_v1_Command_extend_tag, ++id);
    extend.body.extend = {.compartment = static_cast<std::uint8_t>(compartment), .hours = hours};
    world.command(extend);
    if (done) {
      expect_result(world, id, kDone);
    } else {
      expect_result(world, id, kRefused, kBadInput);
    }
  }
  ASSERT_EQ(world.events(cubby_v1_Event_extended_tag).size(), 2U);
  EXPECT_EQ(world.events(cubby_v1_Event_extended_tag)[1].body.extended.hours, 720U);
}

TEST(Remote, AReissuedCodeReplacesTheOldOneForGood) {
  StationWorld world;
  const auto compartment = world.deposit();
  const auto old = world.code_of(compartment);
  auto reissue = make(world, cubby_v1_Command_reissue_tag, 1);
  reissue.body.reissue.compartment = static_cast<std::uint8_t>(compartment);
  world.command(reissue);
  expect_result(world, 1, kDone);
  const auto issued = world.code_of(compartment);
  EXPECT_NE(issued, old);
  ASSERT_EQ(world.events(cubby_v1_Event_code_reissued_tag).size(), 1U);
  world.power_cycle();
  world.enter_code(old);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
  const auto other = world.deposit();
  EXPECT_NE(world.code_of(other), issued);
  world.enter_code(issued);
  EXPECT_TRUE(world.is_open(compartment));
}

TEST(Remote, ARevokedPassIsRefusedWhosesoeverItIs) {
  StationWorld world;
  const auto pass = world.courier_pass();
  const auto other = world.courier_pass();
  auto revoke = make(world, cubby_v1_Command_revoke_pass_tag, 1);
  revoke.body.revoke_pass = {.serial = 1, .expiry_utc_s = world.utc_ms() / 1000 + 43'200};
  world.command(revoke);
  expect_result(world, 1, kDone);
  world.scan(pass);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  world.power_cycle();
  world.scan(pass);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  world.scan(other);
  EXPECT_EQ(world.last_screen().screen, Screen::kCourierReady);
  revoke = make(world, cubby_v1_Command_revoke_pass_tag, 2);
  revoke.body.revoke_pass = {.serial = 9, .expiry_utc_s = world.utc_ms() / 1000 + 15 * 86'400};
  world.command(revoke);
  expect_result(world, 2, kRefused, kBadInput);  // No pass lives so long.
}

TEST(Remote, ReleasesTheKeypad) {
  StationWorld world;
  for (int i = 0; i < 5; ++i) {
    world.enter_code(world.wrong_code());
  }
  ASSERT_EQ(world.last_screen().screen, Screen::kLockedOut);
  world.command(make(world, cubby_v1_Command_release_keypad_tag, 1));
  expect_result(world, 1, kDone);
  world.enter_code(world.wrong_code());
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
  EXPECT_EQ(world.last_screen().number, 4U);
}

TEST(Remote, RemembersSixteenCommandsUntilTheyHaveExpired) {
  StationWorld world;
  for (unsigned char id = 1; id <= core::StationState::kCommandsMax; ++id) {
    world.command(make(world, cubby_v1_Command_release_keypad_tag, id, 60'000));
    expect_result(world, id, kDone);
  }
  world.command(make(world, cubby_v1_Command_release_keypad_tag, 99, 60'000));
  expect_result(world, 99, kRefused, cubby_v1_CommandRefusal_COMMAND_REFUSAL_BUSY);
  world.power_cycle();
  world.command(make(world, cubby_v1_Command_release_keypad_tag, 99, 60'000));
  expect_result(world, 99, kRefused, cubby_v1_CommandRefusal_COMMAND_REFUSAL_BUSY);
  world.advance_seconds(75);
  world.enter_code(world.wrong_code());  // The newest time of the journal moves on.
  world.command(make(world, cubby_v1_Command_release_keypad_tag, 99, 60'000));
  expect_result(world, 99, kDone);
}

TEST(Remote, AnUnknownCommandIsNotSupported) {
  StationWorld world;
  world.command(make(world, 0, 1));
  expect_result(world, 1, cubby_v1_CommandOutcome_COMMAND_OUTCOME_NOT_SUPPORTED);
}

}  // namespace
}  // namespace cubby::tests

// Collection groups and QR codes: one code, several doors, each opened by itself.
#include <gtest/gtest.h>

#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;

constexpr std::string_view kAnna = "CBR1.00000000000000a1";
constexpr std::string_view kBen = "CBR1.ffffffffffffffff";

TEST(Group, OneCodeOpensEachDoorByItself) {
  StationWorld world;
  const auto first = world.deposit_for(kAnna, "P1");
  const auto other = world.deposit_for(kBen, "P2");
  const auto second = world.deposit_for(kAnna, "P3");
  const auto deposits = world.events(cubby_v1_Event_deposited_tag);
  ASSERT_EQ(deposits.size(), 3U);
  EXPECT_FALSE(deposits[0].body.deposited.has_code_counter);
  EXPECT_EQ(deposits[0].body.deposited.recipient_token, 0xA1U);
  EXPECT_FALSE(deposits[1].body.deposited.has_code_counter);
  EXPECT_EQ(deposits[2].body.deposited.code_counter, deposits[0].body.deposited.counter);
  EXPECT_NE(deposits[2].body.deposited.counter, deposits[0].body.deposited.counter);
  const auto code = world.code_of(first);
  const auto before = world.openings();
  world.enter_code(code);
  EXPECT_TRUE(world.is_open(first));
  EXPECT_FALSE(world.is_open(second));  // Not before the first is shut.
  EXPECT_EQ(world.openings(), before + 1);
  world.shut(first);
  world.advance_seconds(2);
  EXPECT_TRUE(world.is_open(second));
  EXPECT_EQ(world.openings(), before + 2);
  world.shut(second);
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
  EXPECT_EQ(world.events(cubby_v1_Event_collected_tag).size(), 2U);
  EXPECT_EQ(world.state(other), CompartmentState::kOccupied);
  world.enter_code(code);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
  EXPECT_EQ(world.openings(), before + 2);
}

TEST(Group, AnotherCarriersTokenIsAnotherRecipient) {
  StationWorld world;
  const auto first = world.deposit_for(kAnna, "P1", "sf");
  const auto second = world.deposit_for(kAnna, "P2", "zto");
  world.enter_code(world.code_of(first));
  world.shut(first);
  world.advance_seconds(2);
  EXPECT_FALSE(world.is_open(second));
  EXPECT_EQ(world.state(second), CompartmentState::kOccupied);
}

TEST(Group, WhoLeavesADoorOpenGetsNoOtherAndTheCodeStaysGood) {
  StationWorld world;
  const auto first = world.deposit_for(kAnna, "P1");
  const auto second = world.deposit_for(kAnna, "P2");
  const auto code = world.code_of(first);
  world.enter_code(code);
  world.advance_seconds(61);
  world.shut(first);
  world.advance_seconds(2);
  EXPECT_EQ(world.state(first), CompartmentState::kVacant);
  EXPECT_FALSE(world.is_open(second));
  world.power_cycle();  // The group's code is that of a parcel that has gone.
  world.enter_code(code);
  EXPECT_TRUE(world.is_open(second));
}

TEST(Group, ADoorThatJamsDoesNotKeepTheOthersShut) {
  StationWorld world;
  const auto first = world.deposit_for(kAnna, "P1");
  const auto second = world.deposit_for(kAnna, "P2");
  const auto code = world.code_of(first);
  world.jam(first);
  world.enter_code(code);
  world.advance_seconds(10);
  EXPECT_TRUE(world.showed(Screen::kDoorFailed));
  EXPECT_TRUE(world.is_open(second));
  world.shut(second);
  world.advance_seconds(1);
  world.jam(first, false);
  world.enter_code(code);
  EXPECT_TRUE(world.is_open(first));
}

TEST(Group, OneParcelMayBeRefusedAndTheOtherTaken) {
  StationWorld world;
  const auto first = world.deposit_for(kAnna, "P1");
  const auto second = world.deposit_for(kAnna, "P2");
  world.enter_code(world.code_of(first));
  world.key('N');
  world.shut(first);
  world.advance_seconds(2);
  EXPECT_TRUE(world.is_open(second));
  world.shut(second);
  world.advance_seconds(1);
  EXPECT_EQ(world.state(first), CompartmentState::kOverdue);
  EXPECT_EQ(world.state(second), CompartmentState::kVacant);
}

TEST(Group, AParcelThatComesWhenTheOthersAreGoneHasACodeOfItsOwn) {
  StationWorld world;
  const auto first = world.deposit_for(kAnna, "P1");
  world.enter_code(world.code_of(first));
  world.shut(first);
  world.advance_seconds(1);
  world.deposit_for(kAnna, "P2");
  EXPECT_FALSE(world.events(cubby_v1_Event_deposited_tag)[1].body.deposited.has_code_counter);
}

TEST(Group, ATokenIsForTheParcelThatWasScannedBeforeIt) {
  StationWorld world;
  world.scan(world.courier_pass());
  world.scan("P1");
  world.scan("CBR1." + std::string(kAnna));
  world.key('*');
  world.scan("P2");
  world.scan("CBR1.notatokenatall00");  // Then it is a parcel's number.
  world.key('S');
  world.advance_seconds(1);
  world.shut(world.last_screen().compartment);
  world.advance_seconds(1);
  const auto deposits = world.events(cubby_v1_Event_deposited_tag);
  ASSERT_EQ(deposits.size(), 1U);
  EXPECT_FALSE(deposits[0].body.deposited.has_recipient_token);
  EXPECT_STREQ(deposits[0].body.deposited.parcel, "CBR1.notatokenatall00");
}

TEST(QrCode, OpensAtItsStationAndIsNoGuessAtAnother) {
  StationWorld world;
  const auto compartment = world.deposit();
  const auto code = world.code_of(compartment);
  for (const std::string& elsewhere : {"CBQ1.SX-TY-0008." + code, "CBQ1.SX-TY-00071." + code, "CBQ1.SX-TY-000." + code,
                                       std::string("CBQ1."), "CBQ1." + std::string(kStation)}) {
    world.scan(elsewhere);
    EXPECT_EQ(world.last_screen().screen, Screen::kWrongStation) << elsewhere;
  }
  world.scan("CBQ1." + std::string(kStation) + "." + code.substr(1));
  EXPECT_EQ(world.controller().state().failures(), 0U);
  world.scan("CBQ1." + std::string(kStation) + "." + world.wrong_code());
  EXPECT_EQ(world.controller().state().failures(), 1U);
  world.scan("CBQ1." + std::string(kStation) + "." + code);
  world.advance_seconds(1);
  EXPECT_TRUE(world.is_open(compartment));
}

}  // namespace
}  // namespace cubby::tests

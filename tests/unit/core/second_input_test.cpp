// Short codes: six digits that open nothing without the last four of the parcel's number.
#include <gtest/gtest.h>

#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;
using drivers::Buzz;

constexpr std::string_view kParcel = "RB473124829CN";
constexpr std::string_view kOther = "RB000000005CN";
constexpr std::string_view kAnna = "CBR1.00000000000000a1";
const std::string kQr = "CBQ1." + std::string(kStation) + ".";

StationWorld::Options short_codes() {
  StationWorld::Options options;
  options.code_digits = 6;
  return options;
}

/// That one digit differs.
std::string wrong(std::string digits) {
  digits.back() = digits.back() == '9' ? '0' : static_cast<char>(digits.back() + 1);
  return digits;
}

std::uint32_t failures(const StationWorld& world) {
  return world.controller().state().failures();
}

TEST(SecondInput, OpensTheParcelsDoorTogetherWithItsCode) {
  StationWorld world(short_codes());
  const auto compartment = world.deposit('S', kParcel);
  const auto code = world.code_of(compartment);
  ASSERT_EQ(code.size(), 6U);
  EXPECT_EQ(world.second_of(compartment), "4829");
  const auto deposited = world.events(cubby_v1_Event_deposited_tag).back().body.deposited;
  EXPECT_TRUE(deposited.has_code_digits);
  EXPECT_EQ(deposited.code_digits, 6U);
  world.enter_code(code);
  EXPECT_EQ(world.last_screen().screen, Screen::kSecondInput);
  EXPECT_FALSE(world.is_open(compartment));
  world.keys("4829#");
  world.advance_seconds(1);
  EXPECT_TRUE(world.is_open(compartment));
  EXPECT_EQ(world.last_screen().screen, Screen::kTakeOut);
  world.shut(compartment);
  world.advance_seconds(2);
  EXPECT_EQ(world.events(cubby_v1_Event_collected_tag).size(), 1U);
  EXPECT_EQ(failures(world), 0U);
  world.enter_code(code, "4829");
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);  // Single use.
}

TEST(SecondInput, EveryWrongCombinationOpensNothingAndCountsOnce) {
  StationWorld world(short_codes());
  const auto mine = world.deposit('S', kParcel);
  const auto other = world.deposit('S', kOther);
  const auto code = world.code_of(mine);
  const auto second = world.second_of(mine);
  const auto before = world.openings();
  const std::vector<std::pair<std::string, std::string>> guesses{
      {wrong(code), second},           // The first input is wrong,
      {code, wrong(second)},           // the second,
      {wrong(code), wrong(second)},    // both;
      {code, world.second_of(other)},  // another parcel's number,
      {world.code_of(other), second},  // another parcel's code.
  };
  std::uint32_t tries_left = limits::kFreeTries;
  for (const auto& [first, then] : guesses) {
    world.forget_screens();
    world.forget_tones();
    world.enter_code(first);
    ASSERT_EQ(world.screens().size(), 1U);  // The same question, whatever the six digits are.
    EXPECT_EQ(world.last_screen().screen, Screen::kSecondInput);
    EXPECT_TRUE(world.tones().empty());
    EXPECT_EQ(failures(world), limits::kFreeTries - tries_left);
    world.keys(then);
    world.key('#');
    --tries_left;
    EXPECT_EQ(world.screens().size(), 2U);
    EXPECT_EQ(world.last_screen().screen, tries_left > 0 ? Screen::kWrongCode : Screen::kLockedOut);
    EXPECT_EQ(world.last_screen().number, tries_left > 0 ? tries_left : 30U);
    EXPECT_EQ(world.tones(), std::vector{Buzz::kError});
    EXPECT_EQ(failures(world), limits::kFreeTries - tries_left);
    world.advance_seconds(2);
  }
  EXPECT_EQ(world.openings(), before);
  EXPECT_EQ(world.events(cubby_v1_Event_code_rejected_tag).size(), guesses.size());
}

TEST(SecondInput, IsNotEvenAskedForWhileTheKeypadIsLocked) {
  StationWorld world(short_codes());
  const auto compartment = world.deposit('S', kParcel);
  for (std::uint32_t i = 0; i < limits::kFreeTries; ++i) {
    world.enter_code(world.wrong_code(), "0000");
  }
  world.enter_code(world.code_of(compartment));
  EXPECT_EQ(world.last_screen().screen, Screen::kLockedOut);
  EXPECT_FALSE(world.showed(Screen::kTakeOut));
  world.advance(limits::kLockoutFirst);
  world.enter_code(world.code_of(compartment), world.second_of(compartment));
  EXPECT_TRUE(world.is_open(compartment));
  world.shut(compartment);
  world.advance_seconds(2);
  EXPECT_EQ(failures(world), 0U);
}

TEST(SecondInput, LeadsToTheSameThrottleAsACodeThatIsTypedAlone) {
  StationWorld alone;
  StationWorld both(short_codes());
  for (int i = 0; i < 9; ++i) {
    alone.enter_code(alone.wrong_code());
    both.enter_code(both.wrong_code(), "0000");
    EXPECT_EQ(failures(alone), failures(both));
    EXPECT_EQ(alone.last_screen().screen, both.last_screen().screen);
    EXPECT_EQ(alone.last_screen().number, both.last_screen().number);
    const auto wait = core::lockout_after(failures(alone));
    alone.advance(wait);
    both.advance(wait);
  }
}

TEST(SecondInput, ThatIsCalledOffOrLeftAloneIsNoGuess) {
  StationWorld world(short_codes());
  const auto compartment = world.deposit('S', kParcel);
  world.enter_code(world.code_of(compartment));
  world.key('*');
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
  world.keys(world.second_of(compartment));
  world.key('#');  // Four digits alone are no code.
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
  world.enter_code(world.code_of(compartment));
  world.key('4');
  world.advance(limits::kPanelIdle);
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
  EXPECT_FALSE(world.is_open(compartment));
  EXPECT_EQ(failures(world), 0U);
  world.enter_code(world.code_of(compartment), world.second_of(compartment));
  EXPECT_TRUE(world.is_open(compartment));
}

TEST(SecondInput, OfTooFewOrTooManyDigitsIsNoGuessAndIsAskedForAgain) {
  StationWorld world(short_codes());
  const auto compartment = world.deposit('S', kParcel);
  world.enter_code(world.code_of(compartment));
  for (const std::string_view typed : {"", "482", "48290", "482948294829"}) {
    world.forget_tones();
    world.keys(typed);
    world.key('#');
    EXPECT_EQ(world.last_screen().screen, Screen::kSecondInput) << typed;
    EXPECT_EQ(world.tones(), std::vector{Buzz::kError}) << typed;
  }
  for (const char key : std::string_view("SMLXWRN")) {
    world.key(key);
  }
  world.scan(kQr + world.code_of(compartment) + ".4829");
  world.scan(kParcel);
  EXPECT_EQ(failures(world), 0U);
  world.keys("4829#");
  world.advance_seconds(1);
  EXPECT_TRUE(world.is_open(compartment));
}

TEST(SecondInput, IsForgottenWithThePowerAndTheCodeIsNoGuess) {
  StationWorld world(short_codes());
  const auto compartment = world.deposit('S', kParcel);
  world.enter_code(world.code_of(compartment));
  ASSERT_EQ(world.last_screen().screen, Screen::kSecondInput);
  world.power_cycle();
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
  world.keys("4829#");
  EXPECT_FALSE(world.is_open(compartment));
  EXPECT_EQ(failures(world), 0U);
  EXPECT_EQ(world.second_of(compartment), "4829");  // The parcel's is known as before.
  world.enter_code(world.code_of(compartment), "4829");
  EXPECT_TRUE(world.is_open(compartment));
}

TEST(SecondInput, GivesWayToWhoComesWithAPass) {
  StationWorld world(short_codes());
  const auto compartment = world.deposit('S', kParcel);
  world.enter_code(world.code_of(compartment));
  world.scan(world.courier_pass());
  EXPECT_EQ(world.last_screen().screen, Screen::kCourierReady);
  world.keys("*4829#");
  EXPECT_FALSE(world.is_open(compartment));
  EXPECT_EQ(failures(world), 0U);
}

TEST(SecondInput, OfAParcelWithFewDigitsHasZerosBeforeThem) {
  for (const auto& [parcel, expected] : std::vector<std::pair<std::string_view, std::string>>{
           {"P7", "0007"}, {"no-digits", "0000"}, {"12.34-5", "2345"}, {"x1y2z3", "0123"}}) {
    StationWorld world(short_codes());
    const auto compartment = world.deposit('S', parcel);
    EXPECT_EQ(world.second_of(compartment), expected) << parcel;
    world.enter_code(world.code_of(compartment), expected);
    EXPECT_TRUE(world.is_open(compartment)) << parcel;
  }
}

TEST(SecondInput, OfAnyParcelOpensAllDoorsOfItsGroup) {
  for (const bool by_first : {true, false}) {
    StationWorld world(short_codes());
    const auto first = world.deposit_for(kAnna, kParcel);
    const auto stranger = world.deposit('S', kOther);
    const auto second = world.deposit_for(kAnna, "P1234");
    ASSERT_EQ(world.code_of(first), world.code_of(second));
    world.enter_code(world.code_of(first), world.second_of(stranger));
    EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
    world.enter_code(world.code_of(first), by_first ? "4829" : "1234");
    EXPECT_TRUE(world.is_open(first));
    world.shut(first);
    world.advance_seconds(2);
    EXPECT_TRUE(world.is_open(second));
    world.shut(second);
    world.advance_seconds(2);
    EXPECT_EQ(world.events(cubby_v1_Event_collected_tag).size(), 2U);
    EXPECT_EQ(world.state(stranger), CompartmentState::kOccupied);
  }
}

TEST(SecondInput, StandsInTheQrCodeWhichOpensAlone) {
  StationWorld world(short_codes());
  const auto compartment = world.deposit('S', kParcel);
  const auto code = world.code_of(compartment);
  const auto tries = [&] { return failures(world); };
  for (const std::string& nonsense :
       {code + ".", code + ".482", code + ".48290", code + ".482x", code.substr(1) + ".4829", "00" + code + ".4829",
        code + "4829", code + ".4829."}) {
    world.forget_tones();
    world.scan(kQr + nonsense);
    EXPECT_EQ(world.tones(), std::vector{Buzz::kError}) << nonsense;
    EXPECT_EQ(tries(), 0U) << nonsense;
  }
  world.scan("CBQ1.SX-TY-0008." + code + ".4829");
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongStation);
  world.scan(kQr + code + ".4820");
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
  EXPECT_EQ(tries(), 1U);
  world.scan(kQr + wrong(code) + ".4829");
  EXPECT_EQ(tries(), 2U);
  world.scan(kQr + code + ".4829");
  world.advance_seconds(1);
  EXPECT_TRUE(world.is_open(compartment));
}

TEST(SecondInput, IsAskedForAfterAScanOfTheSixDigits) {
  for (const std::string& before : {std::string(), kQr}) {
    StationWorld world(short_codes());
    const auto compartment = world.deposit('S', kParcel);
    world.scan(before + world.code_of(compartment));
    EXPECT_EQ(world.last_screen().screen, Screen::kSecondInput);
    world.keys("4829#");
    world.advance_seconds(1);
    EXPECT_TRUE(world.is_open(compartment));
  }
}

TEST(SecondInput, CodesOfOtherLengthsAreNoGuesses) {
  StationWorld world(short_codes());
  (void)world.deposit('S', kParcel);
  for (const std::string_view code : {"12345", "1234567", "12345678", "123456789"}) {
    world.enter_code(code);
    EXPECT_EQ(world.last_screen().screen, Screen::kIdle) << code;
    world.scan(code);
  }
  StationWorld alone;
  alone.enter_code("123456");
  EXPECT_EQ(alone.last_screen().screen, Screen::kIdle);
  alone.scan(kQr + "123456.4829");
  EXPECT_EQ(failures(world) + failures(alone), 0U);
}

TEST(SecondInput, BelongsToAReissuedCodeAsToTheFirst) {
  StationWorld world(short_codes());
  const auto compartment = world.deposit('S', kParcel);
  const auto old = world.code_of(compartment);
  world.reissue(compartment);
  const auto reissued = world.events(cubby_v1_Event_code_reissued_tag);
  ASSERT_EQ(reissued.size(), 1U);
  EXPECT_EQ(reissued[0].body.code_reissued.code_digits, 6U);
  world.enter_code(old, "4829");
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
  world.enter_code(world.code_of(compartment), "4829");
  EXPECT_TRUE(world.is_open(compartment));
}

TEST(SecondInput, AParcelKeepsItsCodeWhenTheConfigurationChangesToOtherDigits) {
  StationWorld world;
  const auto old = world.deposit('S', kParcel);
  const auto old_code = world.code_of(old);
  world.set_code_digits(6);
  world.power_cycle();
  const auto young = world.deposit('S', kOther);
  EXPECT_EQ(world.code_of(old), old_code);
  ASSERT_EQ(world.code_of(young).size(), 6U);
  world.enter_code(old_code);  // Eight digits, alone.
  EXPECT_TRUE(world.is_open(old));
  world.shut(old);
  world.advance_seconds(2);
  world.set_code_digits(8);
  world.power_cycle();
  world.enter_code(world.code_of(young), "0005");
  EXPECT_TRUE(world.is_open(young));
  world.shut(young);
  world.advance_seconds(2);
  world.enter_code("123456");  // Nobody has one any more.
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
  EXPECT_EQ(failures(world), 0U);
}

TEST(SecondInput, AParcelJoinsNoGroupWhoseCodeHasOtherDigits) {
  StationWorld world;
  const auto old = world.deposit_for(kAnna, kParcel);
  world.set_code_digits(6);
  world.power_cycle();
  const auto young = world.deposit_for(kAnna, kOther);
  const auto third = world.deposit_for(kAnna, "P1234");
  EXPECT_EQ(world.code_of(old).size(), 8U);
  EXPECT_EQ(world.code_of(young).size(), 6U);
  EXPECT_FALSE(world.events(cubby_v1_Event_deposited_tag)[1].body.deposited.has_code_counter);
  EXPECT_EQ(world.code_of(third), world.code_of(young));
}

TEST(SecondInput, IsKnownFromACheckpoint) {
  StationWorld::Options options = short_codes();
  options.sectors = 8;
  StationWorld world(options);
  const auto kept = world.deposit('L', kParcel);
  unsigned compartment = 0;
  while ((compartment = world.deposit('S', kOther)) != 0) {  // Until the journal is full.
    world.enter_code(world.code_of(compartment), world.second_of(compartment));
    world.shut(compartment);
    world.advance_seconds(2);
  }
  world.power_cycle();
  EXPECT_EQ(world.second_of(kept), "4829");
  world.enter_code(world.code_of(kept), "4829");
  EXPECT_TRUE(world.is_open(kept));
}

}  // namespace
}  // namespace cubby::tests

#include <gtest/gtest.h>

#include "unit/core/station_world.h"

/// A station whose key is replaced by one of a higher version. docs/spec/wire.md, 3.7
namespace cubby::tests {
namespace {

std::uint16_t key_of_deposit(StationWorld& world, std::size_t which) {
  const auto events = world.events(cubby_v1_Event_deposited_tag);
  const auto& body = events[which].body.deposited;
  return body.has_key_version ? body.key_version : std::uint16_t{1};
}

void collect(StationWorld& world, unsigned compartment) {
  world.enter_code(world.code_of(compartment));
  ASSERT_TRUE(world.is_open(compartment)) << compartment;
  world.shut(compartment);
  world.advance_seconds(1);
  world.key('*');
}

constexpr std::string_view kAnna = "CBR1.00000000000000a1";

TEST(KeyRotation, CodesOfTheOldKeyOpenUntilTheyAreCollected) {
  StationWorld world;
  const unsigned old_door = world.deposit('S', "P1");
  const std::string old_code = world.code_of(old_door);
  world.set_keys(1, 2);
  world.power_cycle();
  const unsigned new_door = world.deposit('S', "P2");
  EXPECT_FALSE(world.events(cubby_v1_Event_deposited_tag)[0].body.deposited.has_key_version) << "absent is 1";
  EXPECT_EQ(key_of_deposit(world, 1), 2);
  EXPECT_EQ(world.code_of(old_door), old_code) << "a new key makes no new code for what lies there";
  collect(world, old_door);
  collect(world, new_door);
  EXPECT_EQ(world.events(cubby_v1_Event_collected_tag).size(), 2U);
}

TEST(KeyRotation, ACodeWhoseKeyWasTakenAwayOpensNothingUntilItIsIssuedAgain) {
  StationWorld world;
  const unsigned door = world.deposit('S', "P1");
  const std::string code = world.code_of(door);
  world.set_keys(2, 2);
  world.power_cycle();
  world.enter_code(code);
  world.advance_seconds(1);
  EXPECT_EQ(world.events(cubby_v1_Event_code_rejected_tag).size(), 1U);
  EXPECT_EQ(world.state(door), core::CompartmentState::kOccupied);
  world.reissue(door);
  const auto reissued = world.events(cubby_v1_Event_code_reissued_tag);
  ASSERT_EQ(reissued.size(), 1U);
  EXPECT_EQ(reissued[0].body.code_reissued.key_version, 2U);
  world.power_cycle();  // What is kept in the journal is enough.
  collect(world, door);
  EXPECT_EQ(world.events(cubby_v1_Event_collected_tag).size(), 1U);
}

TEST(KeyRotation, ANewParcelDoesNotJoinAGroupWhoseCodeIsOfAnOlderKey) {
  StationWorld world;
  const unsigned first = world.deposit_for(kAnna, "P1");
  world.set_keys(1, 2);
  world.power_cycle();
  const unsigned second = world.deposit_for(kAnna, "P2");
  const unsigned third = world.deposit_for(kAnna, "P3");
  const auto deposits = world.events(cubby_v1_Event_deposited_tag);
  ASSERT_EQ(deposits.size(), 3U);
  EXPECT_FALSE(deposits[1].body.deposited.has_code_counter);
  EXPECT_EQ(deposits[2].body.deposited.code_counter, deposits[1].body.deposited.counter);
  EXPECT_NE(world.code_of(first), world.code_of(second));
  EXPECT_EQ(world.code_of(second), world.code_of(third));
}

}  // namespace
}  // namespace cubby::tests

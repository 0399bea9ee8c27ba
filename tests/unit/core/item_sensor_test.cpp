// What a sensor inside the compartment may say to what people did there.
#include <gtest/gtest.h>

#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;

constexpr auto kEmpty = cubby_v1_ItemReading_ITEM_READING_EMPTY;
constexpr auto kPresent = cubby_v1_ItemReading_ITEM_READING_PRESENT;
constexpr auto kNothingSaid = cubby_v1_ItemReading_ITEM_READING_UNSPECIFIED;

StationWorld::Options with_sensors(std::size_t sensors = 4) {
  StationWorld::Options options;
  options.item_sensors = sensors;
  return options;
}

/// A technician looks behind the door and answers; `0` empty, `1` a parcel.
void settle(StationWorld& world, unsigned compartment, char answer) {
  world.key('*');
  world.scan(world.technician_pass());
  world.keys("2" + std::to_string(compartment) + "#");
  world.advance_seconds(1);
  world.shut(compartment);
  world.advance_seconds(1);
  EXPECT_EQ(world.last_screen().screen, Screen::kInside);
  world.key(answer);
  world.key('*');
}

void recall(StationWorld& world, unsigned compartment) {
  world.scan(world.courier_pass());
  world.key('R');
  world.advance_seconds(1);
  EXPECT_TRUE(world.is_open(compartment));
}

void shut_and_wait(StationWorld& world, unsigned compartment) {
  world.shut(compartment);
  world.advance_seconds(2);
}

std::vector<cubby_v1_Event> doubts(const StationWorld& world) {
  return world.events(cubby_v1_Event_item_sensor_doubtful_tag);
}

TEST(ItemSensor, ThatAgreesIsWrittenDownAndChangesNothing) {
  StationWorld world(with_sensors());
  const auto compartment = world.deposit();
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
  ASSERT_EQ(world.events(cubby_v1_Event_deposited_tag).size(), 1U);
  EXPECT_EQ(world.events(cubby_v1_Event_deposited_tag)[0].body.deposited.item, kPresent);
  world.enter_code(world.code_of(compartment));
  world.sense(compartment, false);
  shut_and_wait(world, compartment);
  ASSERT_EQ(world.events(cubby_v1_Event_collected_tag).size(), 1U);
  EXPECT_EQ(world.events(cubby_v1_Event_collected_tag)[0].body.collected.item, kEmpty);
  EXPECT_EQ(world.state(compartment), CompartmentState::kVacant);
  EXPECT_TRUE(doubts(world).empty());
}

TEST(ItemSensor, OfADoorThatHasNoneSaysNothing) {
  StationWorld world(with_sensors(1));
  ASSERT_EQ(world.deposit(), 1U);
  ASSERT_EQ(world.deposit('S', "P2"), 2U);
  const auto deposited = world.events(cubby_v1_Event_deposited_tag);
  ASSERT_EQ(deposited.size(), 2U);
  EXPECT_EQ(deposited[0].body.deposited.item, kPresent);
  EXPECT_EQ(deposited[1].body.deposited.item, kNothingSaid);
  EXPECT_EQ(world.state(2), CompartmentState::kOccupied);
}

TEST(ItemSensor, ADepositThatPutNothingInIsDisputedAndItsCodeOpens) {
  StationWorld world(with_sensors());
  const auto compartment = world.begin_deposit();
  world.advance_seconds(5);
  shut_and_wait(world, compartment);
  EXPECT_EQ(world.last_screen().screen, Screen::kDoubted);
  EXPECT_FALSE(world.showed(Screen::kStored));
  ASSERT_EQ(world.events(cubby_v1_Event_deposited_tag).size(), 1U);
  EXPECT_EQ(world.events(cubby_v1_Event_deposited_tag)[0].body.deposited.item, kEmpty);
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
  EXPECT_TRUE(world.events(cubby_v1_Event_custody_uncertain_tag).empty());  // One record says it all.
  world.power_cycle();
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
  world.enter_code(world.code_of(compartment));
  EXPECT_TRUE(world.is_open(compartment));
  shut_and_wait(world, compartment);
  EXPECT_EQ(world.state(compartment), CompartmentState::kVacant);
}

TEST(ItemSensor, ADisputedDepositIsSettledByATechnician) {
  for (const char answer : {'0', '1'}) {
    StationWorld world(with_sensors());
    const auto compartment = world.begin_deposit();
    const auto code = world.code_of(compartment);
    shut_and_wait(world, compartment);
    settle(world, compartment, answer);
    EXPECT_EQ(world.state(compartment), answer == '1' ? CompartmentState::kOccupied : CompartmentState::kVacant);
    ASSERT_EQ(world.events(cubby_v1_Event_custody_settled_tag).size(), 1U);
    // The sensor says "empty" all the time: somebody should see to it where it still speaks against what is believed.
    EXPECT_EQ(doubts(world).size(), answer == '1' ? 1U : 0U);
  }
}

TEST(ItemSensor, ACollectionThatLeavesTheParcelIsDisputedAndItsCodeOpensAgain) {
  StationWorld world(with_sensors());
  const auto compartment = world.deposit();
  const auto code = world.code_of(compartment);
  world.enter_code(code);
  shut_and_wait(world, compartment);
  EXPECT_TRUE(world.showed(Screen::kDoubted));
  EXPECT_FALSE(world.showed(Screen::kCollected));
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
  EXPECT_EQ(world.events(cubby_v1_Event_collected_tag).at(0).body.collected.item, kPresent);
  world.enter_code(code);
  ASSERT_TRUE(world.is_open(compartment));
  world.sense(compartment, false);
  shut_and_wait(world, compartment);
  EXPECT_EQ(world.events(cubby_v1_Event_collected_tag).size(), 2U);
  EXPECT_EQ(world.state(compartment), CompartmentState::kVacant);
  world.enter_code(code);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
}

TEST(ItemSensor, ACodeThatStillOpensItsDoorMakesNoGuessFree) {
  StationWorld world(with_sensors());
  const auto compartment = world.deposit();
  const auto code = world.code_of(compartment);
  for (unsigned round = 0; round < 2; ++round) {
    for (unsigned guess = 0; guess < (round == 0 ? 4U : 1U); ++guess) {
      world.enter_code(world.wrong_code());
    }
    if (round == 0) {
      world.enter_code(code);
      shut_and_wait(world, compartment);  // The parcel stays inside.
      ASSERT_EQ(world.state(compartment), CompartmentState::kDisputed);
    }
  }
  EXPECT_EQ(world.last_screen().screen, Screen::kLockedOut);
  world.advance_seconds(40);
  world.enter_code(code);
  world.sense(compartment, false);
  shut_and_wait(world, compartment);
  EXPECT_EQ(world.controller().state().failures(), 0U);  // Used up.
}

TEST(ItemSensor, ARefusalThatLeavesNothingIsDisputedAndItsCodeIsDead) {
  StationWorld world(with_sensors());
  const auto compartment = world.deposit();
  const auto code = world.code_of(compartment);
  world.enter_code(code);
  world.key('N');
  world.sense(compartment, false);
  shut_and_wait(world, compartment);
  ASSERT_EQ(world.events(cubby_v1_Event_refused_tag).size(), 1U);
  EXPECT_EQ(world.events(cubby_v1_Event_refused_tag)[0].body.refused.item, kEmpty);
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
  world.enter_code(code);
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
  settle(world, compartment, '1');
  EXPECT_EQ(world.state(compartment), CompartmentState::kOverdue);
}

TEST(ItemSensor, ARecallThatLeavesTheParcelIsDisputedAndCanBeRepeatedOnceItIsSettled) {
  auto options = with_sensors();
  options.retention_h = 1;
  StationWorld world(options);
  const auto compartment = world.deposit();
  world.advance(Duration::minutes(61));
  ASSERT_EQ(world.state(compartment), CompartmentState::kOverdue);
  recall(world, compartment);
  shut_and_wait(world, compartment);
  EXPECT_EQ(world.events(cubby_v1_Event_recalled_tag).at(0).body.recalled.item, kPresent);
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
  EXPECT_EQ(world.last_screen().screen, Screen::kRecallDone);
  EXPECT_EQ(world.last_screen().number, 0U);
  settle(world, compartment, '1');
  ASSERT_EQ(world.state(compartment), CompartmentState::kOverdue);
  recall(world, compartment);
  world.sense(compartment, false);
  shut_and_wait(world, compartment);
  EXPECT_EQ(world.last_screen().number, 1U);
  EXPECT_EQ(world.state(compartment), CompartmentState::kVacant);
}

TEST(ItemSensor, ASendersParcelIsDoubtedOnTheWayInAndOnTheWayOut) {
  StationWorld world(with_sensors());
  const auto drop_off = [&](bool put_in) {
    world.scan(world.pass('S', "sf", 0, 3'600));
    world.scan("RB473124829CN");
    world.key('S');
    world.advance_seconds(1);
    const auto compartment = world.last_screen().compartment;
    world.sense(compartment, put_in);
    shut_and_wait(world, compartment);
    return compartment;
  };
  const auto nothing = drop_off(false);
  EXPECT_EQ(world.state(nothing), CompartmentState::kDisputed);
  const auto compartment = drop_off(true);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOverdue);
  recall(world, compartment);
  shut_and_wait(world, compartment);
  EXPECT_EQ(world.events(cubby_v1_Event_dropped_off_tag).at(0).body.dropped_off.item, kEmpty);
  EXPECT_EQ(world.events(cubby_v1_Event_dispatched_tag).at(0).body.dispatched.item, kPresent);
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
}

TEST(ItemSensor, ACancelledDepositWithSomethingInsideIsNotVacant) {
  StationWorld world(with_sensors());
  const auto compartment = world.begin_deposit();
  world.sense(compartment, true);
  world.key('*');
  shut_and_wait(world, compartment);
  EXPECT_EQ(world.events(cubby_v1_Event_deposit_cancelled_tag).at(0).body.deposit_cancelled.item, kPresent);
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
  settle(world, compartment, '1');  // Nobody has booked it in: it has to come out.
  EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed);
  world.sense(compartment, false);
  settle(world, compartment, '0');
  EXPECT_EQ(world.state(compartment), CompartmentState::kVacant);
}

TEST(ItemSensor, SomethingLeftInAVacantCompartmentThatWasLookedIntoIsNotVacant) {
  StationWorld world(with_sensors());
  world.scan(world.technician_pass());
  world.keys("21#");
  world.advance_seconds(1);
  world.sense(1, true);
  shut_and_wait(world, 1);
  EXPECT_EQ(world.state(1), CompartmentState::kDisputed);
  EXPECT_EQ(world.last_screen().screen, Screen::kInside);
}

TEST(ItemSensor, OfASilentBoardCountsAsNoneAfterASecond) {
  StationWorld world(with_sensors());
  const auto compartment = world.begin_deposit();
  world.item_board_of(compartment).silent = true;
  world.shut(compartment);
  world.advance(Duration::milliseconds(600));
  EXPECT_TRUE(world.events(cubby_v1_Event_deposited_tag).empty());
  world.advance(Duration::milliseconds(900));
  ASSERT_EQ(world.events(cubby_v1_Event_deposited_tag).size(), 1U);
  EXPECT_EQ(world.events(cubby_v1_Event_deposited_tag)[0].body.deposited.item, kNothingSaid);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
  world.key('*');
  world.enter_code(world.code_of(compartment));  // It is known to be silent now: nobody waits for it.
  world.shut(compartment);
  world.advance(Duration::milliseconds(400));
  EXPECT_EQ(world.events(cubby_v1_Event_collected_tag).size(), 1U);
  EXPECT_EQ(world.state(compartment), CompartmentState::kVacant);
}

TEST(ItemSensor, ThatChattersHoldsNobodyUp) {
  StationWorld world(with_sensors());
  const auto compartment = world.begin_deposit();
  for (int i = 0; i < 1'000; ++i) {
    world.sense(compartment, i % 2 == 0, Duration::milliseconds(43 * i));
  }
  world.shut(compartment);
  world.advance(Duration::milliseconds(1'500));
  EXPECT_EQ(world.events(cubby_v1_Event_deposited_tag).size(), 1U);
  EXPECT_NE(world.begin_deposit('M', "P2"), 0U);
  world.force(compartment);
  world.advance_seconds(2);
  EXPECT_EQ(world.events(cubby_v1_Event_door_forced_tag).size(), 1U);
  world.power_cycle();
  world.enter_code(world.wrong_code());
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);  // It started all the same.
}

TEST(ItemSensor, AloneNeverMovesCustodyAndIsReportedOnceUntilTheDoorOpensAgain) {
  StationWorld world(with_sensors());
  const auto compartment = world.deposit();
  for (int i = 0; i < 200; ++i) {
    world.sense(compartment, i % 2 != 0);
    world.advance_seconds(5);
    EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
  }
  ASSERT_EQ(doubts(world).size(), 1U);
  EXPECT_EQ(doubts(world)[0].body.item_sensor_doubtful.compartment, compartment);
  EXPECT_EQ(doubts(world)[0].body.item_sensor_doubtful.item, kEmpty);
  EXPECT_EQ(world.code_of(compartment).size(), 8U);
  world.enter_code(world.code_of(compartment));
  world.sense(compartment, false);
  shut_and_wait(world, compartment);
  EXPECT_EQ(world.state(compartment), CompartmentState::kVacant);
  world.sense(compartment, true);
  world.advance_seconds(5);
  EXPECT_EQ(world.state(compartment), CompartmentState::kVacant);
  EXPECT_EQ(doubts(world).size(), 2U);
}

TEST(ItemSensor, ThatSticksIsReportedOnceOverAllBoots) {
  StationWorld world(with_sensors());
  world.sense(3, true);
  for (int boot = 0; boot < 4; ++boot) {
    world.power_cycle();
    world.advance_seconds(5);
  }
  EXPECT_EQ(doubts(world).size(), 1U);
  EXPECT_EQ(world.state(3), CompartmentState::kVacant);
}

TEST(ItemSensor, IsBelievedOnlyAsItReadsAfterTheDoorWasShut) {
  StationWorld world(with_sensors());
  const auto compartment = world.begin_deposit();
  world.advance_seconds(20);
  world.shut(compartment);
  world.sense(compartment, true, Duration::milliseconds(150));  // It slid back against the sensor.
  world.advance_seconds(2);
  EXPECT_EQ(world.events(cubby_v1_Event_deposited_tag).at(0).body.deposited.item, kPresent);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
}

TEST(ItemSensor, OfADoorThatOpensOnceMoreIsAskedAgain) {
  StationWorld world(with_sensors());
  const auto compartment = world.begin_deposit();
  world.item_board_of(compartment).silent = true;  // So that there is time.
  world.shut(compartment);
  world.advance(Duration::milliseconds(400));
  world.force(compartment);
  world.advance(Duration::milliseconds(1'500));
  EXPECT_TRUE(world.events(cubby_v1_Event_deposited_tag).empty());
  EXPECT_TRUE(world.events(cubby_v1_Event_door_forced_tag).empty());
  world.item_board_of(compartment).silent = false;
  world.advance_seconds(5);
  world.sense(compartment, true);
  shut_and_wait(world, compartment);
  EXPECT_EQ(world.events(cubby_v1_Event_deposited_tag).at(0).body.deposited.item, kPresent);
  EXPECT_EQ(world.state(compartment), CompartmentState::kOccupied);
}

TEST(ItemSensor, APowerCutAtAnyMomentAfterTheDoorWasShutLosesNoDispute) {
  for (int cut_ms = 0; cut_ms < 1'300; cut_ms += 13) {
    StationWorld world(with_sensors());
    const auto compartment = world.begin_deposit();
    world.shut(compartment);
    world.advance(Duration::milliseconds(cut_ms));
    world.power_cycle();
    world.advance_seconds(2);
    ASSERT_EQ(world.events(cubby_v1_Event_deposited_tag).size(), 1U) << cut_ms;
    EXPECT_EQ(world.events(cubby_v1_Event_deposited_tag)[0].body.deposited.item, kEmpty) << cut_ms;
    EXPECT_EQ(world.state(compartment), CompartmentState::kDisputed) << cut_ms;
    world.enter_code(world.code_of(compartment));
    EXPECT_TRUE(world.is_open(compartment)) << cut_ms;
  }
}

TEST(ItemSensor, MakesNoDifferenceToIdlePollsThatAreLeftOut) {
  const auto story = [](bool skip) {
    auto options = with_sensors();
    options.skip_idle_polls = skip;
    StationWorld world(options);
    world.advance(Duration::milliseconds(7));  // Off the grid: an edge and a poll at one time have no order.
    const auto compartment = world.deposit();
    world.advance(Duration::minutes(3));
    world.sense(compartment, false, Duration::milliseconds(12'345));
    world.sense(compartment, true, Duration::milliseconds(12'385));  // Between two polls, or not.
    world.sense(2, true, Duration::milliseconds(23'456));
    world.advance(Duration::minutes(1));
    world.power_cycle();
    world.advance(Duration::minutes(1));
    world.enter_code(world.code_of(compartment));
    shut_and_wait(world, compartment);
    world.sense(3, true, Duration::milliseconds(777));
    world.advance(Duration::minutes(2));
    return std::pair(world.log(), world.ticks());
  };
  const auto [all, all_ticks] = story(false);
  const auto [few, few_ticks] = story(true);
  EXPECT_EQ(all, few);
  EXPECT_LT(few_ticks * 5, all_ticks);
}

}  // namespace
}  // namespace cubby::tests

// Somebody plays every actor by hand, key by key, and the books stay exact whatever they do.
#include <gtest/gtest.h>

#include <algorithm>

#include "emulator/station/station_world.h"
#include "sim/sim_fleet.h"

namespace cubby::sim {
namespace {

using emulator::HandMove;
using emulator::PanelView;
using Kind = HandMove::Kind;

class Hand {
 public:
  explicit Hand(const SimOptions& options) : sim_(options) { sim_.run(Duration::minutes(3)); }

  SimFleet& sim() { return sim_; }
  emulator::StationWorld& world() { return static_cast<emulator::StationWorld&>(sim_.station()); }
  Status move(Kind kind, const std::string& text = "", std::uint8_t door = 0) {
    const Status status = world().move_by_hand({.kind = kind, .text = text, .door = door}, sim_.now());
    sim_.run(Duration::seconds(2));
    return status;
  }
  PanelView view() { return world().panel(sim_.now()); }
  std::string screen() { return std::string(view().message); }
  std::uint8_t open_door() {
    const PanelView now = view();
    return now.open_doors.empty() ? std::uint8_t{0} : now.open_doors.front();
  }
  /// Up to the open door; its number.
  std::uint8_t bring(const std::string& parcel) {
    EXPECT_EQ(move(Kind::kCourierPass, "sf"), Status::kOk);
    EXPECT_EQ(move(Kind::kScan, parcel), Status::kOk);
    EXPECT_EQ(move(Kind::kKeys, "S"), Status::kOk);
    return open_door();
  }
  std::string code() {
    const PanelView now = view();
    return now.told.empty() ? "" : now.told.back().code;
  }
  void expect_exact() {
    ASSERT_TRUE(sim_.drain());
    EXPECT_EQ(sim_.difference(), "");
  }

 private:
  SimFleet sim_;
};

SimOptions quiet() {
  SimOptions options = SimFleet::options(seed_of(31), 1);
  options.fleet.demand = false;
  options.profile.failed_open_per_million = 0;
  options.profile.network_up_per_million = 1'000'000;
  options.profile.mains_losses_per_year = 0;
  return options;
}

TEST(ByHand, AShortCodeIsTypedBeforeTheLastDigitsOfTheParcelsNumber) {
  SimOptions options = quiet();
  options.fleet.code_digits = 6;
  Hand hand(options);
  const std::uint8_t door = hand.bring("RB473124829CN");
  ASSERT_NE(door, 0);
  EXPECT_EQ(hand.move(Kind::kPut, "", door), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  hand.sim().run(Duration::minutes(1));
  ASSERT_EQ(hand.code().size(), 6U);
  EXPECT_EQ(hand.view().told.back().second, "4829");
  EXPECT_EQ(hand.move(Kind::kKeys, "*" + hand.code() + "#"), Status::kOk);
  EXPECT_EQ(hand.screen(), "SECOND_INPUT");
  EXPECT_EQ(hand.view().rows[0], "请输入运单号最后4位 ");
  EXPECT_EQ(hand.move(Kind::kKeys, "G48"), Status::kOk);
  EXPECT_EQ(hand.view().rows[0], "Last 4 digits of the");
  EXPECT_EQ(hand.view().rows[3], "**          * cancel");
  EXPECT_EQ(hand.move(Kind::kKeys, "29#"), Status::kOk);
  EXPECT_EQ(hand.screen(), "TAKE_OUT");
  EXPECT_EQ(hand.move(Kind::kTake, "", door), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  hand.sim().run(Duration::minutes(1));
  hand.expect_exact();
}

TEST(ByHand, ACourierAndARecipientAtKeyLevel) {
  Hand hand(quiet());
  EXPECT_EQ(hand.view().rows[0], "请输入取件码并按#   ");  // As this province's stations speak.
  const std::uint8_t door = hand.bring("RB473124829CN");
  ASSERT_NE(door, 0);
  EXPECT_EQ(hand.screen(), "PUT_IN");
  EXPECT_EQ(hand.view().tone, "ok");
  EXPECT_EQ(hand.move(Kind::kTake, "", door), Status::kNotFound);
  EXPECT_EQ(hand.move(Kind::kPut, "", door), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kPut, "", door), Status::kWrongState);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  EXPECT_EQ(hand.screen(), "STORED");
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kWrongState);
  hand.sim().run(Duration::minutes(1));
  ASSERT_EQ(hand.code().size(), 8U);
  EXPECT_EQ(hand.move(Kind::kKeys, "*G" + hand.code() + "#"), Status::kOk);
  EXPECT_EQ(hand.screen(), "TAKE_OUT");
  EXPECT_EQ(hand.view().rows[1], "Take the parcel out ");
  EXPECT_EQ(hand.move(Kind::kTake, "", door), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  EXPECT_EQ(hand.code(), "");
  EXPECT_EQ(hand.sim().station().ledger()[door - 1U].observable[emulator::index_of(emulator::Use::kCollection)], 1U);
  EXPECT_EQ(hand.sim().truly_inside(0, door - 1U), 0);
  hand.expect_exact();
}

TEST(ByHand, CancelsRefusesAndRecalls) {
  Hand hand(quiet());
  std::uint8_t door = hand.bring("P1");
  EXPECT_EQ(hand.move(Kind::kKeys, "*"), Status::kOk);
  EXPECT_EQ(hand.screen(), "PLEASE_SHUT");
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  EXPECT_EQ(hand.screen(), "CANCELLED");
  door = hand.bring("P2");
  EXPECT_EQ(hand.move(Kind::kPut, "", door), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  hand.sim().run(Duration::minutes(1));
  EXPECT_EQ(hand.move(Kind::kKeys, "*" + hand.code() + "#"), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kKeys, "N"), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  EXPECT_EQ(hand.sim().station().ledger()[door - 1U].observable[emulator::index_of(emulator::Use::kRefusal)], 1U);
  EXPECT_EQ(hand.move(Kind::kCourierPass, "sf"), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kKeys, "R"), Status::kOk);
  EXPECT_EQ(hand.screen(), "RECALL_OPEN");
  EXPECT_EQ(hand.open_door(), door);
  EXPECT_EQ(hand.move(Kind::kTake, "", door), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  EXPECT_EQ(hand.sim().station().ledger()[door - 1U].observable[emulator::index_of(emulator::Use::kRecall)], 1U);
  EXPECT_EQ(hand.move(Kind::kTechnicianPass, "li"), Status::kOk);
  EXPECT_EQ(hand.screen(), "SERVICE_MENU");
  hand.expect_exact();
}

TEST(ByHand, ASendersParcelGoesOutWithItsCourier) {
  Hand hand(quiet());
  EXPECT_EQ(hand.move(Kind::kSenderPass, "sf"), Status::kOk);
  EXPECT_EQ(hand.screen(), "SENDER_READY");
  EXPECT_EQ(hand.move(Kind::kScan, "RB473124829CN"), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kKeys, "S"), Status::kOk);
  const std::uint8_t door = hand.open_door();
  ASSERT_NE(door, 0);
  EXPECT_EQ(hand.move(Kind::kPut, "", door), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  hand.sim().run(Duration::minutes(3));
  EXPECT_EQ(hand.code(), "");  // Nobody collects it.
  EXPECT_EQ(hand.move(Kind::kCourierPass, "sf"), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kKeys, "R"), Status::kOk);
  EXPECT_EQ(hand.open_door(), door);
  EXPECT_EQ(hand.move(Kind::kTake, "", door), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  const emulator::LedgerRow& row = hand.sim().station().ledger()[door - 1U];
  EXPECT_EQ(row.observable[emulator::index_of(emulator::Use::kDropOff)], 1U);
  EXPECT_EQ(row.observable[emulator::index_of(emulator::Use::kDispatch)], 1U);
  EXPECT_EQ(row.truth[emulator::index_of(emulator::Use::kDispatch)], 1U);
  hand.expect_exact();
}

TEST(ByHand, ADoorThatIsLeftOpenAlarmsAndIsBookedWhenItIsShut) {
  Hand hand(quiet());
  const std::uint8_t door = hand.bring("P1");
  EXPECT_EQ(hand.move(Kind::kPut, "", door), Status::kOk);
  hand.sim().run(Duration::minutes(3));
  EXPECT_EQ(hand.view().tone, "alarm");
  EXPECT_EQ(hand.screen(), "IDLE");
  EXPECT_EQ(hand.open_door(), door);
  EXPECT_EQ(hand.sim().station().ledger()[door - 1U].observable[emulator::index_of(emulator::Use::kDeposit)], 0U);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  EXPECT_EQ(hand.sim().station().ledger()[door - 1U].observable[emulator::index_of(emulator::Use::kDeposit)], 1U);
  hand.expect_exact();
}

TEST(ByHand, TakesTurnsWithTheEmulatedPeople) {
  Hand hand(quiet());
  emulator::Injection courier;
  courier.size = 1;
  courier.carrier = "sf";
  const std::uint64_t ticket = hand.sim().station().inject(courier);
  hand.sim().run(Duration::seconds(8));
  EXPECT_EQ(hand.move(Kind::kKeys, "1"), Status::kBusy);
  const std::uint8_t door = hand.open_door();
  ASSERT_NE(door, 0);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kBusy);
  EXPECT_EQ(hand.move(Kind::kPut, "", door), Status::kBusy);
  hand.sim().run(Duration::minutes(1));
  EXPECT_TRUE(hand.sim().station().injection_result(ticket).has_value());
  EXPECT_EQ(hand.move(Kind::kCourierPass, "sf"), Status::kOk);
  const std::uint64_t next = hand.sim().station().inject(courier);
  hand.sim().run(Duration::minutes(1));
  EXPECT_FALSE(hand.sim().station().injection_result(next).has_value());
  hand.sim().run(Duration::minutes(3));  // Whoever does nothing for two minutes has left.
  EXPECT_TRUE(hand.sim().station().injection_result(next).has_value());
  EXPECT_EQ(hand.move(Kind::kCourierPass, "sf"), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kKeys, "*"), Status::kOk);
  const std::uint64_t soon = hand.sim().station().inject(courier);
  hand.sim().run(Duration::minutes(1));  // At IDLE nobody holds the others up.
  EXPECT_TRUE(hand.sim().station().injection_result(soon).has_value());
  emulator::Injection cut;
  cut.kind = emulator::InjectionKind::kPowerCut;
  (void)hand.sim().station().inject(cut);
  hand.sim().run(Duration::seconds(1));
  EXPECT_FALSE(hand.view().lit);
  EXPECT_EQ(hand.move(Kind::kKeys, "1"), Status::kNotSent);
  hand.expect_exact();
}

SimOptions with_item_sensors() {
  SimOptions options = quiet();
  options.fleet.item_sensors = true;
  return options;
}

core::CompartmentState state_of(Hand& hand, std::uint8_t door) {
  return hand.world().controller()->state().compartment(door).state;
}

TEST(ByHand, AParcelThatWasNotPutInIsMissedByItsSensorAndSettledByATechnician) {
  Hand hand(with_item_sensors());
  const std::uint8_t door = hand.bring("P1");
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  EXPECT_EQ(hand.screen(), "DOUBTED");
  EXPECT_EQ(state_of(hand, door), core::CompartmentState::kDisputed);
  EXPECT_EQ(hand.move(Kind::kTechnicianPass, "li"), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kKeys, "1#"), Status::kOk);
  EXPECT_EQ(hand.open_door(), door);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  EXPECT_EQ(hand.screen(), "INSIDE");
  EXPECT_EQ(hand.move(Kind::kKeys, "0"), Status::kOk);
  EXPECT_EQ(state_of(hand, door), core::CompartmentState::kVacant);
  hand.expect_exact();
}

TEST(ByHand, AParcelThatWasNotTakenOutIsSeenByItsSensorAndItsCodeOpensAgain) {
  Hand hand(with_item_sensors());
  const std::uint8_t door = hand.bring("P1");
  EXPECT_EQ(hand.move(Kind::kPut, "", door), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  EXPECT_EQ(state_of(hand, door), core::CompartmentState::kOccupied);
  hand.sim().run(Duration::minutes(1));
  const std::string code = hand.code();
  EXPECT_EQ(hand.move(Kind::kKeys, "*" + code + "#"), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  EXPECT_EQ(state_of(hand, door), core::CompartmentState::kDisputed);
  EXPECT_EQ(hand.move(Kind::kKeys, "*" + code + "#"), Status::kOk);
  EXPECT_EQ(hand.open_door(), door);
  EXPECT_EQ(hand.move(Kind::kTake, "", door), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  EXPECT_EQ(state_of(hand, door), core::CompartmentState::kVacant);
  EXPECT_EQ(hand.sim().truly_inside(0, door - 1U), 0);
  hand.expect_exact();
}

TEST(ByHand, AnItemSensorThatSticksDisputesUntilItIsMended) {
  Hand hand(with_item_sensors());
  const std::uint8_t door = hand.bring("P1");
  emulator::Injection stuck;
  stuck.kind = emulator::InjectionKind::kItemStuckEmpty;
  stuck.compartment = door;
  stuck.duration = Duration::minutes(10);
  (void)hand.sim().station().inject(stuck);
  EXPECT_EQ(hand.move(Kind::kPut, "", door), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  EXPECT_EQ(state_of(hand, door), core::CompartmentState::kDisputed);
  hand.sim().run(Duration::minutes(12));
  EXPECT_EQ(state_of(hand, door), core::CompartmentState::kDisputed);  // No belief changes on a sensor alone.
  stuck.kind = emulator::InjectionKind::kItemStuckPresent;
  EXPECT_EQ(hand.move(Kind::kKeys, "*" + hand.code() + "#"), Status::kOk);
  (void)hand.sim().station().inject(stuck);
  EXPECT_EQ(hand.move(Kind::kTake, "", door), Status::kOk);
  EXPECT_EQ(hand.move(Kind::kShut, "", door), Status::kOk);
  EXPECT_EQ(state_of(hand, door), core::CompartmentState::kDisputed);
  hand.expect_exact();
}

/// Does anything at all, most of it sensible.
void play(Hand& hand, Prng& prng) {
  constexpr std::string_view kKeys = emulator::kPanelKeys;
  const PanelView view = hand.view();
  if (view.open_doors.empty() && prng.below(2) == 0) {
    if (view.message == "IDLE") {
      (void)hand.move(Kind::kCourierPass, "sf");
    } else if (view.message == "CHOOSE_SIZE") {
      (void)hand.move(Kind::kKeys, "S");
    } else {
      (void)hand.move(Kind::kScan, "P" + std::to_string(prng.below(1000)));
    }
    return;
  }
  const std::uint64_t choice = prng.below(14);
  if (!view.open_doors.empty() && choice < 7) {
    const std::uint8_t door = view.open_doors[prng.below(view.open_doors.size())];
    constexpr std::array kAtDoor{Kind::kPut, Kind::kTake, Kind::kShut, Kind::kShut};
    (void)hand.move(kAtDoor[prng.below(kAtDoor.size())], "", door);
  } else if (choice < 4) {
    (void)hand.move(prng.below(3) == 0 ? Kind::kSenderPass : Kind::kCourierPass, prng.below(2) == 0 ? "sf" : "yto");
  } else if (choice < 7) {
    (void)hand.move(Kind::kScan, "P" + std::to_string(prng.below(1000)));
  } else if (choice < 8 && !view.told.empty()) {
    (void)hand.move(Kind::kKeys, "*" + view.told[prng.below(view.told.size())].code + "#");
  } else if (choice == 8) {
    (void)hand.move(Kind::kTechnicianPass, "li");
  } else if (choice == 9 && prng.below(4) == 0) {
    emulator::Injection cut;
    cut.kind = emulator::InjectionKind::kPowerCut;
    (void)hand.sim().station().inject(cut);
  } else if (choice == 10) {
    hand.sim().run(Duration::seconds(static_cast<std::int64_t>(prng.below(100))));
  } else {
    constexpr std::string_view kUseful = "SSML*RNG#1";
    const std::string_view keys = prng.below(4) == 0 ? kKeys : kUseful;
    (void)hand.move(Kind::kKeys, std::string(1, keys[prng.below(keys.size())]));
  }
}

TEST(ByHand, WhateverTheHandDoesTheBooksStayExact) {
  for (std::uint32_t round = 0; round < scaled(6, 30, 100); ++round) {
    SimOptions options = quiet();
    options.fleet.seed += round;
    options.fleet.item_sensors = round % 3 == 2;
    if (round % 2 == 1) {
      options.fleet.demand = true;  // At nine in the morning the couriers come.
      options.fleet.start_utc_ms = options.profile.start_utc_ms() + 9 * 3'600'000;
    }
    SCOPED_TRACE("round " + std::to_string(round));
    Hand hand(options);
    Prng prng = Prng(options.fleet.seed).child("hand");
    for (int i = 0; i < 1500; ++i) {
      play(hand, prng);
    }
    hand.sim().run(Duration::minutes(3));
    for (const std::uint8_t door : hand.view().open_doors) {
      (void)hand.move(Kind::kShut, "", door);
    }
    hand.sim().run(Duration::hours(3));
    hand.expect_exact();
    std::uint64_t openings = 0;
    for (const emulator::LedgerRow& row : hand.sim().station().ledger()) {
      openings += row.door_openings;
    }
    EXPECT_GT(openings, 20U);  // It did play.
  }
}

}  // namespace
}  // namespace cubby::sim

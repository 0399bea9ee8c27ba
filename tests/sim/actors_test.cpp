// What people say at an open door, over the whole path: keys, doors, journal, wire, statistics, ledger.
#include <gtest/gtest.h>

#include <memory>

#include "emulator/station/station_world.h"
#include "firmware/wire/codec/config_codec.h"
#include "sim/sim_fleet.h"

namespace cubby::sim {
namespace {

using emulator::Injection;
using emulator::InjectionKind;
using emulator::InjectionStatus;
using emulator::TearMode;

/// One station without demand, and whoever is sent there.
class Stage {
 public:
  explicit Stage(std::uint32_t code_digits = 8) : sim_(options(code_digits)) { sim_.run(Duration::minutes(3)); }

  SimFleet& sim() { return sim_; }
  emulator::StationWorld& world() { return static_cast<emulator::StationWorld&>(sim_.station()); }
  emulator::InjectionResult send(InjectionKind kind, const std::string& code = "", char key_at_door = 0) {
    Injection injection;
    injection.kind = kind;
    injection.size = 1;
    injection.carrier = "sf";
    injection.code = code;
    injection.key_at_door = key_at_door;
    return perform(injection);
  }
  void deposit_for(const std::string& recipient) {
    Injection injection;
    injection.size = 1;
    injection.carrier = "sf";
    injection.recipient = recipient;
    EXPECT_EQ(perform(injection).status, InjectionStatus::kOk);
  }
  unsigned deposit_behind_a_low_door() {
    Injection injection;
    injection.size = 1;
    injection.carrier = "sf";
    injection.low_door = true;
    return perform(injection).compartment;
  }
  emulator::InjectionResult scan(const std::string& code) {
    return come(InjectionKind::kCollect, {.code = code, .second = ""}, true);
  }
  /// Somebody who was told that, or thinks so.
  emulator::InjectionResult come(InjectionKind kind, const emulator::ToldCode& told, bool scans = false) {
    Injection injection;
    injection.kind = kind;
    injection.code = told.code;
    injection.second = told.second;
    injection.scans = scans;
    return perform(injection);
  }
  /// A technician comes and does what that key of the menu says.
  emulator::InjectionResult serve(char menu_key, std::uint8_t door = 0) {
    Injection injection;
    injection.kind = InjectionKind::kService;
    injection.carrier = "li";
    injection.menu_key = menu_key;
    injection.compartment = door;
    return perform(injection);
  }
  /// As its recipient was told it; of the last deposit.
  emulator::ToldCode told() { return sim_.station().deposit_code(ticket_).value_or(emulator::ToldCode{}); }
  std::string code() { return told().code; }
  std::int64_t inside() {
    std::int64_t count = 0;
    for (std::size_t c = 0; c < sim_.station().ledger().size(); ++c) {
      count += sim_.truly_inside(0, c);
    }
    return count;
  }
  emulator::StationCounters totals() { return sim_.fleet().totals(); }
  void expect_exact() {
    ASSERT_TRUE(sim_.drain());
    EXPECT_EQ(sim_.difference(), "");
  }

 private:
  emulator::InjectionResult perform(const Injection& injection) {
    ticket_ = sim_.station().inject(injection);
    sim_.run(Duration::minutes(5));
    emulator::InjectionResult none;
    none.status = InjectionStatus::kTimedOut;
    return sim_.station().injection_result(ticket_).value_or(none);
  }
  static SimOptions options(std::uint32_t code_digits) {
    SimOptions options = SimFleet::options(seed_of(12), 1);
    options.fleet.code_digits = code_digits;
    options.fleet.demand = false;
    options.profile.failed_open_per_million = 0;
    options.profile.left_open_per_million = 0;
    options.profile.network_up_per_million = 1'000'000;
    options.profile.mains_losses_per_year = 0;
    return options;
  }

  SimFleet sim_;
  std::uint64_t ticket_ = 0;
};

TEST(Actors, ARefusedParcelStaysInsideUntilItsCourierTakesItBack) {
  Stage stage;
  const auto deposited = stage.send(InjectionKind::kDeposit);
  const std::string code = stage.code();
  const auto refused = stage.send(InjectionKind::kRefuse, code);
  EXPECT_EQ(refused.status, InjectionStatus::kOk) << refused.detail;
  EXPECT_EQ(refused.compartment, deposited.compartment);
  EXPECT_EQ(stage.inside(), 1);
  EXPECT_EQ(stage.totals().of(emulator::Use::kRefusal), 1U);
  EXPECT_EQ(stage.totals().of(emulator::Use::kCollection), 0U);
  EXPECT_EQ(stage.send(InjectionKind::kCollect, code).status, InjectionStatus::kRefused);
  const auto recalled = stage.send(InjectionKind::kRecall);
  EXPECT_EQ(recalled.status, InjectionStatus::kOk);
  EXPECT_EQ(recalled.parcels, 1U);
  EXPECT_EQ(stage.inside(), 0);
  stage.expect_exact();
}

TEST(Actors, ACourierWhoCannotReachHighGetsALowDoorAndOthersLeaveItFree) {
  Stage stage;
  const auto config = std::make_unique<cubby_v1_StationConfig>();
  ASSERT_EQ(wire::decode_config(stage.world().config(), *config), Status::kOk);
  const auto is_low = [&](unsigned door) {
    const auto height_cm = config->door_height_cm[door - 1];
    return height_cm >= limits::kReachLowCm && height_cm <= limits::kReachHighCm;
  };
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(is_low(stage.send(InjectionKind::kDeposit).compartment));
    EXPECT_TRUE(is_low(stage.deposit_behind_a_low_door()));
  }
  EXPECT_EQ(stage.inside(), 6);
  stage.expect_exact();
}

TEST(Actors, ACourierChangesTheSizeAndAnotherTakesTheParcelAlong) {
  Stage stage;
  const auto changed = stage.send(InjectionKind::kDeposit, "", 'L');
  EXPECT_EQ(changed.status, InjectionStatus::kOk) << changed.detail;
  EXPECT_EQ(stage.inside(), 1);
  const std::string code = stage.code();
  EXPECT_EQ(code.size(), 8U);
  const auto cancelled = stage.send(InjectionKind::kDeposit, "", '*');
  EXPECT_EQ(cancelled.status, InjectionStatus::kOk) << cancelled.detail;
  EXPECT_EQ(stage.inside(), 1);
  EXPECT_EQ(stage.totals().of(emulator::Use::kDeposit), 1U);
  const auto collected = stage.send(InjectionKind::kCollect, code);
  EXPECT_EQ(collected.compartment, changed.compartment);
  EXPECT_EQ(stage.inside(), 0);
  stage.expect_exact();
}

// A parcel that was looked at is in doubt until the technician says that it is there, and reaches its owner after all.
TEST(Actors, ATechnicianLooksSettlesTakesOutAndPutsBack) {
  Stage stage;
  const auto deposited = stage.send(InjectionKind::kDeposit);
  const std::string code = stage.code();
  EXPECT_EQ(stage.serve('2', deposited.compartment).status, InjectionStatus::kOk);
  EXPECT_EQ(stage.inside(), 1);
  EXPECT_EQ(stage.serve('4', deposited.compartment).status, InjectionStatus::kRefused);  // A parcel is inside.
  EXPECT_EQ(stage.serve('6').number, 0U);
  EXPECT_EQ(stage.serve('1').status, InjectionStatus::kOk);
  EXPECT_EQ(stage.send(InjectionKind::kCollect, code).compartment, deposited.compartment);
  EXPECT_EQ(stage.serve('4', 7).status, InjectionStatus::kOk);
  EXPECT_EQ(stage.serve('1').status, InjectionStatus::kOk);  // Looks, and puts it back.
  EXPECT_EQ(stage.serve('5', 7).status, InjectionStatus::kRefused);
  stage.expect_exact();
}

TEST(Actors, OneRecipientCollectsAGroupOfParcelsWithOneScan) {
  Stage stage;
  stage.deposit_for("00000000000000a1");
  const std::string code = stage.code();
  stage.deposit_for("00000000000000a1");
  EXPECT_EQ(stage.code(), code);
  stage.deposit_for("00000000000000b2");
  EXPECT_NE(stage.code(), code);
  EXPECT_EQ(stage.inside(), 3);
  const auto collected = stage.scan(code);
  EXPECT_EQ(collected.status, InjectionStatus::kOk) << collected.detail;
  EXPECT_EQ(collected.parcels, 2U);
  EXPECT_EQ(stage.inside(), 1);
  stage.expect_exact();
}

TEST(Actors, AShortCodeOpensOnlyWithItsSecondInput) {
  Stage stage(6);
  const auto deposited = stage.send(InjectionKind::kDeposit);
  const auto told = stage.told();
  ASSERT_EQ(told.code.size(), 6U);
  ASSERT_EQ(told.second.size(), 4U);
  const std::string wrong = told.second == "0000" ? "1111" : "0000";
  for (const bool scans : {false, true}) {
    const auto refused = stage.come(InjectionKind::kCollect, {.code = told.code, .second = wrong}, scans);
    EXPECT_EQ(refused.status, InjectionStatus::kRefused) << refused.detail;
    EXPECT_EQ(refused.compartment, 0U);
  }
  // Who does not know the second input goes away again.
  EXPECT_EQ(stage.come(InjectionKind::kCollect, {.code = told.code, .second = ""}).status, InjectionStatus::kRefused);
  EXPECT_EQ(stage.totals().wrong_codes, 2U);
  const auto collected = stage.come(InjectionKind::kCollect, told);
  EXPECT_EQ(collected.status, InjectionStatus::kOk) << collected.detail;
  EXPECT_EQ(collected.compartment, deposited.compartment);
  stage.send(InjectionKind::kDeposit);
  EXPECT_EQ(stage.come(InjectionKind::kRefuse, stage.told()).status, InjectionStatus::kOk);
  stage.send(InjectionKind::kDeposit);
  EXPECT_EQ(stage.come(InjectionKind::kCollect, stage.told(), true).status, InjectionStatus::kOk);
  EXPECT_EQ(stage.inside(), 1);
  stage.expect_exact();
}

TEST(Actors, OneRecipientCollectsAGroupWithAShortCodeAndAnyOfItsSecondInputs) {
  for (const bool by_first : {true, false}) {
    Stage stage(6);
    stage.deposit_for("00000000000000a1");
    const auto first = stage.told();
    stage.deposit_for("00000000000000a1");
    const auto second = stage.told();
    EXPECT_EQ(second.code, first.code);
    EXPECT_NE(second.second, first.second);
    const auto collected = stage.come(InjectionKind::kCollect, by_first ? first : second);
    EXPECT_EQ(collected.parcels, 2U) << collected.detail;
    EXPECT_EQ(stage.inside(), 0);
    stage.expect_exact();
  }
}

TEST(Actors, ASendersParcelIsDispatchedByItsCourier) {
  Stage stage;
  const auto dropped = stage.send(InjectionKind::kDropOff);
  EXPECT_EQ(dropped.status, InjectionStatus::kOk) << dropped.detail;
  EXPECT_EQ(stage.inside(), 1);
  const auto taken_along = stage.send(InjectionKind::kDropOff, "", '*');
  EXPECT_EQ(taken_along.status, InjectionStatus::kOk) << taken_along.detail;
  EXPECT_EQ(stage.inside(), 1);
  EXPECT_EQ(stage.send(InjectionKind::kRecall).parcels, 1U);
  EXPECT_EQ(stage.inside(), 0);
  EXPECT_EQ(stage.totals().of(emulator::Use::kDropOff), 1U);
  EXPECT_EQ(stage.totals().of(emulator::Use::kDispatch), 1U);
  EXPECT_EQ(stage.totals().of(emulator::Use::kDeposit) + stage.totals().of(emulator::Use::kRecall), 0U);
  stage.expect_exact();
}

// The books stay exact whatever the station had heard; where nobody can say, the ledger says so.
TEST(Actors, ARefusalSurvivesAPowerCutAtEveryFlashOperation) {
  std::uint64_t operations = 0;
  {
    Stage stage;
    stage.send(InjectionKind::kDeposit);
    const auto before = stage.totals().flash_operations;
    stage.send(InjectionKind::kRefuse, stage.code());
    operations = stage.totals().flash_operations - before;
  }
  ASSERT_GE(operations, 4U);
  for (std::uint64_t operation = 0; operation < operations; ++operation) {
    for (int mode = 0; mode < static_cast<int>(TearMode::kCount); ++mode) {
      SCOPED_TRACE("flash operation " + std::to_string(operation) + ", tear mode " + std::to_string(mode));
      Stage stage;
      stage.send(InjectionKind::kDeposit);
      const std::string code = stage.code();
      stage.world().cut_at_flash_operation(operation, static_cast<TearMode>(mode), Duration::seconds(4));
      stage.send(InjectionKind::kRefuse, code);
      ASSERT_GE(stage.totals().boots, 2U) << "the cut never came";
      EXPECT_EQ(stage.inside(), 1);
      stage.expect_exact();
      if (::testing::Test::HasFailure()) {
        return;
      }
    }
  }
}

}  // namespace
}  // namespace cubby::sim

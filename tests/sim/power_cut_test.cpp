// F9, F10: the power goes at every flash operation and at every moment of a deposit and a pickup.
#include <gtest/gtest.h>

#include <optional>

#include "emulator/station/station_world.h"
#include "sim/sim_fleet.h"

namespace cubby::sim {
namespace {

using emulator::Injection;
using emulator::InjectionKind;
using emulator::TearMode;

constexpr Duration kBootTime = Duration::minutes(3);
constexpr Duration kErrandTime = Duration::minutes(5);
constexpr Duration kOff = Duration::seconds(4);
constexpr Duration kBlink = Duration::microseconds(1);  // As a fleet that is killed and resumed sees it.

/// One station without demand that a courier and a recipient visit.
class Scene {
 public:
  explicit Scene(std::uint32_t code_digits = 8) : sim_(options(code_digits)) { sim_.run(kBootTime); }

  SimFleet& sim() { return sim_; }
  std::uint64_t ticket() const { return ticket_; }  // Of the last deposit.
  emulator::StationWorld& world() { return static_cast<emulator::StationWorld&>(sim_.station()); }

  void deposit() {
    courier_comes();
    sim_.run(kErrandTime);
  }
  void courier_comes() {
    Injection injection;
    injection.kind = InjectionKind::kDeposit;
    injection.size = 2;
    injection.carrier = "sf";
    injection.parcel = "RB473124829CN";
    ticket_ = sim_.station().inject(injection);
  }
  /// The parcel's owner, if told a code, comes; again later, if the power went in between.
  void collect() {
    for (int attempt = 0; attempt < 3 && parcels_inside() > 0; ++attempt) {
      const auto code = sim_.station().deposit_code(ticket_);
      if (!code.has_value()) {
        sim_.run(kErrandTime);
        continue;
      }
      type(*code, kErrandTime);
    }
  }
  void type(const emulator::ToldCode& told, Duration then) {
    Injection injection;
    injection.kind = InjectionKind::kCollect;
    injection.code = told.code;
    injection.second = told.second;
    sim_.station().inject(injection);
    sim_.run(then);
  }
  std::int64_t parcels_inside() const {
    std::int64_t count = 0;
    for (std::size_t c = 0; c < sim_const().ledger().size(); ++c) {
      count += sim_.truly_inside(0, c);
    }
    return count;
  }
  std::uint64_t openings() const {
    std::uint64_t count = 0;
    for (const emulator::LedgerRow& row : sim_const().ledger()) {
      count += row.door_openings;
    }
    return count;
  }
  /// Everything that must hold at the end, whatever happened.
  void expect_good_end(bool parcel_was_put_in) {
    ASSERT_TRUE(sim_.drain()) << "the station has events that never arrive";
    EXPECT_EQ(sim_.difference(), "");
    if (parcel_was_put_in) {
      EXPECT_EQ(parcels_inside(), 0) << "the owner, who has the code, cannot get at the parcel";
    }
    // One for the courier, one for the recipient, and one more each that had to begin again after the cut.
    EXPECT_LE(openings(), 4U);
    // The station serves again: another parcel can be put in and taken out.
    const std::uint64_t before = sim_.fleet().totals().of(emulator::Use::kCollection);
    deposit();
    collect();
    EXPECT_EQ(sim_.fleet().totals().of(emulator::Use::kCollection), before + 1)
        << "the station does not serve any more";
  }
  bool was_put_in() const {
    for (const emulator::LedgerRow& row : sim_const().ledger()) {
      if (row.truth[static_cast<std::size_t>(emulator::Use::kDeposit)] > 0) {
        return true;
      }
    }
    return false;
  }

 private:
  static SimOptions options(std::uint32_t code_digits) {
    SimOptions options = SimFleet::options(seed_of(11), 1);
    options.fleet.code_digits = code_digits;
    options.fleet.demand = false;
    options.profile.mistype_per_million = 0;
    options.profile.failed_open_per_million = 0;
    options.profile.left_open_per_million = 0;
    options.profile.network_up_per_million = 1'000'000;
    options.profile.mains_losses_per_year = 0;
    return options;
  }
  const emulator::Station& sim_const() const { return const_cast<SimFleet&>(sim_).station(); }

  SimFleet sim_;
  std::uint64_t ticket_ = 0;
};

TEST(PowerCut, WithoutOneEverythingWorks) {
  Scene scene;
  scene.deposit();
  EXPECT_EQ(scene.parcels_inside(), 1);
  scene.collect();
  EXPECT_EQ(scene.parcels_inside(), 0);
  EXPECT_EQ(scene.openings(), 2U);
  scene.expect_good_end(true);
}

struct Operations {
  std::uint64_t deposit = 0;
  std::uint64_t both = 0;
};

Operations count_operations() {
  Scene scene;
  const auto operations = [&] { return scene.sim().fleet().totals().flash_operations; };
  const std::uint64_t begin = operations();
  scene.deposit();
  Operations count{.deposit = operations() - begin};
  scene.collect();
  count.both = operations() - begin;
  return count;
}

// At every flash operation of a deposit and a pickup, torn in every way.
TEST(PowerCut, AtEveryFlashOperation) {
  const Operations count = count_operations();
  ASSERT_GE(count.deposit, 3U);
  ASSERT_GE(count.both, count.deposit + 3);
  std::uint64_t cuts = 0;
  for (std::uint64_t operation = 0; operation < count.both; ++operation) {
    for (int mode = 0; mode < static_cast<int>(TearMode::kCount); ++mode) {
      SCOPED_TRACE("flash operation " + std::to_string(operation) + ", tear mode " + std::to_string(mode));
      Scene scene;
      scene.world().cut_at_flash_operation(operation, static_cast<TearMode>(mode), kOff);
      scene.deposit();
      scene.collect();
      ASSERT_GE(scene.sim().fleet().totals().boots, 2U) << "the cut never came";
      ASSERT_NO_FATAL_FAILURE(scene.expect_good_end(scene.was_put_in()));
      ++cuts;
      if (::testing::Test::HasFailure()) {
        return;
      }
    }
  }
  std::printf("power cut at %llu flash operations x %d tear modes: %llu runs\n",
              static_cast<unsigned long long>(count.both), static_cast<int>(TearMode::kCount),
              static_cast<unsigned long long>(cuts));
}

// At every moment of a deposit and a pickup: in mid-frame, in mid-pulse, with the door open, while it reports.
TEST(PowerCut, AtEveryMoment) {
  const std::int64_t step_ms = scaled(250, 61, 7);
  std::uint64_t cuts = 0;
  for (const bool while_collecting : {false, true}) {
    for (std::int64_t at_ms = 0; at_ms < 60'000; at_ms += step_ms) {
      SCOPED_TRACE(std::string(while_collecting ? "pickup" : "deposit") + ", " + std::to_string(at_ms) +
                   " ms after its begin");
      Scene scene;
      if (while_collecting) {
        scene.deposit();
      }
      Injection cut;
      cut.kind = InjectionKind::kPowerCut;
      cut.duration = kOff;
      scene.world().schedule_injection(scene.sim().now() + Duration::milliseconds(at_ms), cut);
      if (!while_collecting) {
        scene.deposit();
      }
      scene.collect();
      ASSERT_GE(scene.sim().fleet().totals().boots, 2U);
      ASSERT_NO_FATAL_FAILURE(scene.expect_good_end(scene.was_put_in()));
      ++cuts;
      if (::testing::Test::HasFailure()) {
        return;
      }
    }
  }
  std::printf("power cut at %llu moments\n", static_cast<unsigned long long>(cuts));
}

// The moment at which some door opens, when nobody cuts anything.
Instant opening_time(Scene& scene, InjectionKind kind) {
  Scene clean;
  if (kind == InjectionKind::kCollect) {
    clean.deposit();
    clean.type(*clean.sim().station().deposit_code(clean.ticket()), Duration{});
  } else {
    clean.courier_comes();
  }
  EXPECT_EQ(clean.sim().now(), scene.sim().now());
  const std::uint64_t before = clean.openings();
  Instant at = clean.sim().now();
  while (clean.openings() == before && at < clean.sim().now() + kErrandTime) {
    at = at + Duration::milliseconds(1);
    clean.world().run_until(at);
  }
  EXPECT_GT(clean.openings(), before);
  return at;
}

// In the tenths of a second round the unlock: the command is out and not journalled, the bolt is on its way and
// nobody is at the panel any more. (Found with a fleet that was killed then: a recipient had left, the door opened
// for nobody, and a collection was reported that nobody had made.)
TEST(PowerCut, WhileTheBoltIsOnItsWay) {
  std::uint64_t cuts = 0;
  for (const InjectionKind kind : {InjectionKind::kDeposit, InjectionKind::kCollect}) {
    Scene reference;
    if (kind == InjectionKind::kCollect) {
      reference.deposit();
    }
    const Instant opens = opening_time(reference, kind);
    const std::int64_t step_ms = scaled(3, 1, 1);
    for (std::int64_t ms = -400; ms < 60; ms += step_ms) {
      const Duration off = ms % 2 == 0 ? kOff : kBlink;
      SCOPED_TRACE(std::string(kind == InjectionKind::kDeposit ? "deposit, " : "pickup, ") + std::to_string(ms) +
                   " ms after the door would open");
      Scene scene;
      if (kind == InjectionKind::kCollect) {
        scene.deposit();
      }
      Injection cut;
      cut.kind = InjectionKind::kPowerCut;
      cut.duration = off;
      scene.world().schedule_injection(opens + Duration::milliseconds(ms), cut);
      if (kind == InjectionKind::kDeposit) {
        scene.deposit();
      }
      scene.collect();
      ASSERT_GE(scene.sim().fleet().totals().boots, 2U);
      ASSERT_NO_FATAL_FAILURE(scene.expect_good_end(scene.was_put_in()));
      ++cuts;
      if (::testing::Test::HasFailure()) {
        return;
      }
    }
  }
  std::printf("power cut at %llu moments round the unlock\n", static_cast<unsigned long long>(cuts));
}

// The question for a second input dies with the power; the code that was typed before it was no guess.
TEST(PowerCut, BetweenACodeAndItsSecondInput) {
  for (std::int64_t ms = 1'900; ms < 4'500; ms += scaled(50, 5, 1)) {
    SCOPED_TRACE(std::to_string(ms) + " ms after the recipient set out");
    Scene scene(6);
    scene.deposit();
    Injection cut;
    cut.kind = InjectionKind::kPowerCut;
    cut.duration = kOff;
    scene.world().schedule_injection(scene.sim().now() + Duration::milliseconds(ms), cut);
    scene.collect();
    ASSERT_GE(scene.sim().fleet().totals().boots, 2U);
    EXPECT_EQ(scene.sim().fleet().totals().wrong_codes, 0U);
    ASSERT_NO_FATAL_FAILURE(scene.expect_good_end(true));
  }
}

// S3: nobody but the parcel's own code opens its door, and a code works once.
TEST(PowerCut, ADeadCodeOpensNothing) {
  Scene scene;
  scene.deposit();
  scene.collect();
  const std::uint64_t openings = scene.openings();
  scene.type(*scene.sim().station().deposit_code(scene.ticket()), kErrandTime);
  EXPECT_EQ(scene.openings(), openings);
}

}  // namespace
}  // namespace cubby::sim

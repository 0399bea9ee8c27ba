// The same life with a controller in this process and with one in a guest: the same bytes.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "firmware/base/prng.h"
#include "qemu/lockstep_lab.h"

namespace cubby::qemu {
namespace {

using emulator::Injection;
using emulator::InjectionKind;
using emulator::LockstepHost;
using emulator::TearMode;
using emulator::Use;
using tools::GuestProcess;

constexpr Duration kOff = Duration::seconds(4);
constexpr int kMidDepositCuts = 2;
constexpr Duration kErrandTime = Duration::minutes(5);

// A day of the profile's people, and in it everything that has to be shown.
void live_day(Lab& lab) {
  // In mid-deposit: the courier is at the panel, the door open or about to be.
  for (int i = 0; i < kMidDepositCuts; ++i) {
    const Duration at = Duration::minutes(9 * 60 + 20 * i);
    lab.plan(at, deposit_of("MID" + std::to_string(i)));
    lab.plan(at + Duration::seconds(6 + 8 * i), fault(InjectionKind::kPowerCut, kOff));
  }
  for (int i = 0; i < 7; ++i) {
    lab.plan(Duration::minutes(11 * 60 + 2 * i), collect_with({.code = "1234567" + std::to_string(i), .second = {}}));
  }
  // Every bolt sticks: no door opens for this one.
  for (std::size_t door = 1; door <= lab.world().compartment_count(); ++door) {
    lab.plan(Duration::minutes(13 * 60),
             fault(InjectionKind::kJam, Duration::minutes(10), static_cast<std::uint8_t>(door)));
  }
  lab.plan(Duration::minutes(13 * 60 + 1), deposit_of("JAMMED1"));
  lab.plan(Duration::hours(15), fault(InjectionKind::kLinkDown, Duration::minutes(90)));
  lab.plan(Duration::minutes(15 * 60 + 10), fault(InjectionKind::kForce, Duration::seconds(20), 9));
  lab.plan(Duration::minutes(15 * 60 + 20), fault(InjectionKind::kBoardSilent, Duration::seconds(15), 20));
  Injection recall;
  recall.kind = InjectionKind::kRecall;
  recall.carrier = "sf";
  lab.plan(Duration::hours(17), recall);

  lab.run_to(Duration::hours(7));
  const std::uint64_t first = lab.deposit("RB473124829CN");
  lab.run_to(Duration::minutes(7 * 60 + 10));
  const std::uint64_t second = lab.deposit("SECOND1", 2);
  lab.run_to(Duration::hours(14));
  EXPECT_TRUE(lab.collect(first));
  lab.run_to(Duration::minutes(14 * 60 + 10));
  EXPECT_TRUE(lab.collect(second, InjectionKind::kRefuse));
  lab.run_to(Duration::minutes(15 * 60 + 30));
  EXPECT_FALSE(lab.world().settled()) << "a forced door cannot have been reported without a network";
  lab.run_to(Duration::hours(24));
}

sim::SimOptions day_options() {
  sim::SimOptions options = sim::SimFleet::options(sim::seed_of(7), 1);
  options.profile.offered_per_station_day_milli = sim::scaled(20'000, 50'000, 50'000);  // A board under QEMU is slow.
  options.profile.mistype_per_million = 150'000;
  options.profile.failed_open_per_million = 30'000;
  return options;
}

Outcome live_a_day(LockstepHost* host) {
  Lab lab(day_options(), host);
  live_day(lab);
  EXPECT_TRUE(lab.sim().drain());
  EXPECT_EQ(lab.sim().difference(), "");
  const emulator::StationCounters counters = lab.counters();
  EXPECT_GT(counters.of(Use::kDeposit), 10U);
  EXPECT_GT(counters.of(Use::kCollection), 5U);
  EXPECT_GT(counters.turned_away, 0U);
  EXPECT_GE(counters.wrong_codes, 7U);
  EXPECT_EQ(counters.of(Use::kRefusal), 1U);
  EXPECT_GE(counters.boots, 1U + kMidDepositCuts);
  if (host != nullptr) {
    EXPECT_EQ(host->failure(), "");
    std::printf("a day on '%s': %llu ticks, %llu questions, %llu boots, trace hash %016llx\n", host->port().c_str(),
                static_cast<unsigned long long>(counters.ticks), static_cast<unsigned long long>(host->questions()),
                static_cast<unsigned long long>(counters.boots),
                static_cast<unsigned long long>(lab.world().trace_hash()));
  }
  return lab.outcome();
}

TEST(Lockstep, ADayGivesTheSameBytesTwice) {
  const Outcome local = live_a_day(nullptr);
  for (int time = 0; time < 2; ++time) {
    GuestProcess process(guest_command());
    LockstepHost host(process);
    const Outcome remote = live_a_day(&host);
    EXPECT_EQ(remote.trace_hash, local.trace_hash);
    EXPECT_TRUE(remote.flash == local.flash) << "the journals differ";
    EXPECT_EQ(remote.counts, local.counts);
  }
}

Outcome visit_once(const sim::SimOptions& options, LockstepHost* host) {
  Lab lab(options, host);
  lab.run_to(Duration::minutes(3));
  const std::uint64_t deposit = lab.deposit("RB473124829CN");
  lab.run_to(Duration::minutes(8));
  EXPECT_TRUE(lab.collect(deposit));
  lab.run_to(Duration::minutes(12));
  EXPECT_EQ(lab.counters().of(Use::kCollection), 1U);
  return lab.outcome();
}

TEST(Lockstep, EveryFamilyOfBoards) {
  for (const BoardFamily family : {BoardFamily::kP1, BoardFamily::kP2, BoardFamily::kP6, BoardFamily::kP7}) {
    SCOPED_TRACE(static_cast<int>(family));
    sim::SimOptions options = quiet_options(family);
    options.fleet.item_sensors = family == BoardFamily::kP2;
    const Outcome local = visit_once(options, nullptr);
    GuestProcess process(guest_command());
    LockstepHost host(process);
    EXPECT_TRUE(visit_once(options, &host) == local);
    EXPECT_EQ(host.failure(), "");
  }
}

// A bit that is wrong on the way does not verify; one that the guest means makes another history.
TEST(Lockstep, AWrongBitIsCaught) {
  const sim::SimOptions options = quiet_options();
  const Outcome local = visit_once(options, nullptr);
  {
    GuestProcess process(guest_command());
    TamperedStream stream(process, lockstep::Message::kTicked, 50, false);
    LockstepHost host(stream);
    Lab lab(options, &host);
    lab.sim().run(Duration::minutes(12));
    EXPECT_TRUE(stream.done());
    EXPECT_EQ(host.failure(), "it sent a frame that is too long or does not verify");
    EXPECT_TRUE(lab.sim().fleet().controller_lost());
  }
  for (const lockstep::Message type : {lockstep::Message::kFlashProgram, lockstep::Message::kEvent}) {
    GuestProcess process(guest_command());
    TamperedStream stream(process, type, 1, true);
    LockstepHost host(stream);
    Lab lab(options, &host);
    lab.run_to(Duration::minutes(3));
    lab.deposit("RB473124829CN");
    lab.run_to(Duration::minutes(12));
    EXPECT_TRUE(stream.done());
    EXPECT_FALSE(lab.outcome() == local);
  }
}

// Two parcels come, somebody guesses, both parcels are fetched; later, if the power went in between.
void run_errands(Lab& lab, const std::string& one, const std::string& two) {
  const std::array<std::uint64_t, 2> deposits{lab.deposit(one), lab.deposit(two, 2)};
  lab.sim().run(kErrandTime);
  lab.world().inject(collect_with({.code = "12345678", .second = {}}));
  lab.sim().run(kErrandTime);
  for (int attempt = 0; attempt < 3 && lab.parcels_inside() > 0; ++attempt) {
    for (const std::uint64_t deposit : deposits) {
      lab.collect(deposit);
      lab.sim().run(kErrandTime);
    }
  }
}

struct Cut {
  std::uint64_t operation = 0;
  TearMode mode = TearMode::kNothing;
};

// Errands with a cut in them, and more without.
class CutLab {
 public:
  CutLab(const Cut& cut, LockstepHost* host) : lab_(quiet_options(), host) {
    lab_.sim().run(Duration::minutes(3));
    lab_.world().cut_at_flash_operation(cut.operation, cut.mode, kOff);
    run_errands(lab_, "RB473124829CN", "SECOND1");
  }

  Lab& lab() { return lab_; }
  /// What must hold whatever happened.
  void expect_good_end() {
    EXPECT_GE(lab_.counters().boots, 2U) << "the cut never came";
    ASSERT_TRUE(lab_.sim().drain()) << "the station has events that never arrive";
    EXPECT_EQ(lab_.sim().difference(), "");
    EXPECT_EQ(lab_.parcels_inside(), 0) << "a parcel is inside and its owner cannot get at it";
    // Four, and one more each that had to begin again after the cut.
    EXPECT_LE(lab_.openings(), 6U);
    const std::uint64_t before = lab_.counters().of(Use::kCollection);
    run_errands(lab_, "THIRD1", "FOURTH1");
    EXPECT_EQ(lab_.counters().of(Use::kCollection), before + 2) << "the station does not serve any more";
    EXPECT_EQ(lab_.sim().difference(), "");
  }

 private:
  Lab lab_;
};

// Of the errands, when nothing is cut.
std::uint64_t operations_of_errands() {
  Lab lab(quiet_options(), nullptr);
  lab.sim().run(Duration::minutes(3));
  const std::uint64_t before = lab.counters().flash_operations;
  run_errands(lab, "RB473124829CN", "SECOND1");
  EXPECT_EQ(lab.openings(), 4U);
  return lab.counters().flash_operations - before;
}

Cut draw_cut(Prng& dice, std::uint64_t operations) {
  return {.operation = dice.below(operations),
          .mode = static_cast<TearMode>(dice.below(static_cast<std::uint64_t>(TearMode::kCount)))};
}

std::string name_of(const Cut& cut) {
  return "flash operation " + std::to_string(cut.operation) + ", tear mode " +
         std::to_string(static_cast<int>(cut.mode));
}

// The guest answers to the cut as the controller in here does.
TEST(Lockstep, PowerCutsGiveTheSameBytes) {
  Prng dice(sim::seed_of(23));
  const std::uint64_t operations = operations_of_errands();
  const std::uint32_t cuts = sim::scaled(2, 5, 40);
  for (std::uint32_t i = 0; i < cuts; ++i) {
    const Cut cut = draw_cut(dice, operations);
    SCOPED_TRACE(name_of(cut));
    CutLab local(cut, nullptr);
    GuestProcess process(guest_command());
    LockstepHost host(process);
    CutLab remote(cut, &host);
    ASSERT_TRUE(remote.lab().outcome() == local.lab().outcome());
    ASSERT_EQ(host.failure(), "");
    ASSERT_NO_FATAL_FAILURE(remote.expect_good_end());
  }
}

// The guest is killed in the middle of the operation, on the instruction at which it waits for its end.
TEST(Lockstep, KilledAtFlashOperations) {
  Prng dice(sim::seed_of(29));
  const std::uint64_t operations = operations_of_errands();
  ASSERT_GE(operations, 16U);
  const std::uint32_t cuts = sim::scaled(4, 12, 200);
  for (std::uint32_t i = 0; i < cuts; ++i) {
    const Cut cut = draw_cut(dice, operations);
    SCOPED_TRACE(name_of(cut));
    GuestProcess process(guest_command());
    LockstepHost host(process, LockstepHost::AtCut::kDies);
    CutLab lab(cut, &host);
    ASSERT_NO_FATAL_FAILURE(lab.expect_good_end());
    ASSERT_EQ(host.failure(), "");
    ASSERT_EQ(host.deaths(), 1U);
    if (::testing::Test::HasFailure()) {
      return;
    }
  }
  std::printf("killed %u times, each at one of %llu flash operations\n", cuts,
              static_cast<unsigned long long>(operations));
}

}  // namespace
}  // namespace cubby::qemu

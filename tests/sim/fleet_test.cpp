// A fleet's books: what people did, what the controllers reported, what the aggregator counted.
#include <gtest/gtest.h>

#include <thread>

#include "emulator/scenario/profiles.h"
#include "sim/sim_fleet.h"
#include "tools/emulator/run_ahead.h"
#include "tools/emulator/shard_exchange.h"

namespace cubby::sim {
namespace {

// Each of the days of a bad year: every station loses mains and link often, bolts stick, doors stay open.
SimOptions bad_days(std::uint64_t seed, std::uint32_t stations) {
  SimOptions options = SimFleet::options(seed, stations);
  options.profile.mains_losses_per_year = 1500;
  options.profile.battery_s = 10;
  options.profile.mains_loss_max_s = 1800;
  options.profile.network_up_per_million = 900'000;
  options.profile.failed_open_per_million = 20'000;
  options.profile.left_open_per_million = 10'000;
  options.profile.mistype_per_million = 100'000;
  return options;
}

std::string again(std::uint64_t seed, const char* test) {
  return "again: CUBBY_SEED=" + std::to_string(seed) + " cubby_sim_tests --gtest_filter=" + test;
}

void expect_conservation(SimFleet& sim) {
  for (std::size_t i = 0; i < sim.fleet().station_count(); ++i) {
    for (std::size_t c = 0; c < sim.station(i).compartment_count(); ++c) {
      const std::int64_t inside = sim.truly_inside(i, c);
      ASSERT_TRUE(inside == 0 || inside == 1)
          << sim.station(i).name() << " compartment " << c + 1 << " holds " << inside;
    }
  }
}

// S4, S7: no compartment ever holds two parcels, and the books are equal.
TEST(Fleet, BooksAreExactThroughBadDays) {
  const std::uint64_t first = seed_of(1);
  for (std::uint64_t seed = first; seed < first + scaled(8, 30, 500); ++seed) {
    SCOPED_TRACE(again(seed, "Fleet.BooksAreExactThroughBadDays"));
    SimFleet sim(bad_days(seed, 6));
    for (int day = 0; day < 4; ++day) {
      sim.run(Duration::hours(24));
      expect_conservation(sim);
    }
    ASSERT_TRUE(sim.drain());
    const emulator::StationCounters totals = sim.fleet().totals();
    EXPECT_GT(totals.of(emulator::Use::kDeposit), 300U);
    EXPECT_GT(totals.of(emulator::Use::kCollection), 100U);
    EXPECT_GT(totals.boots, 12U);
    EXPECT_GT(totals.wrong_codes, 5U);
    EXPECT_EQ(sim.difference(), "");
    if (::testing::Test::HasFailure()) {
      return;
    }
  }
}

TEST(Fleet, BooksAreExactWithShortCodesAndTheirSecondInputs) {
  const std::uint64_t seed = seed_of(6);
  SCOPED_TRACE(again(seed, "Fleet.BooksAreExactWithShortCodesAndTheirSecondInputs"));
  SimOptions options = bad_days(seed, 6);
  options.fleet.code_digits = 6;
  SimFleet sim(options);
  for (int day = 0; day < 4; ++day) {
    sim.run(Duration::hours(24));
    expect_conservation(sim);
  }
  ASSERT_TRUE(sim.drain());
  const emulator::StationCounters totals = sim.fleet().totals();
  EXPECT_GT(totals.of(emulator::Use::kDeposit), 300U);
  EXPECT_GT(totals.of(emulator::Use::kCollection), 100U);
  EXPECT_GT(totals.boots, 12U);
  EXPECT_GT(totals.wrong_codes, 5U);
  EXPECT_EQ(sim.difference(), "");
}

// S6, S8 and A1: what was acknowledged is there after the aggregator comes back, what was not is sent again.
TEST(Fleet, BooksAreExactWhenTheAggregatorIsKilled) {
  const std::uint64_t seed = seed_of(2);
  SCOPED_TRACE(again(seed, "Fleet.BooksAreExactWhenTheAggregatorIsKilled"));
  SimFleet sim(SimFleet::options(seed, 10));
  sim.run(Duration::hours(9));
  for (int kill = 0; kill < 60; ++kill) {
    sim.run(Duration::minutes(1 + kill % 7));
    sim.centre().restart();
  }
  sim.run(Duration::hours(10));
  ASSERT_TRUE(sim.drain());
  EXPECT_GT(sim.fleet().totals().of(emulator::Use::kDeposit), 300U);
  EXPECT_EQ(sim.difference(), "");
}

// The checker itself: a ledger with one deposit more than was reported must not pass.
TEST(Fleet, CanaryAMissingDepositIsFound) {
  SimFleet sim(SimFleet::options(3, 1));
  sim.run(Duration::hours(24));
  ASSERT_TRUE(sim.drain());
  ASSERT_EQ(sim.difference(), "");
  auto& row = const_cast<emulator::LedgerRow&>(sim.station().ledger()[40]);  // Only here: people would never.
  ++row.observable[static_cast<std::size_t>(emulator::Use::kDeposit)];
  EXPECT_NE(sim.difference(), "");
}

struct HashOf {
  std::uint64_t seed = 7;
  std::size_t shards = 1;
  bool skip_idle_polls = true;
  bool item_sensors = false;
  bool run_quiet_ones = false;  // Take every station each minute, so that none is left out.
  bool runs_ahead = false;      // Each station as far as it can go alone.
};

std::uint64_t hash_after_a_day(const HashOf& what) {
  SimOptions options = bad_days(what.seed, 9);
  options.fleet.skip_idle_polls = what.skip_idle_polls;
  options.fleet.item_sensors = what.item_sensors;
  std::vector<emulator::RoomMeter> meters(what.shards);
  emulator::Fleet fleet(options.profile, options.fleet, what.shards, meters);
  const auto run_shard = [&](std::size_t shard) {
    tools::ShardExchange exchange(fleet, fleet.shard_begin(shard), fleet.shard_begin(shard + 1),
                                  tools::make_ack_centre());
    if (what.runs_ahead) {
      tools::RunAhead ahead(fleet, fleet.shard_begin(shard), fleet.shard_begin(shard + 1), 60'000'000, 2);
      exchange.connect(fleet.start_utc_ms());
      for (int minute = 0; minute < 24 * 60; minute += 48) {
        ASSERT_TRUE(ahead.run(exchange.centre(), minute, minute + 48));
      }
      return;
    }
    for (int minute = 1; minute <= 24 * 60; ++minute) {
      const Instant end = Instant{} + Duration::minutes(minute);
      for (std::size_t i = fleet.shard_begin(shard); what.run_quiet_ones && i < fleet.shard_begin(shard + 1); ++i) {
        (void)fleet.station(i);
      }
      fleet.run_shard(shard, end);
      exchange.exchange(fleet.start_utc_ms() + static_cast<std::uint64_t>(end.ms()));
    }
  };
  std::vector<std::jthread> threads;
  for (std::size_t shard = 0; shard < what.shards; ++shard) {
    threads.emplace_back(run_shard, shard);
  }
  threads.clear();
  EXPECT_GT(fleet.totals().of(emulator::Use::kDeposit), 100U);
  return fleet.trace_hash();
}

TEST(Fleet, HashIsTheSeedsAlone) {
  const std::uint64_t one = hash_after_a_day({});
  EXPECT_EQ(hash_after_a_day({}), one);
  EXPECT_EQ(hash_after_a_day({.shards = 2}), one);
  EXPECT_EQ(hash_after_a_day({.shards = 5}), one);
  EXPECT_NE(hash_after_a_day({.seed = 8}), one);
}

// Idle polls that cannot read anything new change nothing (DESIGN: virtual time).
TEST(Fleet, SkippedIdlePollsChangeNothing) {
  EXPECT_EQ(hash_after_a_day({.skip_idle_polls = false}), hash_after_a_day({.skip_idle_polls = true}));
  EXPECT_EQ(hash_after_a_day({.skip_idle_polls = false, .item_sensors = true}),
            hash_after_a_day({.skip_idle_polls = true, .item_sensors = true}));
}

// A station that has nothing to do in a window is not run, and is brought up to its end when somebody speaks to it.
TEST(Fleet, QuietStationsAreLeftOutWithoutATrace) {
  EXPECT_EQ(hash_after_a_day({.run_quiet_ones = true}), hash_after_a_day({}));
}

// A station waits for its own answers only, and does what it does when all go window by window.
TEST(Fleet, StationsRunAheadWithoutATrace) {
  EXPECT_EQ(hash_after_a_day({.runs_ahead = true}), hash_after_a_day({}));
  EXPECT_EQ(hash_after_a_day({.seed = 8, .shards = 2, .runs_ahead = true}), hash_after_a_day({.seed = 8}));
}

TEST(Fleet, ThatRunsAheadLosesNothingWithItsCentre) {
  SimFleet sim(SimFleet::options(seed_of(7), 5));
  for (std::uint32_t i = 1; i <= 6; ++i) {
    sim.centre().restart_at_await(i * 3);
    sim.run_ahead(Duration::hours(4));
    sim.run(Duration::minutes(3));
  }
  ASSERT_TRUE(sim.drain());
  EXPECT_GT(sim.fleet().totals().of(emulator::Use::kDeposit), 100U);
  EXPECT_EQ(sim.difference(), "");
}

// Found in 45 days of 2,800 stations: the Challenge for a Hello that a power cut had swallowed came to the station's
// next connection, which proved itself with it and was refused.
TEST(Fleet, AnswersToAConnectionThatIsGoneAreNotHeardByTheNext) {
  SimOptions options = SimFleet::options(seed_of(1), 6);
  options.profile.mains_losses_per_year = 365 * 24 * 6;
  options.profile.battery_s = 0;
  options.profile.mains_loss_min_s = 1;
  options.profile.mains_loss_max_s = 3;
  std::vector<emulator::RoomMeter> meters(1);
  emulator::Fleet alone(options.profile, options.fleet, 1, meters);
  tools::ShardExchange exchange(alone, 0, alone.station_count(), tools::make_ack_centre());
  for (int minute = 1; minute <= 12 * 60; ++minute) {
    alone.run_shard(0, Instant{} + Duration::minutes(minute));
    exchange.exchange(alone.start_utc_ms() + static_cast<std::uint64_t>(minute) * 60'000);
  }
  for (const bool runs_ahead : {false, true}) {
    SCOPED_TRACE(runs_ahead);
    SimFleet sim(options);
    if (runs_ahead) {
      sim.run_ahead(Duration::hours(12));
    } else {
      sim.run(Duration::hours(12));
    }
    EXPECT_GT(sim.centre().counters().sessions, 200U);
    EXPECT_EQ(sim.centre().counters().refusals, 0U);
    EXPECT_EQ(sim.fleet().trace_hash(), alone.trace_hash());
    ASSERT_TRUE(sim.drain());
    EXPECT_EQ(sim.difference(), "");
  }
}

// Who comes to a station that was quiet for long comes now, not when something happened there last.
std::uint64_t hash_of_a_late_visit(bool run_quiet_ones) {
  SimOptions options = SimFleet::options(9, 1);
  options.fleet.demand = false;
  std::vector<emulator::RoomMeter> meters(1);
  emulator::Fleet fleet(options.profile, options.fleet, 1, meters);
  for (int minute = 1; minute <= 180; ++minute) {
    if (run_quiet_ones) {
      (void)fleet.station(0);
    }
    fleet.run_shard(0, Instant{} + Duration::minutes(minute));
    if (minute == 148) {
      EXPECT_EQ(fleet.touched(0), run_quiet_ones) << "choose a minute in which it is quiet";
      emulator::Injection deposit;
      deposit.size = 1;
      deposit.carrier = "sf";
      (void)fleet.station(0).inject(deposit);
    }
  }
  EXPECT_EQ(fleet.totals().of(emulator::Use::kDeposit), 1U);
  return fleet.trace_hash();
}

TEST(Fleet, AQuietStationIsBroughtUpToTheTimeOfAVisit) {
  EXPECT_EQ(hash_of_a_late_visit(false), hash_of_a_late_visit(true));
}

// In real time a link may die without a word: a quiet station then says every 30 s that it is there, and is answered.
std::size_t windows_with_words(bool pings) {
  SimOptions options = SimFleet::options(9, 1);
  options.fleet.demand = false;
  options.fleet.pings = pings;
  options.window_s = 1;
  SimFleet sim(options);
  sim.run(Duration::minutes(20));
  std::size_t windows = 0;
  for (int second = 0; second < 600; ++second) {
    sim.run(Duration::seconds(1));
    windows += sim.fleet().touched(0) ? 1 : 0;
  }
  return windows;
}

TEST(Fleet, QuietStationsPingWhenLinksMayDie) {
  EXPECT_EQ(windows_with_words(false), 0U) << "choose ten minutes in which it is quiet";
  const std::size_t windows = windows_with_words(true);
  EXPECT_GE(windows, 20U);
  EXPECT_LE(windows, 3U * 20U) << "a ping, its answer, and the window that takes it";
}

// A door that moves is news of one board: its first reading is an idle poll, and who polls the others reads nothing.
TEST(Fleet, OnlyTheBoardThatHasNewsIsPolled) {
  SimFleet sim(SimFleet::options(5, 10));
  sim.run(Duration::hours(24));
  const emulator::StationCounters totals = sim.fleet().totals();
  std::uint64_t openings = 0;
  for (std::size_t i = 0; i < sim.fleet().station_count(); ++i) {
    for (const emulator::LedgerRow& row : sim.station(i).ledger()) {
      openings += row.door_openings;
    }
  }
  ASSERT_GT(openings, 400U);
  constexpr std::uint64_t kFramesOfAPoll = 2;
  constexpr std::uint64_t kEdges = 2;  // It opens, and is shut.
  EXPECT_GE(totals.bus_idle_frames, kFramesOfAPoll * openings);
  EXPECT_LE(totals.bus_idle_frames, kFramesOfAPoll * kEdges * openings * 3 / 2);  // Switches chatter.
}

// At most 8 events a collected parcel: what a parcel costs the uplink and the store.
TEST(Fleet, AParcelIsFewEvents) {
  SimFleet sim(SimFleet::options(4, 10));
  sim.run(Duration::hours(5 * 24));
  const emulator::StationCounters totals = sim.fleet().totals();
  ASSERT_GT(totals.of(emulator::Use::kCollection), 1000U);
  EXPECT_LE(totals.events, 8 * totals.of(emulator::Use::kCollection));
}

}  // namespace
}  // namespace cubby::sim

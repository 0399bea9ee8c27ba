// What a profile can ask for beyond the province's usual days, in whole stations.
#include <gtest/gtest.h>

#include "emulator/scenario/profiles.h"
#include "sim/sim_fleet.h"

namespace cubby::sim {
namespace {

using emulator::Use;

constexpr std::uint32_t kStations = 4;

SimOptions quiet_days(std::uint64_t usual_seed) {
  SimOptions options = SimFleet::options(seed_of(usual_seed), kStations);
  options.profile.mains_losses_per_year = 0;
  options.profile.network_up_per_million = 1'000'000;
  options.profile.failed_open_per_million = 0;
  options.profile.left_open_per_million = 0;
  return options;
}

emulator::StationCounters play(const SimOptions& options, int days) {
  SimFleet sim(options);
  sim.run(Duration::hours(24 * days));
  EXPECT_TRUE(sim.drain());
  EXPECT_EQ(sim.difference(), "");
  return sim.fleet().totals();
}

std::uint64_t hash_of(SimOptions options, bool skip_idle_polls, Duration time) {
  options.fleet.skip_idle_polls = skip_idle_polls;
  SimFleet sim(options);
  sim.run(time);
  return sim.fleet().trace_hash();
}

TEST(Demand, ARecipientInTwoWantsNoneOfItAndItsCourierTakesItBack) {
  SimOptions options = quiet_days(71);
  options.profile.refusal_per_million = 500'000;
  options.profile.retention_h = 300;  // Nothing else is recalled.
  const auto totals = play(options, 4);
  const auto looked = totals.of(Use::kRefusal) + totals.of(Use::kCollection);
  ASSERT_GT(looked, 200U);
  EXPECT_NEAR(static_cast<double>(totals.of(Use::kRefusal)) / static_cast<double>(looked), 0.5,
              0.13);  // Four sigma of 250.
  EXPECT_GT(totals.of(Use::kRecall), 20U);
  EXPECT_LE(totals.of(Use::kRecall), totals.of(Use::kRefusal));
}

TEST(Demand, ASeasonMovesTheNumberOfParcelsAndEndsThem) {
  SimOptions options = quiet_days(72);
  const auto usual = play(options, 2).of(Use::kDeposit);
  const std::int32_t begin = options.profile.first_day;
  options.profile.seasons = {{.from = begin, .to = begin + 2, .demand_percent = 187}};
  const auto more = play(options, 2).of(Use::kDeposit);
  EXPECT_GT(more, usual * 5 / 4);  // Some find no door.
  options.profile.seasons = {{.from = begin, .to = begin + 9, .demand_percent = 0}};
  EXPECT_EQ(play(options, 2).of(Use::kDeposit), 0U);
  options.profile.seasons.clear();
  options.profile.weekday_percent = {0, 0, 0, 0, 0, 100, 100};  // It begins on a Monday.
  EXPECT_EQ(play(options, 5).of(Use::kDeposit), 0U);
  EXPECT_GT(play(options, 6).of(Use::kDeposit), 0U);
}

TEST(Demand, BoltsStickInTheSeasonOfCold) {
  SimOptions options = quiet_days(73);
  const auto warm = play(options, 2);
  const std::int32_t begin = options.profile.first_day;
  options.profile.seasons = {
      {.from = begin, .to = begin + 2, .demand_percent = 100, .failed_open_per_million = 300'000}};
  const auto cold = play(options, 2);
  EXPECT_GT(cold.bus_frames, warm.bus_frames * 11 / 10) << "another attempt is another frame";
}

TEST(Demand, SilentBoardsComeByThemselvesAndMoveNothingElse) {
  SimOptions options = quiet_days(74);
  const auto without = play(options, 3);
  options.profile.board_silences_per_year = 2'000;  // Five a day.
  options.profile.board_silence_min_s = 10;
  options.profile.board_silence_max_s = 1'800;
  const auto with = play(options, 3);
  EXPECT_GT(with.events, without.events + 20) << "each is told";
  EXPECT_EQ(hash_of(options, true, Duration::hours(8)), hash_of(options, false, Duration::hours(8)));
  options.fleet.board_family = BoardFamily::kP1;
  play(options, 1);
}

TEST(Demand, SingleParcelsComeAtAllHoursAndNobodyRecallsThem) {
  SimOptions options = SimFleet::options(seed_of(75), kStations);
  options.profile = *emulator::find_profile("erlang");
  options.profile.dwell_mean_s = 7'200;
  SimFleet sim(options);
  std::array<std::uint64_t, 24> deposits{};
  for (std::size_t hour = 0; hour < 24 * 3; ++hour) {
    const auto before = sim.fleet().totals().of(Use::kDeposit);
    sim.run(Duration::hours(1));
    deposits[hour % 24] += sim.fleet().totals().of(Use::kDeposit) - before;
  }
  ASSERT_TRUE(sim.drain());
  EXPECT_EQ(sim.difference(), "");
  for (const std::uint64_t count : deposits) {
    EXPECT_NEAR(static_cast<double>(count), 240, 85);  // 20 an hour, 4 stations, 3 days; five sigma and the start.
  }
  EXPECT_EQ(sim.fleet().totals().of(Use::kRecall), 0U);
}

TEST(Demand, EagerHoursMoveCollectionsAndNotTheirNumber) {
  SimOptions options = quiet_days(76);
  options.profile.quiet_until_h = 0;
  options.profile.collection_hour_percent.fill(1);
  options.profile.collection_hour_percent[19] = 1'000;
  SimFleet sim(options);
  std::uint64_t eager = 0;
  for (int hour = 0; hour < 24 * 4; ++hour) {
    const auto before = sim.fleet().totals().of(Use::kCollection);
    sim.run(Duration::hours(1));
    eager +=
        hour % 24 == 19 || hour % 24 == 20 ? sim.fleet().totals().of(Use::kCollection) - before : 0;  // And who queues.
  }
  const auto all = sim.fleet().totals().of(Use::kCollection);
  EXPECT_GT(all, 200U);
  EXPECT_GT(eager * 10, all * 8);
}

}  // namespace
}  // namespace cubby::sim

// What a profile's numbers mean: when people come, how long parcels stay, and how many there are on which day.
#include <gtest/gtest.h>

#include <cmath>

#include "emulator/people/demand.h"
#include "emulator/people/distributions.h"
#include "emulator/scenario/profiles.h"

namespace cubby::emulator {
namespace {

constexpr std::int64_t kHourUs = 3'600'000'000;

std::int64_t minutes_until(const Profile& profile, int stored_h, std::int64_t dwell_min) {
  return until_collection(profile, stored_h * kHourUs, Duration::minutes(dwell_min)).us / 60'000'000;
}

// Standard error of the exponential's mean: 160 s; of the lognormal's: 130 s.
TEST(Demand, TheThreeKindsOfDwellHaveTheMeanThatTheOfferedLoadCountsWith) {
  Profile profile = *find_profile("erlang");
  for (const DwellKind kind : {DwellKind::kLognormal, DwellKind::kExponential, DwellKind::kConstant}) {
    profile.dwell = kind;
    EXPECT_NEAR(mean_dwell_s(profile), 72'000, 0.1);
    Prng dice(3);
    double sum = 0;
    constexpr int kDraws = 200'000;
    for (int i = 0; i < kDraws; ++i) {
      sum += static_cast<double>(draw_dwell(dice, profile).us) / 1e6;
    }
    EXPECT_NEAR(sum / kDraws, 72'000, 500) << static_cast<int>(kind);
  }
}

TEST(Demand, APoissonProcessBringsTheOfferedLoad) {
  Profile profile = *find_profile("erlang");
  profile.dwell = DwellKind::kConstant;
  // 18 s and 12 s are medians: means are exp(0.2^2 / 2) as much. Two seconds to the panel.
  EXPECT_NEAR(mean_holding_s(profile), 72'000 + 30 * std::exp(0.02) + 2, 1e-6);
  Prng dice(4);
  double sum = 0;
  double squares = 0;
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) {
    const double gap = static_cast<double>(draw_arrival_gap(dice, profile, 2).us) / 1e6;
    sum += gap;
    squares += gap * gap;
  }
  const double mean = sum / kDraws;
  EXPECT_NEAR(mean_holding_s(profile) / mean, 2 * 40, 0.7);
  EXPECT_NEAR(squares / kDraws / (mean * mean), 2, 0.03) << "gaps are exponential";
}

TEST(Demand, WhoWouldComeInTheSmallHoursComesAfterThem) {
  const Profile profile = *find_profile("shanxi");
  EXPECT_EQ(minutes_until(profile, 9, 120), 120);
  EXPECT_EQ(minutes_until(profile, 23, 60), 8 * 60);            // Midnight becomes 07:00.
  EXPECT_EQ(minutes_until(profile, 20, 7 * 60 + 30), 12 * 60);  // 03:30 becomes 08:00.
  EXPECT_EQ(minutes_until(profile, 20, 11 * 60), 11 * 60);
}

TEST(Demand, EagerHoursPassFasterAndAWholeDayTakesADay) {
  Profile profile = *find_profile("erlang");
  auto& percent = profile.collection_hour_percent;
  percent.fill(100);
  percent[12] = 200;
  percent[3] = 0;
  EXPECT_EQ(minutes_until(profile, 12, 60), 30);
  EXPECT_EQ(minutes_until(profile, 12, 120), 60);  // Used up to the last second.
  EXPECT_EQ(minutes_until(profile, 2, 90), 150);   // Nobody comes from 03 to 04.
  EXPECT_EQ(minutes_until(profile, 3, 0), 60);
  for (int hour = 0; hour < 24; ++hour) {
    EXPECT_EQ(minutes_until(profile, hour, 24 * 60 * 5), 24 * 60 * 5 + (hour == 3 ? 60 : 0)) << hour;
  }
}

TEST(Demand, FollowsTheWeekAndTheSeason) {
  Profile profile = *find_profile("shanxi");
  EXPECT_EQ(day_factor(profile, profile.first_day), 1.0);
  profile.weekday_percent = {90, 100, 100, 100, 100, 110, 50};
  EXPECT_EQ(day_factor(profile, profile.first_day), 0.9);  // A Monday.
  EXPECT_EQ(day_factor(profile, profile.first_day + 6), 0.5);
  EXPECT_EQ(day_factor(profile, profile.first_day + 12), 1.1);
  const std::int32_t begin = profile.first_day + 7;
  profile.seasons = {{.from = begin, .to = begin + 2, .demand_percent = 187, .failed_open_per_million = 20'000}};
  EXPECT_EQ(day_factor(profile, begin - 1), 0.5);
  EXPECT_EQ(day_factor(profile, begin), 0.9 * 1.87);
  EXPECT_EQ(day_factor(profile, begin + 1), 1.87);
  EXPECT_EQ(day_factor(profile, begin + 2), 1.0);
  const std::uint64_t midnight_ms = profile.start_utc_ms() + 7 * 86'400'000ULL;
  EXPECT_EQ(failed_open_per_million(profile, midnight_ms - 1), 1'000U);
  EXPECT_EQ(failed_open_per_million(profile, midnight_ms), 20'000U);
  EXPECT_EQ(failed_open_per_million(profile, midnight_ms + 2 * 86'400'000ULL), 1'000U);
}

}  // namespace
}  // namespace cubby::emulator

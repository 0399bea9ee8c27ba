// The demand model: distributions, profiles, and a station that is saved and goes on.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "emulator/fleet/fleet.h"
#include "emulator/fleet/station_builder.h"
#include "emulator/people/distributions.h"
#include "emulator/people/people.h"
#include "emulator/scenario/profiles.h"

namespace cubby::emulator {
namespace {

TEST(Distributions, LogAndExpAreTheLibrarysToTwelveDigits) {
  for (double x = 1e-6; x < 1e6; x *= 1.37) {
    EXPECT_NEAR(exact_log(x), std::log(x), 1e-12 * std::max(1.0, std::abs(std::log(x)))) << x;
  }
  for (double x = -20; x < 20; x += 0.173) {
    EXPECT_NEAR(exact_exp(x) / std::exp(x), 1, 1e-12) << x;
  }
}

// WORKLOAD: median 8.5 h, mean 21.0 h. Standard errors of 200,000 draws: 0.03 and 0.1.
TEST(Distributions, DwellHasTheStatedMedianAndMean) {
  Prng dice(2);
  std::vector<double> hours;
  double sum = 0;
  for (int i = 0; i < 200'000; ++i) {
    hours.push_back(lognormal(dice, 2.145, 1.342));
    sum += hours.back();
  }
  std::nth_element(hours.begin(), hours.begin() + 100'000, hours.end());
  EXPECT_NEAR(hours[100'000], 8.54, 0.15);
  EXPECT_NEAR(sum / 200'000, 21.0, 0.7);
}

TEST(Distributions, StayInTheirRange) {
  Prng dice(4);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double u = uniform(dice);
    ASSERT_TRUE(u > 0 && u < 1);
    const double l = log_uniform(dice, 60, 7200);
    ASSERT_TRUE(l >= 60 && l <= 7200);
    sum += exponential(dice, 20);
  }
  EXPECT_NEAR(sum / 100'000, 20, 0.4);
}

TEST(Profiles, TheProvinceIsTheOneOfTheWorkload) {
  const auto profile = find_profile("shanxi");
  ASSERT_TRUE(profile.has_value());
  EXPECT_FALSE(find_profile("elsewhere").has_value());
  EXPECT_EQ(profile->stations, 2'800U);
  EXPECT_EQ(profile->carriers.size(), 35U);
  EXPECT_EQ(profile->cities.size(), 11U);
  std::map<std::uint32_t, int> stations;
  std::uint64_t doors = 0;
  std::map<std::size_t, int> cities;
  for (const StationPlan& plan : plan_stations(*profile, profile->stations)) {
    const ProfileLayout& layout = profile->layouts[plan.layout];
    const std::uint32_t count = layout.doors_l + layout.doors_m + layout.doors_s;
    ++stations[count];
    doors += count;
    ++cities[plan.city];
  }
  EXPECT_EQ(stations, (std::map<std::uint32_t, int>{{46, 412}, {72, 1'260}, {98, 1'128}}));
  EXPECT_EQ(doors, 220'216U);
  EXPECT_EQ(cities.size(), 11U);
}

// Every prefix of the province is a fair sample of it.
TEST(Profiles, APrefixIsAFairSample) {
  const auto profile = find_profile("shanxi");
  for (const std::size_t count : {28U, 100U, 280U}) {
    std::uint64_t doors = 0;
    for (const StationPlan& plan : plan_stations(*profile, count)) {
      const ProfileLayout& layout = profile->layouts[plan.layout];
      doors += layout.doors_l + layout.doors_m + layout.doors_s;
    }
    EXPECT_NEAR(static_cast<double>(doors) / static_cast<double>(count), 78.65, 1.0) << count;
  }
}

struct Saving : ::testing::Test {
  std::unique_ptr<Fleet> make() {
    FleetOptions options;
    options.seed = 5;
    options.stations = 1;
    StationKey key;
    key.fill(std::byte{7});
    options.fleet_keys = FleetKeys(key);
    return std::make_unique<Fleet>(profile, options, 1, meters);
  }
  Profile profile = *find_profile("shanxi");
  std::vector<RoomMeter> meters = std::vector<RoomMeter>(1);
};

// A saved station that is loaded twice does the same twice, to the last bit.
TEST_F(Saving, WhatIsLoadedGoesOnTheSameWay) {
  for (const int hours : {1, 10, 12, 15, 26}) {
    const auto fleet = make();
    fleet->run_shard(0, Instant{} + Duration::hours(hours));
    std::vector<std::byte> blob;
    fleet->station(0).save(blob);
    std::uint64_t hashes[2] = {};
    std::uint64_t deposits = 0;
    for (std::uint64_t& hash : hashes) {
      const auto again = make();
      ASSERT_EQ(again->station(0).load(blob), Status::kOk);
      again->run_shard(0, Instant{} + Duration::hours(hours + 48));
      hash = again->station(0).trace_hash();
      deposits = again->station(0).counters().of(Use::kDeposit);
    }
    EXPECT_EQ(hashes[0], hashes[1]) << "saved after " << hours << " h";
    EXPECT_GT(deposits, fleet->station(0).counters().of(Use::kDeposit));
  }
}

TEST_F(Saving, ADamagedStateIsRefused) {
  const auto fleet = make();
  fleet->run_shard(0, Instant{} + Duration::hours(12));
  std::vector<std::byte> blob;
  fleet->station(0).save(blob);
  for (std::size_t i = 0; i < blob.size(); i += 211) {
    std::vector<std::byte> bad = blob;
    bad[i] ^= std::byte{4};
    EXPECT_EQ(make()->station(0).load(bad), Status::kCorrupt) << "byte " << i;
  }
  EXPECT_EQ(make()->station(0).load(Bytes(blob).first(blob.size() / 2)), Status::kCorrupt);
  EXPECT_EQ(make()->station(0).load({}), Status::kCorrupt);
}

}  // namespace
}  // namespace cubby::emulator

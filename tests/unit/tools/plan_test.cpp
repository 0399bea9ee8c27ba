// `cubby plan`: candidates, intervals and advice; what it simulates is in tests/integration/plan.py.
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "emulator/scenario/profiles.h"
#include "firmware/base/prng.h"
#include "tools/cubby/plan_output.h"
#include "tools/cubby/plan_simulation.h"

namespace cubby::tools {
namespace {

TEST(PlanLayouts, AreReadAsTheMakerWritesThem) {
  PlanLayout layout;
  EXPECT_EQ(parse_layout("4/11/31", layout), "");
  EXPECT_EQ(layout.doors(), 46U);
  EXPECT_EQ(to_string(layout), "4/11/31");
  for (const char* text : {"", "4/11", "4/11/31/2", "4/11/31x", "-1/2/3", "0/0/0", "100/60/33", "4,11,31", " 4/11/31",
                           "4/11/99999999999999999999"}) {
    EXPECT_NE(parse_layout(text, layout), "") << text;
  }
}

TEST(PlanLayouts, OfARangeHaveExactlySoManyDoors) {
  std::vector<PlanLayout> layouts;
  ASSERT_EQ(parse_door_range("1:192", "8/24/68", layouts), "");
  ASSERT_EQ(layouts.size(), 192U);
  for (std::uint32_t i = 0; i < 192; ++i) {
    EXPECT_EQ(layouts[i].doors(), i + 1);
  }
  EXPECT_EQ(to_string(layouts[99]), "8/24/68");
  EXPECT_EQ(to_string(layouts[0]), "0/0/1");
  layouts.clear();
  ASSERT_EQ(parse_door_range("46:60:4", "0/0/1", layouts), "");
  ASSERT_EQ(layouts.size(), 4U);
  EXPECT_EQ(layouts[3].doors_s, 58U);
  for (const char* text : {"", "46", "60:46", "0:10", "1:193", "1:10:0", "1:10:1:1", "a:b"}) {
    EXPECT_NE(parse_door_range(text, "1/1/1", layouts), "") << text;
  }
  for (const char* shares : {"", "1/1", "0/0/0", "1/1/x"}) {
    EXPECT_NE(parse_door_range("1:10", shares, layouts), "") << shares;
  }
}

// By hand: shares 2/10, 4/10, 6/10 of equal wholes; mean 0.4, standard error 0.2 / sqrt(3) = 0.11547, and Student's
// quantile for two degrees of freedom at 97.5 % is 4.302653.
TEST(PlanIntervals, AreStudentsOfIndependentStations) {
  const std::vector<Replication> stations{{.offered = 1000, .turned_away = 200},
                                          {.offered = 1000, .turned_away = 400},
                                          {.offered = 1000, .turned_away = 600}};
  const Share share = turned_away_share(stations, 0.95);
  EXPECT_DOUBLE_EQ(share.estimate, 0.4);
  EXPECT_NEAR(share.high - share.estimate, 4.302653 * 0.1154701, 1e-6);
  EXPECT_DOUBLE_EQ(share.low, 0);  // It would lie below.
}

// The rule of three: 0 of n, and 3.7 / n may be behind it at 97.5 %.
TEST(PlanIntervals, AreNotEmptyWhereNobodyWasTurnedAway) {
  const std::vector<Replication> stations(10, Replication{.offered = 100});
  const Share share = turned_away_share(stations, 0.95);
  EXPECT_EQ(share.estimate, 0);
  EXPECT_EQ(share.low, 0);
  EXPECT_NEAR(share.high, 3.689 / 1000, 1e-5);
}

// Of made-up stations with a known share nine in ten intervals hold it.
TEST(PlanIntervals, HoldTheTrueShareAsOftenAsTheySay) {
  Prng dice(5);
  int held = 0;
  constexpr int kTrials = 2000;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<Replication> stations(12);
    for (Replication& station : stations) {
      station.offered = 200 + dice.below(200);
      for (std::uint64_t i = 0; i < station.offered; ++i) {
        station.turned_away += dice.chance(50'000) ? 1 : 0;
      }
    }
    const Share share = turned_away_share(stations, 0.9);
    held += share.low <= 0.05 && 0.05 <= share.high ? 1 : 0;
  }
  EXPECT_NEAR(held, kTrials * 0.9, 5 * std::sqrt(kTrials * 0.9 * 0.1));
}

PlanRow row(std::uint32_t doors, std::uint32_t retention_h, PlanVerdict verdict, double estimate = 0) {
  return {.layout = {.doors_s = doors},
          .retention_h = retention_h,
          .turned_away = {.estimate = estimate},
          .verdict = verdict};
}

TEST(PlanAdvice, IsTheFewestDoorsThatHoldAndOfThoseTheLongestRetention) {
  EXPECT_EQ(verdict_of({.estimate = 0.01, .low = 0.005, .high = 0.02}, 0.02), PlanVerdict::kHolds);
  EXPECT_EQ(verdict_of({.estimate = 0.01, .low = 0.005, .high = 0.02}, 0.01), PlanVerdict::kOpen);
  EXPECT_EQ(verdict_of({.estimate = 0.01, .low = 0.005, .high = 0.02}, 0.004), PlanVerdict::kFails);
  using enum PlanVerdict;
  EXPECT_EQ(
      advised({row(40, 48, kFails), row(50, 48, kOpen), row(70, 48, kHolds), row(60, 24, kHolds), row(60, 48, kHolds)}),
      4U);
  EXPECT_EQ(advised({row(40, 48, kFails), row(50, 48, kOpen)}), 2U);
  EXPECT_EQ(advised({}), 0U);
}

TEST(PlanOutput, SaysTheSameInEveryForm) {
  PlanReport report{.profile = "shanxi",
                    .target = 0.01,
                    .confidence = 0.95,
                    .stations = 9,
                    .warm_up_days = 7,
                    .days = 14,
                    .rows = {}};
  report.rows = {row(46, 48, PlanVerdict::kFails, 0.27), row(98, 24, PlanVerdict::kHolds, 0.002),
                 row(98, 48, PlanVerdict::kOpen, 0.012)};
  std::ostringstream table;
  write_plan_table(table, report);
  EXPECT_NE(table.str().find("advised: 0/0/98 (98 doors) with a retention of 24 h"), std::string::npos) << table.str();
  std::ostringstream csv;
  write_plan_csv(csv, report);
  EXPECT_NE(csv.str().find("0,0,98,98,24,0,0.00200000,0.00000000,1.00000000,0.00000000,0.00000000,holds,true"),
            std::string::npos)
      << csv.str();
  std::ostringstream json;
  write_plan_json(json, report);
  EXPECT_NE(json.str().find("\"advised\":1"), std::string::npos) << json.str();
  std::ostringstream svg;
  write_plan_svg(svg, report);
  EXPECT_NE(svg.str().find("retention 24 h"), std::string::npos);
  EXPECT_EQ(svg.str().find("nan"), std::string::npos) << svg.str();
  EXPECT_EQ(svg.str().find("inf"), std::string::npos) << svg.str();
}

// One candidate is a picture, too.
TEST(PlanOutput, DrawsASinglePoint) {
  PlanReport report{.profile = "erlang", .target = 0.01, .confidence = 0.95, .rows = {}};
  report.rows = {row(50, 720, PlanVerdict::kOpen, 0.0)};
  std::ostringstream svg;
  write_plan_svg(svg, report);
  EXPECT_EQ(svg.str().find("nan"), std::string::npos) << svg.str();
  EXPECT_EQ(svg.str().find("inf"), std::string::npos) << svg.str();
}

// A retention and a layout reach the stations, and threads change nothing.
TEST(PlanSimulation, IsTheSameOverThreadsAndFollowsTheCandidate) {
  const auto profile = emulator::find_profile("shanxi");
  ASSERT_TRUE(profile.has_value());
  PlanSimulation how{.stations = 3, .warm_up_days = 1, .days = 3, .seed = 3, .threads = 1};
  const auto go_on = [] { return true; };
  const auto sums = [&](const PlanLayout& layout, std::uint32_t retention_h) {
    Replication sum;
    for (const Replication& station : simulate_plan(*profile, layout, retention_h, how, go_on)) {
      sum.offered += station.offered;
      sum.turned_away += station.turned_away;
      sum.recalled += station.recalled;
      EXPECT_GT(station.occupied, 0);
      EXPECT_LE(station.occupied, 1);
    }
    return sum;
  };
  const PlanLayout small{.doors_l = 2, .doors_m = 5, .doors_s = 13};
  const PlanLayout large{.doors_l = 12, .doors_m = 35, .doors_s = 103};
  const Replication of_small = sums(small, 48);
  const Replication of_large = sums(large, 48);
  EXPECT_GT(of_small.turned_away, of_large.turned_away);
  // Nearly the same parcels: visits go on otherwise where doors are lacking.
  EXPECT_NEAR(static_cast<double>(of_small.offered), static_cast<double>(of_large.offered),
              0.1 * static_cast<double>(of_large.offered));
  EXPECT_GT(sums(large, 6).recalled, of_large.recalled);
  how.threads = 3;
  EXPECT_EQ(sums(small, 48).turned_away, of_small.turned_away);
  EXPECT_TRUE(simulate_plan(*profile, small, 48, how, [] { return false; }).empty());
}

}  // namespace
}  // namespace cubby::tools

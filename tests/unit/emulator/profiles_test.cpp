// Profiles as TOML: what is read, what is refused and in which words, and that a profile that was printed is the same
// one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "emulator/scenario/profile_keys.h"
#include "emulator/scenario/profiles.h"

namespace cubby::emulator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::vector<std::string> problems_of(const std::string& text, const std::vector<std::string>& settings = {}) {
  Profile profile;
  return read_profile({.name = "mine", .file = "mine.toml", .text = text, .settings = settings}, profile);
}

Profile good(const std::string& text, const std::vector<std::string>& settings = {}) {
  Profile profile;
  EXPECT_THAT(read_profile({.name = "mine", .file = "mine.toml", .text = text, .settings = settings}, profile),
              IsEmpty());
  return profile;
}

TEST(Profiles, EveryBuiltInOneIsReadBackAsItIsPrinted) {
  EXPECT_THAT(profile_names(), ElementsAre("shanxi", "town", "erlang", "nation"));
  for (const std::string& name : profile_names()) {
    const Profile profile = *find_profile(name);
    EXPECT_EQ(profile.name, name);
    const Profile again = good(print_profile(profile));
    EXPECT_EQ(print_profile(again), print_profile(profile));
    EXPECT_EQ(profile_identity(again), profile_identity(profile)) << "its name is not part of it";
  }
  EXPECT_EQ(find_profile("nation")->stations, 28'000U);
  EXPECT_EQ(find_profile("town")->stations, 28U);
}

// No key is forgotten by the printer: each setting that changes something changes the identity.
TEST(Profiles, EveryKeyIsPartOfTheIdentity) {
  const std::string base = "base = \"shanxi\"\n";
  std::vector<std::uint64_t> identities{profile_identity(good(base))};
  for (const char* setting : {"stations=7",
                              "prefix=SY",
                              "utc_offset_min=0",
                              "language=en",
                              "first_day=2025-11-01",
                              "brands_per_station_min=4",
                              "brands_per_station_max=9",
                              "arrivals=poisson",
                              "offered_per_station_day_milli=1",
                              "offered_erlang_milli=1",
                              "burst_min=11",
                              "burst_max=26",
                              "spacing_min_s=21",
                              "spacing_max_s=41",
                              "recall=false",
                              "size_per_million=[1000000, 0, 0, 0]",
                              "weekday_percent=[1,1,1,1,1,1,1]",
                              "seasons=[{from=2025-11-01, to=2025-11-16, demand_percent=151}]",
                              "dwell=constant",
                              "dwell_mu_micro=-1",
                              "dwell_sigma_micro=0",
                              "dwell_mean_s=61",
                              "quiet_until_h=0",
                              "quiet_spread_h=3",
                              "notice_reaction_s=0",
                              "collection_hour_percent=[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]",
                              "retention_h=47",
                              "open_deposit_median_ms=1000",
                              "open_pickup_median_ms=1000",
                              "open_sigma_micro=1",
                              "left_open_per_million=1",
                              "left_open_min_s=61",
                              "left_open_max_s=7201",
                              "mistype_per_million=1",
                              "refusal_per_million=1",
                              "failed_open_per_million=1",
                              "network_up_per_million=1",
                              "network_outage_mean_s=1",
                              "mains_losses_per_year=1",
                              "mains_loss_min_s=31",
                              "mains_loss_max_s=21601",
                              "battery_s=1",
                              "board_silences_per_year=4",
                              "board_silence_min_s=11",
                              "board_silence_max_s=14401",
                              "carriers=['a','b','c','d','e','f','g','h','i']",
                              "cities=[{name='X', code='X', weight=1}]",
                              "layouts=[{doors_l=1,doors_m=1,doors_s=1,weight=1}]",
                              "rounds=[{from_h=0,to_h=24}]"}) {
    const std::uint64_t identity = profile_identity(good(base, {setting}));
    for (const std::uint64_t other : identities) {
      EXPECT_NE(identity, other) << setting;
    }
    identities.push_back(identity);
  }
}

TEST(Profiles, AFileSaysOnlyWhatDiffersFromItsBaseAndASettingWinsOverIt) {
  const Profile profile = good("base = \"erlang\"\nstations = 3\ndwell_mean_s = 600\n",
                               {"stations=4", "dwell=constant", "prefix=AB", "rounds=[{from_h=1, to_h=2}]"});
  EXPECT_EQ(profile.name, "mine");
  EXPECT_EQ(profile.stations, 4U);
  EXPECT_EQ(profile.dwell_mean_s, 600U);
  EXPECT_EQ(profile.dwell, DwellKind::kConstant);
  EXPECT_EQ(profile.prefix, "AB");
  EXPECT_EQ(profile.arrivals, Arrivals::kPoisson);
  ASSERT_EQ(profile.rounds.size(), 1U);
  EXPECT_EQ(profile.rounds[0].to_h, 2U);
}

TEST(Profiles, EverythingThatIsWrongIsToldAtOnceWithItsPlace) {
  EXPECT_THAT(problems_of("base = \"shanxi\"\n"
                          "stations = 30001\n"
                          "mistyped_per_million = 3\n"
                          "dwell = \"weekly\"\n"
                          "recall = 1\n"
                          "first_day = \"2025-03-03\"\n"
                          "size_per_million = [1, 2, 3]\n"
                          "cities = [{name = \"X\", kode = \"X\", weight = 1}, 7]\n"
                          "carriers = [\"sf\", \"sf\"]\n"
                          "rounds = 4\n",
                          {"burst_min=none", "burstmax=7", "base=town", "stations"}),
              ElementsAre("mine.toml:2:12: 'stations' must be a whole number from 1 to 30000",
                          "mine.toml:3:24: unknown key 'mistyped_per_million'; did you mean 'mistype_per_million'?",
                          "mine.toml:4:9: 'dwell' must be one of lognormal, exponential, constant",
                          "mine.toml:5:10: 'recall' must be true or false",
                          "mine.toml:6:13: 'first_day' must be a date from 1970-01-01 to 2199-12-31, without quotes",
                          "mine.toml:7:20: 'size_per_million' must be 4 whole numbers from 0 to 1000000",
                          "mine.toml:8:11: 'code' is missing in 'cities'",
                          "mine.toml:8:31: unknown key 'kode'; did you mean 'code'?",
                          "mine.toml:8:49: an item of 'cities' must be a table {...}",
                          "mine.toml:9:12: 'carriers' must be 1 to 35 different names of 1 to 8 letters a-z and digits",
                          "mine.toml:10:10: 'rounds' must be a list of at most 1000 tables",
                          "--set burst_min: 'burst_min' must be a whole number from 1 to 1000",
                          "--set burstmax: unknown key; did you mean 'burst_max'?", "--set base: unknown key",
                          "--set stations: must be KEY=VALUE"));
}

TEST(Profiles, ValuesThatAreGoodAloneMustFitTogether) {
  const std::string base = "base = \"shanxi\"\n";
  EXPECT_THAT(problems_of(base + "burst_min = 26\nretention_h = 5\n"),
              ElementsAre("mine.toml: 'burst_max' must not be less than 'burst_min'"));
  EXPECT_THAT(problems_of(base + "burst_max = 9\n"),
              ElementsAre("mine.toml:2:13: 'burst_max' must not be less than 'burst_min'"));
  EXPECT_THAT(problems_of(base, {"size_per_million=[1,1,1,1]"}),
              ElementsAre("--set size_per_million: 'size_per_million' must add up to 1000000, not 4"));
  EXPECT_THAT(
      problems_of(base, {"prefix=sx", "cities=[]", "layouts=[{doors_l=65,doors_m=64,doors_s=64,weight=1}]"}),
      ElementsAre("--set prefix: 'prefix' must consist of A-Z and 0-9", "--set cities: 'cities' must not be empty",
                  "--set layouts: a layout has 1 to 192 doors, not 193"));
  EXPECT_THAT(
      problems_of(base, {"rounds=[{from_h=3,to_h=3}]", "seasons=[{from=2025-11-02,to=2025-11-02}]",
                         "weekday_percent=[0,0,0,0,0,0,0]", "quiet_until_h=12", "quiet_spread_h=12",
                         "brands_per_station_max=35", "carriers=['x']"}),
      ElementsAre("--set rounds: a round must end after it has begun",
                  "--set seasons: 'to' of a season is the day after its last",
                  "--set brands_per_station_max: 'brands_per_station_max' must not be more than there are 'carriers'"));
  EXPECT_THAT(
      problems_of(base, {"collection_hour_percent=[1,2,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"}),
      ElementsAre("--set collection_hour_percent: 'collection_hour_percent' that differ need 'quiet_until_h' = 0"));
}

TEST(Profiles, DatesAreThoseOfTheCalendar) {
  EXPECT_EQ(days_of(1970, 1, 1), 0);
  EXPECT_EQ(days_of(2025, 3, 3), 20'150);
  const std::array<unsigned, 12> lengths{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  std::int32_t days = 0;
  for (int year = 1970; year < 2201; ++year) {
    for (unsigned month = 1; month <= 12; ++month) {
      const bool leap = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
      for (unsigned day = 1; day <= lengths[month - 1] + (leap ? 1 : 0); ++day, ++days) {
        ASSERT_EQ(days_of(year, month, day), days) << year << ' ' << month << ' ' << day;
      }
    }
    EXPECT_EQ(date_text(days - 1), std::to_string(year) + "-12-31");
  }
  EXPECT_EQ(date_text(days_of(2028, 2, 29)), "2028-02-29");
}

TEST(Profiles, AFileWithoutABaseMustSayEverything) {
  EXPECT_THAT(problems_of("stations = 5\n"),
              ElementsAre(StartsWith("mine.toml: there is no base = \"shanxi\" to take from "
                                     "what is missing: 'prefix', 'utc_offset_min', ")));
  EXPECT_THAT(problems_of("base = \"elsewhere\"\n"),
              ::testing::Contains("mine.toml:1:8: 'base' must be one of shanxi, town, erlang, nation"));
}

TEST(Profiles, NoTextEndsTheProgramAndNoneMovesTheTerminal) {
  const std::string whole(profile_text("shanxi"));
  for (std::size_t size = 0; size + 10 < whole.size(); size += 7) {  // A last number may be cut and still be one.
    Profile profile;
    const auto problems =
        read_profile({.name = "a", .file = "a", .text = whole.substr(0, size), .settings = {}}, profile);
    EXPECT_FALSE(problems.empty()) << size;
  }
  for (const std::string text : {"[=]", "[[", "a = [", "\xFF", "a.b = 1\n[a]\n", "base = 3"}) {
    EXPECT_FALSE(problems_of(text).empty()) << text;
  }
  EXPECT_THAT(problems_of("base = \"shanxi\"\n\"\\u001b[2J\" = 1\n"),
              ElementsAre("mine.toml:2:15: unknown key '?[2J'"));
  EXPECT_THAT(problems_of("base = \"shanxi\"\n", {"\x1b[2J=1"}), ElementsAre("--set ?[2J: unknown key"));
  EXPECT_THAT(problems_of(std::string(kProfileTextMax + 1, '#')), ElementsAre("mine.toml: it is larger than 256 KiB"));
}

}  // namespace
}  // namespace cubby::emulator

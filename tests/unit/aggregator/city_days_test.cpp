// Days that are remembered are those that are stored: an answer is the same with and without the memory of a reader.
#include "tools/aggregator/storage/city_days.h"
#include "firmware/base/prng.h"
#include "tools/aggregator/core/dwell_histogram.h"
#include "tools/aggregator/core/row_group.h"
#include "unit/aggregator/test_store.h"

namespace cubby::aggregator::testing {
namespace {

constexpr std::uint64_t kDayMs = 86'400'000;
constexpr std::uint64_t kHourMs = 3'600'000;
constexpr std::int64_t kNoonDay = (kNoonUtcMs / 1'000 + 8 * 3'600) / 86'400;
constexpr std::size_t kPlenty = std::size_t{8} << 20;

std::size_t slot_of(Column column) {
  return static_cast<std::size_t>(spec(Table::kCityHour).slot[static_cast<std::size_t>(column)]);
}

/// A stored day: in each of its hours so many parcels came in.
std::vector<std::byte> group(std::initializer_list<std::pair<std::uint32_t, std::int64_t>> hours) {
  std::vector<std::byte> out;
  RowGroupWriter writer(out);
  for (const auto& [hour, parcels] : hours) {
    std::vector<std::int64_t> sums(spec(Table::kCityHour).columns.size(), 0);
    sums[slot_of(Column::kDeposits)] = parcels;
    sums[slot_of(Column::kLevelDelta)] = parcels;
    std::vector<std::byte> dwells;
    DwellPacker(dwells).put({.bucket = 7, .count = static_cast<std::uint64_t>(parcels)});
    writer.put(hour, sums, dwells);
  }
  return out;
}

TEST(CityDays, AreWorkedOutAgainWhenOneStoredByteIsAnother) {
  CityDays days(kPlenty);
  const std::uint64_t row_key = 20'000U << 16 | 3;
  const std::vector<std::byte> morning = group({{7, 2}, {9, 3}});
  const CityDay* day = days.of(row_key, morning);
  ASSERT_NE(day, nullptr);
  EXPECT_EQ(day->day, 20'000);
  EXPECT_EQ(day->sums[static_cast<std::size_t>(Column::kDeposits)], 5);
  EXPECT_EQ(day->sums[static_cast<std::size_t>(Column::kLevelMomentS)], 2 * 16 * 3'600 + 3 * 14 * 3'600)
      << "from the end of each hour to the day's";
  EXPECT_EQ(day->hours, 1U << 7 | 1U << 9);
  EXPECT_EQ(day->levels[9], 3);
  DwellHistogram dwells;
  EXPECT_TRUE(dwells.add(day->dwells));
  EXPECT_EQ(dwells.count(), 5U);
  EXPECT_EQ(days.of(row_key, morning), day);
  EXPECT_EQ(days.worked_out(), 1U);
  const std::vector<std::byte> later = group({{7, 2}, {9, 4}});
  ASSERT_EQ(later.size(), morning.size());
  ASSERT_NE(days.of(row_key, later), nullptr);
  EXPECT_EQ(days.of(row_key, later)->levels[9], 4);
  EXPECT_EQ(days.worked_out(), 2U);
  EXPECT_EQ(days.of(row_key + 1, later)->levels[9], 4) << "another city";
  EXPECT_EQ(days.worked_out(), 3U);
}

TEST(CityDays, ThatAreNoGroupOfHoursAreRefusedAndNotRemembered) {
  CityDays days(kPlenty);
  std::vector<std::byte> bytes = group({{7, 2}, {24, 3}});
  EXPECT_EQ(days.of(1 << 16, bytes), nullptr) << "a day has 24 hours";
  bytes = group({{7, 2}, {9, 3}});
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    // A cut at the end of a row is a shorter group.
    const CityDay* day = days.of(1 << 16, Bytes(bytes).first(size));
    EXPECT_EQ(day != nullptr, size == group({{7, 2}}).size()) << size;
  }
  EXPECT_NE(days.of(1 << 16, bytes), nullptr);
  EXPECT_NE(days.of(1 << 16, {}), nullptr) << "none of its hours has a row";
  EXPECT_EQ(days.size(), 1U);
}

TEST(CityDays, BeyondTheLimitTheOldestAreForgotten) {
  const std::vector<std::byte> bytes = group({{7, 2}});
  CityDays days(3 * (sizeof(CityDay) + 100));
  for (std::uint64_t day = 1; day <= 10; ++day) {
    ASSERT_NE(days.of(day << 16, bytes), nullptr);
  }
  EXPECT_EQ(days.size(), 10U) << "an answer holds what it needs";
  days.trim();
  EXPECT_EQ(days.size(), 3U);
  EXPECT_EQ(days.worked_out(), 10U);
  days.of(10 << 16, bytes);
  EXPECT_EQ(days.worked_out(), 10U);
  days.of(1 << 16, bytes);
  EXPECT_EQ(days.worked_out(), 11U);
}

TEST(CityDays, HoursAreRememberedUntilOneOfTheCitiesIsAnotherAndTheOldestAreForgotten) {
  CityDays days(kPlenty);
  const std::uint64_t row_key = 20'000U << 16;
  const std::vector<std::byte> bytes = group({{7, 2}});
  std::vector<const CityDay*> cities = {days.of(row_key, bytes), days.of(row_key + 1, bytes)};
  EXPECT_EQ(days.hours(std::nullopt, cities), nullptr) << "nobody has remembered them";
  HoursOfDay hours{};
  hours[7].sums[0] = 4;
  days.remember(std::nullopt, cities, hours);
  ASSERT_NE(days.hours(std::nullopt, cities), nullptr);
  EXPECT_EQ((*days.hours(std::nullopt, cities))[7].sums[0], 4);
  EXPECT_EQ(days.hours(1, cities), nullptr) << "of all cities, not of that one";
  EXPECT_EQ(days.hours(std::nullopt, std::span(cities).first(1)), nullptr) << "of both";
  cities[1] = days.of(row_key + 1, group({{7, 3}}));
  EXPECT_EQ(days.hours(std::nullopt, cities), nullptr) << "worked out anew";

  days.remember(std::nullopt, cities, hours);
  const std::uint64_t last = 20'000 + CityDays::kHoursMax;
  for (std::uint64_t day = 20'001; day <= last; ++day) {
    days.remember(std::nullopt, std::array{days.of(day << 16, bytes)}, hours);
  }
  EXPECT_NE(days.hours(std::nullopt, cities), nullptr) << "an answer holds what it needs";
  const std::array newest = {days.of(last << 16, bytes)};
  days.trim();
  EXPECT_EQ(days.hours(std::nullopt, cities), nullptr);
  EXPECT_NE(days.hours(std::nullopt, newest), nullptr);
}

struct RememberedDays : Store {
  Prng random{11};

  static std::string text(const StatisticsAnswer& answer) {
    std::string all = answer.detail + std::to_string(answer.total) + "\n";
    for (const StatisticsRow& row : answer.rows) {
      for (const auto& [name, value] : row.labels) {
        all += value + " ";
      }
      for (const std::int64_t sum : row.sums) {
        all += std::to_string(sum) + " ";
      }
      for (const auto& dwell : row.dwell_ms) {
        all += std::to_string(dwell.value_or(0)) + " ";
      }
      all += std::to_string(row.occupied.value_or(-1)) + " " + std::to_string(row.mean_occupied.value_or(-1)) + "\n";
    }
    return all;
  }
  StatisticsQuery any_query() {
    StatisticsQuery query;
    query.by = random.below(2) == 0 ? GroupBy::kDay : GroupBy::kHour;
    query.city = std::array{"", "Taiyuan", "Datong"}[random.below(3)];
    if (random.below(2) == 0) {
      query.from_day = kNoonDay - 40 + static_cast<std::int64_t>(random.below(60));
      query.to_day = *query.from_day + static_cast<std::int64_t>(random.below(50));
    }
    query.sort = std::array{"", "", "dwell_p90_h", "deposits"}[random.below(4)];
    query.offset = random.below(2) == 0 ? 0 : random.below(30);
    query.limit = random.below(2) == 0 ? 1'000 : 1 + random.below(20);
    return query;
  }
  /// Some parcels of a day, on its way or long ago.
  void tell(TestJournal& by, std::int64_t day) {
    for (std::uint64_t i = random.below(6); i > 0; --i) {
      const std::int64_t of = random.below(4) == 0 ? day - static_cast<std::int64_t>(random.below(30)) : day;
      const auto door = 1 + static_cast<std::uint32_t>(random.below(10));
      const std::uint64_t utc_ms =
          kNoonUtcMs + static_cast<std::uint64_t>(of - kNoonDay) * kDayMs + random.below(2) * kHourMs;
      if (random.below(2) == 0) {
        by.deposit(door, utc_ms);
      } else {
        by.collect(door, utc_ms);
      }
    }
  }
};

TEST_F(RememberedDays, AnswerAsAReaderThatHasNeverAskedHoweverLateEventsCome) {
  Aggregator aggregator(path);
  journal.open();
  other.open("Datong");
  aggregator.report(journal);
  aggregator.report(other);
  StoreReader remembers;
  ASSERT_EQ(remembers.open(path), "");
  std::uint64_t rows_seen = 0;
  for (std::int64_t day = kNoonDay - 20; day < kNoonDay + 10; ++day) {
    for (TestJournal* by : {&journal, &other}) {
      tell(*by, day);
      aggregator.report(*by);
    }
    for (int i = 0; i < 8; ++i) {
      const StatisticsQuery query = any_query();
      StoreReader fresh;
      ASSERT_EQ(fresh.open(path), "");
      const StatisticsAnswer expected = fresh.statistics(query);
      EXPECT_EQ(text(remembers.statistics(query)), text(expected)) << "day " << day - kNoonDay;
      rows_seen += expected.rows.size();
    }
  }
  EXPECT_GT(rows_seen, 500U);
  EXPECT_EQ(difference(), "");
}

TEST_F(RememberedDays, AreWorkedOutOnceUntilACommitTouchesThem) {
  fill_both();
  Aggregator aggregator(path);
  for (std::uint64_t day = 1; day <= 20; ++day) {
    journal.deposit(1, kNoonUtcMs + day * kDayMs);
  }
  aggregator.report(journal);
  aggregator.report(other);
  StoreReader reader;
  ASSERT_EQ(reader.open(path), "");
  StatisticsQuery query;
  query.by = GroupBy::kDay;
  EXPECT_EQ(reader.statistics(query).rows.size(), 21U);
  const std::uint64_t first = reader.city_days().worked_out();
  EXPECT_EQ(first, 22U) << "21 days of one city, one of the other";
  query.by = GroupBy::kHour;
  reader.statistics(query);
  query.city = "Datong";
  reader.statistics(query);
  EXPECT_EQ(reader.city_days().worked_out(), first);
  journal.deposit(2, kNoonUtcMs + 3 * kDayMs);  // Late.
  aggregator.report(journal);
  query = {};
  query.by = GroupBy::kDay;
  EXPECT_EQ(reader.statistics(query).rows.at(3).sum(Column::kDeposits), 2);
  EXPECT_EQ(reader.city_days().worked_out(), first + 1);
}

TEST_F(RememberedDays, AreThereBeforeTheFirstAnswer) {
  fill_both();
  Aggregator aggregator(path);
  aggregator.report(journal);
  aggregator.report(other);
  StoreReader reader;
  ASSERT_EQ(reader.open(path), "");
  reader.remember_days();
  const std::uint64_t first = reader.city_days().worked_out();
  EXPECT_EQ(first, reader.city_days().size());
  EXPECT_GT(first, 1U);
  for (const GroupBy by : {GroupBy::kHour, GroupBy::kDay}) {
    StatisticsQuery query;
    query.by = by;
    EXPECT_FALSE(reader.statistics(query).rows.empty());
  }
  EXPECT_EQ(reader.city_days().worked_out(), first);
}

}  // namespace
}  // namespace cubby::aggregator::testing

// A page is worked out without the rows beyond it: it must be what would have been cut from all of them.
#include "unit/aggregator/test_store.h"

namespace cubby::aggregator::testing {
namespace {

struct Paging : Store {
  StoreReader reader;

  Paging() {
    journal.open();
    other.open("Datong");
    TestJournal third("SX-TY-0003", 3);
    third.open();
    for (std::uint32_t i = 0; i < 90; ++i) {
      const std::uint64_t at = kNoonUtcMs + i * 3'000'000;
      journal.deposit(1 + i % 10, at);
      journal.collect(1 + i % 10, at + 1'200'000);
      if (i % 3 == 0) {
        other.deposit(1 + i % 7, at + 60'000);
      }
      if (i > 60) {
        third.deposit(1 + i % 5, at + 120'000);
      }
    }
    Aggregator aggregator(path);
    aggregator.report(journal);
    aggregator.report(other);
    aggregator.report(third);
    EXPECT_EQ(reader.open(path), "");
  }

  static std::string text(const StatisticsRow& row, const ColumnsPresent& has) {
    std::string all;
    for (const auto& [name, value] : row.labels) {
      all += name + "=" + value + " ";
    }
    for (std::size_t i = 0; i < figure_names().size(); ++i) {
      const Figure figure = figure_of(row, has, i);
      all += std::string(figure_names()[i]) + ":";
      if (const auto* whole = std::get_if<std::int64_t>(&figure)) {
        all += std::to_string(*whole);
      } else if (const auto* part = std::get_if<double>(&figure)) {
        all += std::to_string(*part);
      }
      all += " ";
    }
    return all;
  }
  /// Returns how many rows there are in all.
  std::size_t compare(StatisticsQuery query, const std::string& label) {
    query.sort = label;  // An order of its own: every row is worked out.
    const StatisticsAnswer all = reader.statistics(query);
    EXPECT_EQ(all.detail, "");
    query.sort.clear();
    for (const std::size_t limit : {1U, 2U, 7U, 1'000U}) {
      for (std::size_t offset = 0; offset <= all.rows.size() + 1; ++offset) {
        query.limit = limit;
        query.offset = offset;
        const StatisticsAnswer page = reader.statistics(query);
        EXPECT_EQ(page.total, all.total);
        const std::size_t expected = offset >= all.rows.size() ? 0 : std::min(limit, all.rows.size() - offset);
        EXPECT_EQ(page.rows.size(), expected) << offset;
        for (std::size_t i = 0; i < std::min(page.rows.size(), expected); ++i) {
          EXPECT_EQ(text(page.rows[i], page.has), text(all.rows[offset + i], all.has)) << "row " << offset + i;
        }
      }
    }
    return all.rows.size();
  }
};

TEST_F(Paging, OfStationsAndOfTimeIsCutFromTheWholeAnswer) {
  const auto first_day = static_cast<std::int64_t>((kNoonUtcMs + 28'800'000) / 86'400'000);
  for (const bool some_days : {false, true}) {
    for (const std::string& city : {std::string(), std::string("Taiyuan"), std::string("Datong")}) {
      StatisticsQuery query;
      query.city = city;
      if (some_days) {
        query.from_day = first_day + 1;
        query.to_day = first_day + 3;
      }
      query.by = GroupBy::kStation;
      EXPECT_EQ(compare(query, "station"), city.empty() ? 3U : city == "Datong" ? 1U : 2U);
      query.by = GroupBy::kHour;
      EXPECT_GT(compare(query, "hour"), some_days ? 15U : 20U);
      query.by = GroupBy::kDay;
      EXPECT_EQ(compare(query, "day"), some_days ? 2U : 4U);
    }
  }
}

TEST_F(Paging, OneStationsDaysAreFoundWithoutTheOthers) {
  const auto first_day = static_cast<std::int64_t>((kNoonUtcMs + 28'800'000) / 86'400'000);
  StatisticsQuery query;
  query.by = GroupBy::kStation;
  query.from_day = first_day;
  query.to_day = first_day + 2;
  const StatisticsAnswer all = reader.statistics(query);
  ASSERT_EQ(all.rows.size(), 3U);
  for (const StatisticsRow& row : all.rows) {
    query.station = *row.label("station");
    const StatisticsAnswer one = reader.statistics(query);
    ASSERT_EQ(one.rows.size(), 1U);
    EXPECT_EQ(one.rows.front().sums, row.sums) << query.station;
    EXPECT_EQ(one.rows.front().dwell_ms, row.dwell_ms) << query.station;
  }
  query.station = "SX-TY-0001";
  EXPECT_GT(reader.statistics(query).rows.front().sum(Column::kDeposits), 20);
  query.from_day.reset();
  query.to_day = 1 << 30;
  EXPECT_EQ(reader.statistics(query).rows.front().sum(Column::kDeposits), 90) << "days without end";
}

}  // namespace
}  // namespace cubby::aggregator::testing

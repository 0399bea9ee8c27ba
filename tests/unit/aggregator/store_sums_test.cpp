// How statistics lie in the store: whatever the order in which days are told, every range of days adds up.
#include <map>
#include <optional>

#include "firmware/base/prng.h"
#include "tools/aggregator/core/row_group.h"
#include "unit/aggregator/test_store.h"

namespace cubby::aggregator::testing {
namespace {

constexpr std::uint64_t kDayMs = 86'400'000;
constexpr std::int64_t kNoonDay = (kNoonUtcMs / 1'000 + 8 * 3'600) / 86'400;

struct DayCounts {
  std::int64_t deposits = 0;
  std::int64_t collections = 0;
  std::map<std::uint16_t, std::int64_t> dwells;
  void add(const DayCounts& other) {
    deposits += other.deposits;
    collections += other.collections;
    for (const auto& [bucket, count] : other.dwells) {
      dwells[bucket] += count;
    }
  }
  std::optional<std::uint64_t> median() const {
    std::int64_t seen = 0;
    for (const auto& [bucket, count] : dwells) {
      seen += count;
      if (seen * 2 >= collections) {
        return dwell_of_bucket(bucket);
      }
    }
    return std::nullopt;
  }
};
using Days = std::map<std::int64_t, DayCounts>;  // By local day; 0: no time.

struct StoreSums : Store {
  Prng random{3};
  std::map<std::string, Days> told;  // By station.

  /// One parcel in or out, at noon of the day; day 0: the station does not know the time.
  void tell(TestJournal& by, std::int64_t day) {
    DayCounts& counts = told[by.station()][day];
    v1::Event event = by.event(kNoonUtcMs + static_cast<std::uint64_t>(day - kNoonDay) * kDayMs);
    if (day == 0) {
      event.clear_wall_ms();
    }
    const auto door = 1 + static_cast<std::uint32_t>(random.below(10));
    if (random.below(2) == 0) {
      v1::Deposited& body = *event.mutable_deposited();
      body.set_compartment(door);
      body.set_carrier(random.below(2) == 0 ? "sf" : "yto");
      body.set_size(random.below(2) == 0 ? v1::SIZE_M : v1::SIZE_S);
      ++counts.deposits;
    } else {
      v1::Collected& body = *event.mutable_collected();
      body.set_compartment(door);
      body.set_carrier("sf");
      body.set_size(v1::SIZE_M);
      body.set_dwell_ms(1'000 + random.below(200'000'000));
      ++counts.collections;
      ++counts.dwells[dwell_bucket(body.dwell_ms())];
    }
    by.add(event);
  }
  DayCounts sum(const std::string& station, std::int64_t from, std::int64_t to) {
    DayCounts sum;
    for (const auto& [name, days] : told) {
      for (auto day = days.lower_bound(from);
           (station.empty() || station == name) && day != days.end() && day->first < to; ++day) {
        sum.add(day->second);
      }
    }
    return sum;
  }
  static StatisticsAnswer ask(StoreReader& reader, GroupBy by, std::int64_t from, std::int64_t to,
                              const std::string& station = {}) {
    StatisticsQuery query;
    query.by = by;
    query.from_day = from;
    query.to_day = to;
    query.station = station;
    return reader.statistics(query);
  }
  static DayCounts sum(const StatisticsAnswer& answer) {
    DayCounts sum;
    for (const StatisticsRow& row : answer.rows) {
      sum.deposits += row.sum(Column::kDeposits);
      sum.collections += row.sum(Column::kCollections);
    }
    return sum;
  }
  static void expect_same(const StatisticsAnswer& answer, const DayCounts& counted, const char* what) {
    EXPECT_EQ(answer.status, ReadStatus::kOk) << answer.detail;
    EXPECT_EQ(sum(answer).deposits, counted.deposits) << what;
    EXPECT_EQ(sum(answer).collections, counted.collections) << what;
  }
  /// Every answer about days [from, to) against a count that knows neither groups nor running sums.
  void compare(StoreReader& reader, std::int64_t from, std::int64_t to) {
    SCOPED_TRACE("days " + std::to_string(from - kNoonDay) + " to " + std::to_string(to - kNoonDay) +
                 " from the noon's");
    const DayCounts all = sum("", from, to);
    expect_same(ask(reader, GroupBy::kCity, from, to), all, "cities");
    expect_same(ask(reader, GroupBy::kDay, from, to), all, "days of all");
    expect_same(ask(reader, GroupBy::kHour, from, to), all, "hours of all");
    expect_same(ask(reader, GroupBy::kBrand, from, to), all, "brands");
    expect_same(ask(reader, GroupBy::kSize, from, to), all, "sizes");
    const StatisticsAnswer stations = ask(reader, GroupBy::kStation, from, to);
    for (const StatisticsRow& row : stations.rows) {
      const DayCounts one = sum(*row.label("station"), from, to);
      EXPECT_EQ(row.sum(Column::kDeposits), one.deposits);
      EXPECT_EQ(row.sum(Column::kDwellCount), one.collections);
      EXPECT_EQ(row.dwell_ms[0], one.median());
      expect_same(ask(reader, GroupBy::kStation, from, to, *row.label("station")), one, "one station");
      const StatisticsAnswer days = ask(reader, GroupBy::kDay, from, to, *row.label("station"));
      expect_same(days, one, "days of one station");
      for (const StatisticsRow& day : days.rows) {
        const std::int64_t number = day_from_text(*day.label("day")).value();
        const DayCounts of_day = sum(*row.label("station"), number, number + 1);
        EXPECT_EQ(day.sum(Column::kDeposits), of_day.deposits) << *day.label("day");
        EXPECT_EQ(day.dwell_ms[0], of_day.median()) << *day.label("day");
      }
    }
  }
};

TEST_F(StoreSums, AddUpOverEveryRangeHoweverOftenAClockIsSetBack) {
  std::optional<Aggregator> aggregator(path);
  journal.open();
  other.open("Datong");
  StoreReader reader;
  ASSERT_EQ(reader.open(path), "");
  std::int64_t day = kNoonDay - 40;
  for (int round = 0; round < 60; ++round) {
    if (round % 7 == 6) {
      aggregator.reset();  // Whoever opens the store next has to find out which days are there.
      aggregator.emplace(path);
    }
    for (TestJournal* by : {&journal, &other}) {
      for (std::uint64_t i = random.below(12); i > 0; --i) {
        // Mostly onwards, now and then far back, far ahead, or at no time at all.
        const std::uint64_t way = random.below(12);
        tell(*by, way == 0 ? 0 : way <= 2 ? day - static_cast<std::int64_t>(random.below(70)) : day);
      }
      aggregator->report(*by);
    }
    day += static_cast<std::int64_t>(random.below(4));
    if (round % 10 == 9) {
      ASSERT_EQ(difference(), "");
    }
  }
  tell(journal, day + 900);  // A clock that was wrong once: every later event is before that day.
  tell(journal, day);
  aggregator->report(journal);
  ASSERT_EQ(difference(), "");
  for (int i = 0; i < 40; ++i) {
    const std::int64_t from = kNoonDay - 115 + static_cast<std::int64_t>(random.below(200));
    compare(reader, from, from + static_cast<std::int64_t>(random.below(130)));
  }
  compare(reader, 1, day + 2'000);
}

TEST_F(StoreSums, OfADayStandInTheViewAsWhatTheDayAdded) {
  journal.open();
  for (const int day : {0, 3, 1, 3, 7}) {
    journal.deposit(1, kNoonUtcMs + static_cast<std::uint64_t>(day) * kDayMs);
  }
  v1::Event unplaced = journal.event();
  unplaced.clear_wall_ms();
  unplaced.mutable_deposited()->set_compartment(2);
  journal.add(unplaced);
  { Aggregator(path).report(journal); }
  Database database;
  ASSERT_TRUE(database.open(path, Database::Mode::kReadOnly));
  Statement days(database, "SELECT day, deposits FROM by_station_day WHERE station_id = 1 ORDER BY day");
  std::vector<std::pair<std::int64_t, std::int64_t>> seen;
  while (days.row()) {
    seen.emplace_back(days.number(0) == 0 ? 0 : days.number(0) - kNoonDay + 1, days.number(1));
  }
  EXPECT_EQ(seen, (std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 1}, {1, 1}, {2, 1}, {4, 2}, {8, 1}}));
}

/// A store whose every table has rows, and a way to change one figure in it.
struct TamperedStore : StoreSums {
  void SetUp() override {
    fill_both();
    Aggregator(path).report(journal);
  }
  void keep(const std::string& table) { run_sql("CREATE TABLE kept AS SELECT * FROM " + table); }
  void put_back(const std::string& table) {
    run_sql("BEGIN; DELETE FROM " + table + "; INSERT INTO " + table + " SELECT * FROM kept; DROP TABLE kept; COMMIT");
  }
  /// Adds one to a sum of some row of a group, or a parcel to its histogram.
  void add_to_a_group(Table table, unsigned slot, bool to_dwells) {
    const std::string name(spec(table).name);
    Database database;
    ASSERT_TRUE(database.open(path, Database::Mode::kReadWriteCreate));
    Statement group(database, "SELECT row_key, sums FROM " + name + " ORDER BY length(sums) DESC LIMIT 1");
    ASSERT_TRUE(group.row());
    RowGroupReader rows(group.blob(1));
    ASSERT_TRUE(rows.next());
    std::vector<std::int64_t> sums(spec(table).columns.size(), 0);
    sums[slot] = to_dwells ? 0 : 1;
    const std::vector<std::byte> parcel(1, std::byte{0});
    std::vector<std::byte> more;
    RowGroupWriter(more).put(rows.member(), sums, to_dwells ? Bytes(parcel) : Bytes());
    std::vector<std::byte> sum;
    ASSERT_TRUE(RowGroupAdder().add(group.blob(1), more, sum));
    Statement put(database, "UPDATE " + name + " SET sums = ?2 WHERE row_key = ?1");
    const std::int64_t row_key = group.number(0);
    group.reset();
    ASSERT_TRUE(put.bind(1, row_key).bind(2, Bytes(sum)).done());
  }
};

TEST_F(TamperedStore, IsFoundOutWhicheverFigureWasChanged) {
  for (std::size_t i = 0; i < kTableCount; ++i) {
    const auto table = static_cast<Table>(i);
    const TableSpec& shape = spec(table);
    const std::string name(shape.name);
    for (unsigned slot = 0; slot < shape.columns.size(); ++slot) {
      const std::string column(to_string(shape.columns[slot]));
      keep(name);
      if (shape.group_bits == 0) {
        run_sql("UPDATE " + name + " SET " + column + " = " + column +
                " + 1 WHERE row_key = (SELECT max(row_key) FROM " + name + ")");
      } else {
        add_to_a_group(table, slot, false);
      }
      const std::string found = difference();
      EXPECT_TRUE(found.starts_with(name)) << found;
      EXPECT_NE(found.find(": " + column + " is "), std::string::npos) << found;
      put_back(name);
    }
    if (shape.has_dwells) {
      keep(name);
      if (shape.group_bits == 0) {
        run_sql("UPDATE " + name + " SET dwell_histogram = x'01' WHERE dwell_count > 0");
      } else {
        add_to_a_group(table, 0, true);
      }
      EXPECT_NE(difference().find(": dwell_histogram differs"), std::string::npos) << difference();
      put_back(name);
    }
  }
  EXPECT_EQ(difference(), "");
}

TEST_F(TamperedStore, IsFoundOutIfAGroupIsNoGroup) {
  for (const char* bytes :
       {"x'80'", "x'0101'", "x'010100010100'", "sums || x'ff0100'", "substr(sums, 1, length(sums) - 1)"}) {
    for (const char* table : {"stat_compartment", "stat_city_hour"}) {
      keep(table);
      run_sql("UPDATE " + std::string(table) + " SET sums = CAST(" + bytes + " AS BLOB)");
      EXPECT_NE(difference(), "") << bytes;
      put_back(table);
    }
  }
}

}  // namespace
}  // namespace cubby::aggregator::testing

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
  std::map<std::string, Days> told;                                  // By station ...
  std::map<std::pair<std::string, std::uint32_t>, DayCounts> doors;  // ... and door.

  /// One parcel in or out, at noon of the day; day 0: the station does not know the time.
  void tell(TestJournal& by, std::int64_t day) {
    DayCounts counts;
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
    told[by.station()][day].add(counts);
    doors[{by.station(), door}].add(counts);
  }
  /// Every door is said to be vacant: what the aggregator believes to be inside is booked as unaccounted for.
  static void tell_vacant(TestJournal& by, std::int64_t day) {
    v1::Event event = by.event(kNoonUtcMs + static_cast<std::uint64_t>(day - kNoonDay) * kDayMs);
    event.mutable_snapshot()->set_states(std::string(10, '\1'));
    by.add(event);
  }
  /// What the doors did in all their lives, and nothing that is inside if the station has just said so.
  void compare_doors(StoreReader& reader, const TestJournal& by) {
    StatisticsQuery query;
    query.by = GroupBy::kCompartment;
    query.station = by.station();
    const StatisticsAnswer answer = reader.statistics(query);
    ASSERT_EQ(answer.rows.size(), 10U);
    for (std::uint32_t door = 1; door <= 10; ++door) {
      const StatisticsRow& row = answer.rows[door - 1];
      const DayCounts& counted = doors[{by.station(), door}];
      EXPECT_EQ(row.sum(Column::kDeposits), counted.deposits) << door;
      EXPECT_EQ(row.sum(Column::kDwellCount), counted.collections) << door;
    }
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
      aggregator.reset();  // Whoever opens the store next has to find out which days are there, and what is inside.
      aggregator.emplace(path);
      tell_vacant(journal, day);
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
    if (round == 30) {  // What is older than 35 days goes, and with it the days of whoever has been silent.
      aggregator->centre->mark_time(kNoonUtcMs + static_cast<std::uint64_t>(day - kNoonDay) * kDayMs);
    }
    if (round % 10 == 9) {
      ASSERT_EQ(difference(), "");
      compare_doors(reader, journal);
      compare_doors(reader, other);
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

/// The store as SQL sees it.
struct OpenDays : StoreSums {
  std::int64_t ask_sql(const std::string& sql) {
    Database database;
    EXPECT_TRUE(database.open(path, Database::Mode::kReadOnly));
    Statement statement(database, sql);
    return statement.row() ? statement.number(0) : -1;
  }
  std::int64_t open_day() { return ask_sql("SELECT open_day FROM stat_compartment WHERE row_key = 1"); }
  std::int64_t closed_bytes() { return ask_sql("SELECT length(sums) FROM stat_compartment WHERE row_key = 1"); }
};

TEST_F(OpenDays, AreAddedToTheLifetimesWhenTheNextDayBegins) {
  journal.open();
  Aggregator aggregator(path);
  StoreReader reader;
  ASSERT_EQ(reader.open(path), "");
  for (int report = 0; report < 3; ++report) {
    tell(journal, kNoonDay);
    aggregator.report(journal);
    EXPECT_EQ(open_day(), kNoonDay);
    EXPECT_EQ(closed_bytes(), 0) << "a report of the open day writes no lifetimes";
    compare_doors(reader, journal);
  }
  tell(journal, kNoonDay + 1);
  aggregator.report(journal);
  const std::int64_t of_one_day = closed_bytes();
  EXPECT_EQ(open_day(), kNoonDay + 1);
  EXPECT_GT(of_one_day, 0);
  for (const std::int64_t late : {kNoonDay, std::int64_t{0}}) {  // A day that is closed, and no day at all.
    tell(journal, late);
    aggregator.report(journal);
    EXPECT_EQ(open_day(), kNoonDay + 1);
    compare_doors(reader, journal);
    EXPECT_EQ(difference(), "");
  }
  EXPECT_GT(closed_bytes(), of_one_day);
}

TEST_F(OpenDays, OfAStationThatFellSilentAreClosedBeforeTheyAreDeleted) {
  journal.open();
  other.open("Datong");
  Aggregator aggregator(path);
  StoreReader reader;
  ASSERT_EQ(reader.open(path), "");
  for (int i = 0; i < 20; ++i) {
    tell(journal, kNoonDay);
  }
  aggregator.report(journal);
  const std::uint64_t later = kNoonUtcMs + (kCompartmentDays + 10) * kDayMs;
  aggregator.centre->mark_time(later);
  tell(other, kNoonDay + kCompartmentDays + 10);
  aggregator.report(other);
  EXPECT_EQ(open_day(), kNoonDay + 10);
  EXPECT_EQ(ask_sql("SELECT count(*) FROM stat_compartment_day WHERE row_key & 16777215 = 1"), 0);
  compare_doors(reader, journal);
  EXPECT_EQ(difference(), "");
  for (const std::int64_t day : {kNoonDay, kNoonDay + kCompartmentDays + 10}) {  // Deleted already, and open now.
    tell(journal, day);
    aggregator.report(journal);
    compare_doors(reader, journal);
    EXPECT_EQ(difference(), "");
  }
  EXPECT_EQ(open_day(), kNoonDay + kCompartmentDays + 10);
}

// Brands and sizes: as with lifetimes, but the next day may be in another span, and many stations tell of it.
TEST_F(OpenDays, AreAddedToTheSpansOfBrandsWhenTheNextDayBegins) {
  const std::int64_t first = (kNoonDay / kSpanDays + 1) * kSpanDays - 2;  // Then the last of its span, and the next.
  const auto open_spans = [&] { return ask_sql("SELECT sum(open_day > 0) FROM stat_city_brand_size_span"); };
  const auto bytes_of = [&](std::int64_t day) {
    return ask_sql("SELECT sum(length(sums)) FROM stat_city_brand_size_span WHERE row_key >> 28 = " +
                   std::to_string(day / kSpanDays));
  };
  StoreReader reader;
  std::optional<Aggregator> aggregator(path);
  ASSERT_EQ(reader.open(path), "");
  journal.open();
  other.open("Taiyuan");
  const auto tell_both = [&](std::int64_t day, std::int64_t of_other) {
    for (int i = 0; i < 20; ++i) {
      tell(journal, day);
      tell(other, of_other);
    }
    aggregator->report(journal);
    aggregator->report(other);
    EXPECT_EQ(difference(), "");
    compare(reader, first - 40, first + 100);
    compare(reader, first / kSpanDays * kSpanDays, (first / kSpanDays + 1) * kSpanDays);
    compare(reader, (first / kSpanDays + 1) * kSpanDays, (first / kSpanDays + 2) * kSpanDays);
  };
  tell_both(first, first);
  EXPECT_EQ(bytes_of(first), 0) << "a report of the open day writes no span";
  EXPECT_EQ(open_spans(), 2) << "of either brand";
  tell_both(first + 1, first);
  const std::int64_t of_one_day = bytes_of(first);
  EXPECT_GT(of_one_day, 0);
  tell_both(first + 1, first + 1);
  EXPECT_EQ(bytes_of(first), of_one_day);
  aggregator.reset();  // The next one has to find out which days are open.
  aggregator.emplace(path);
  tell_both(first + 1, first + 1);
  EXPECT_EQ(bytes_of(first), of_one_day);
  tell_both(first + 2, first);
  EXPECT_EQ(open_spans(), 2);
  EXPECT_EQ(bytes_of(first + 2), 0);
  EXPECT_GT(bytes_of(first), of_one_day);
  tell_both(first + 80, 0);  // A span is passed over.
  tell_both(first + 1, first + 80);
  EXPECT_EQ(open_spans(), 2);
  for (int i = 0; i < 20; ++i) {  // More of the day that is open, in the commit that begins the next.
    tell(journal, first + 80 + i / 10);
  }
  tell_both(first + 81, first + 81);
}

// A floor that is above what is counted by: the clock was ahead once. What is to be deleted takes two commits, and the
// second one finds days that were told of since, one of them of a station that is new.
TEST_F(OpenDays, AreNeitherDeletedNorCountedTwiceWhenTheClockWasSetBack) {
  journal.open();
  tell(journal, kNoonDay);
  { Aggregator(path).report(journal); }
  run_sql("UPDATE meta SET value = " + std::to_string(kNoonDay + 1) + " WHERE name = 'compartment_day_floor'");
  run_sql(
      "WITH RECURSIVE n(i) AS (SELECT 500 UNION ALL SELECT i + 1 FROM n WHERE i < 799) INSERT INTO "
      "stat_compartment_day SELECT 1 << 24 | i, x'' FROM n");
  StoreReader reader;
  ASSERT_EQ(reader.open(path), "");
  Aggregator aggregator(path);
  tell(journal, kNoonDay);
  other.open("Datong");
  tell(other, kNoonDay);
  {
    TestConnection of_journal(*aggregator.centre);
    TestConnection of_other(*aggregator.centre);
    of_journal.greet(1, journal);
    of_other.greet(1, other);
    aggregator.commit();
    EXPECT_EQ(ask_sql("SELECT count(*) FROM stat_compartment_day WHERE row_key & 16777215 >= 500"), 100);
    of_journal.send(1, journal.batch(journal.next_seq() - 1, journal.next_seq() - 1));
    of_other.send(1, other.batch(1, other.next_seq() - 1));
    aggregator.commit();
  }
  EXPECT_EQ(ask_sql("SELECT count(*) FROM stat_compartment_day WHERE row_key & 16777215 >= 500"), 0);
  compare_doors(reader, journal);
  compare_doors(reader, other);
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
  Statement lives(database, "SELECT station_id, deposits, level_delta FROM by_station");
  ASSERT_TRUE(lives.row());
  EXPECT_EQ(lives.number(0), 1);
  EXPECT_EQ(lives.number(1), 6);
  EXPECT_EQ(lives.number(2), 6);
  EXPECT_FALSE(lives.row()) << "stations that have told of something";
}

// A station's life is its newest day, which may be long ago, or of a clock that was years ahead, and what has no day.
TEST_F(StoreSums, OfAStationsLifeAreThoseOfItsNewestDayAndOfWhatHasNone) {
  journal.open();
  journal.deposit(1, kNoonUtcMs);
  journal.collect(1, kNoonUtcMs + 3'600'000);
  journal.deposit(1, kNoonUtcMs + 400 * kDayMs);  // Ahead, and back again.
  journal.deposit(2, kNoonUtcMs + kDayMs);
  journal.add_bytes("\xFF\xFF\xFF not an event");
  other.open("Datong");  // Silent ever since.
  other.deposit(1, kNoonUtcMs - 100 * kDayMs);
  TestJournal lost("SX-YC-0003", 3);  // Has never known the time.
  lost.open("Yuncheng");
  v1::Event unplaced = lost.event();
  unplaced.clear_wall_ms();
  unplaced.mutable_deposited()->set_compartment(2);
  lost.add(unplaced);
  unplaced.mutable_deposited()->set_compartment(3);
  journal.add(unplaced);
  Aggregator aggregator(path);
  for (const TestJournal* of : {&journal, &other, &lost}) {
    aggregator.report(*of);
  }
  EXPECT_EQ(difference(), "");
  StoreReader reader;
  ASSERT_EQ(reader.open(path), "");
  StatisticsQuery query;
  query.by = GroupBy::kStation;
  const StatisticsAnswer answer = reader.statistics(query);
  ASSERT_EQ(answer.rows.size(), 3U);
  const auto says = [&answer](std::size_t row) {
    return std::tuple(*answer.rows[row].label("station"), answer.rows[row].sum(Column::kDeposits),
                      answer.rows[row].sum(Column::kDwellCount), answer.rows[row].occupied.value_or(-1));
  };
  EXPECT_EQ(says(0), std::tuple("SX-DT-0002", 1, 0, 1));
  EXPECT_EQ(says(1), std::tuple("SX-TY-0001", 4, 1, 3));
  EXPECT_EQ(says(2), std::tuple("SX-YC-0003", 1, 0, 1));
  EXPECT_TRUE(answer.rows[1].dwell_ms[0].has_value());
  EXPECT_EQ(answer.opaque_events, 1);
  query.by = GroupBy::kDay;  // What is inside now, less what later days brought.
  query.city = "Taiyuan";
  EXPECT_EQ(reader.statistics(query).rows.back().occupied, 3);
}

/// A store whose every table has rows, and a way to change one figure in it.
struct TamperedStore : StoreSums {
  void SetUp() override {
    fill_both();
    for (std::uint32_t door = 1; door <= 10; ++door) {
      journal.deposit(door, kNoonUtcMs + kDayMs);
    }
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
  for (const char* day : {"0", "open_day - 1", "open_day + 1"}) {
    keep("stat_compartment");
    run_sql(std::string("UPDATE stat_compartment SET open_day = ") + day);
    EXPECT_TRUE(difference().starts_with("stat_compartment,")) << day;
    put_back("stat_compartment");
  }
}

TEST_F(TamperedStore, IsFoundOutIfAGroupIsNoGroup) {
  for (const char* bytes :
       {"x'80'", "x'0101'", "x'010100010100'", "sums || x'ff0100'", "substr(sums, 1, length(sums) - 1)"}) {
    for (const char* table : {"stat_compartment", "stat_compartment_day", "stat_city_hour"}) {
      keep(table);
      run_sql("UPDATE " + std::string(table) + " SET sums = CAST(" + bytes + " AS BLOB)");
      EXPECT_NE(difference(), "") << bytes;
      put_back(table);
    }
  }
}

}  // namespace
}  // namespace cubby::aggregator::testing

#include <fstream>

#include "tools/aggregator/storage/store_upgrade.h"
#include "unit/aggregator/test_store.h"

namespace cubby::aggregator::testing {
namespace {

TEST_F(Store, IsExactAfterAnOrdinaryDay) {
  fill_both();
  Aggregator aggregator(path);
  aggregator.report(journal);
  aggregator.report(other);
  const std::vector<LedgerRow> rows = ledger();
  const Verification result = verify_store(path, &rows);  // While the writer has it open.
  EXPECT_EQ(result.difference, "");
  EXPECT_EQ(result.verdict, "verify: exact");
}

TEST_F(Store, KeepsMarksAndLevelsWhenItIsOpenedAgain) {
  journal.open();
  for (std::uint32_t door = 1; door <= 4; ++door) {
    journal.deposit(door);
  }
  std::uint64_t epoch = 0;
  {
    Aggregator first(path);
    first.report(journal);
    epoch = first.store->identity().session_epoch;
  }
  Aggregator second(path);
  EXPECT_GT(second.store->identity().session_epoch, epoch);
  const StationRecord* station = second.centre->find("SX-TY-0001");
  ASSERT_NE(station, nullptr);
  EXPECT_EQ(station->journal.seq, 7U);
  EXPECT_EQ(station->journal.chain, journal.chain(7));
  EXPECT_EQ(station->facts.levels[3], 1);
  journal.collect(4);
  second.report(journal);
  EXPECT_EQ(difference(), "");
}

TEST_F(Store, HoldsExactlyWhatWasCommittedWhenTheProcessDies) {
  fill_both();
  {
    Aggregator aggregator(path);
    aggregator.report(journal);
    TestConnection connection(*aggregator.centre);
    connection.greet(1, other);
    connection.send(1, other.batch(1, 5));  // Never committed.
    // What a dead process leaves: the files as they are now, no checkpoint, no close.
    for (const char* suffix : {"", "-wal"}) {
      std::filesystem::copy_file(path + suffix, folder.file("dead.db") + suffix);
    }
  }
  path = folder.file("dead.db");
  EXPECT_EQ(difference(), "") << "read while the write-ahead log is not merged";
  Aggregator again(path);
  EXPECT_EQ(again.centre->find("SX-TY-0001")->journal.seq, journal.next_seq() - 1);
  again.report(other);
  const std::vector<LedgerRow> rows = ledger();
  EXPECT_EQ(verify_store(path, &rows).verdict, "verify: exact");
}

TEST_F(Store, ComparesARepeatedBatchFarBehindTheMarkWithTheLog) {
  fill_both();
  Aggregator aggregator(path);
  aggregator.report(journal);
  TestConnection connection(*aggregator.centre);
  connection.greet(1, journal);
  ASSERT_TRUE(connection.take_one().has_welcome());
  connection.send(1, journal.batch(7, 9));
  EXPECT_TRUE(connection.take_one().has_ack());
  v1::Up forged = journal.batch(7, 9);
  forged.mutable_batch()->set_events(1, "forged");
  connection.send(1, forged);
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_CONFLICT);
}

TEST_F(Store, IsExactExceptForItsGaps) {
  journal.open();
  Aggregator aggregator(path);
  aggregator.report(journal);
  TestConnection connection(*aggregator.centre);
  connection.greet(1, journal);
  connection.take_one();
  connection.send(1, journal.lose(3));
  aggregator.commit();
  journal.deposit(2);
  aggregator.report(journal);
  const Verification result = verify_store(path, nullptr);
  EXPECT_EQ(result.difference, "");
  EXPECT_EQ(result.verdict, "verify: exact except 1 gaps");
}

TEST_F(Store, FollowsAStationIntoItsNewJournal) {
  journal.open();
  journal.deposit(1);
  Aggregator aggregator(path);
  aggregator.report(journal);
  TestJournal fresh("SX-TY-0001", 3);
  fresh.open();  // Its Snapshot says that all compartments are vacant.
  fresh.deposit(2);
  aggregator.report(fresh, true);
  EXPECT_EQ(difference(), "");
  EXPECT_EQ(aggregator.centre->find("SX-TY-0001")->facts.levels[0], 0);
  EXPECT_EQ(aggregator.centre->find("SX-TY-0001")->former_journals.size(), 1U);
}

TEST_F(Store, VerifyFindsATamperedStatistic) {
  fill_both();
  { Aggregator(path).report(journal); }
  for (std::size_t i = 0; i < kTableCount; ++i) {
    const std::string table(spec(static_cast<Table>(i)).name);
    run_sql("BEGIN; CREATE TABLE kept AS SELECT * FROM " + table + "; DELETE FROM " + table +
            " WHERE row_key = (SELECT max(row_key) FROM " + table + "); COMMIT");
    EXPECT_NE(difference(), "") << "a row of " << table << " was deleted";
    run_sql("BEGIN; DELETE FROM " + table + "; INSERT INTO " + table + " SELECT * FROM kept; DROP TABLE kept; COMMIT");
    EXPECT_EQ(difference(), "");
  }
}

TEST_F(Store, VerifyFindsATamperedLog) {
  fill_both();
  { Aggregator(path).report(journal); }
  const std::vector<std::string> crimes = {
      "UPDATE event_batches SET payload = CAST(substr(payload, 1, 20) || x'00' || substr(payload, 22) AS BLOB) WHERE "
      "batch_id = 3",
      "DELETE FROM event_batches WHERE batch_id = 2",
      "UPDATE event_batches SET last_seq = last_seq + 1 WHERE batch_id = 2",
      "UPDATE event_batches SET chain = chain + 1 WHERE batch_id = (SELECT max(batch_id) FROM event_batches)",
      "UPDATE journals SET seq = seq + 1",
      "UPDATE journals SET chain = chain + 1",
      "UPDATE stations SET city_id = city_id + 1",
      "INSERT INTO gaps(station_id, journal_id, from_seq, to_seq, cause, new_chain, received_utc_ms) "
      "VALUES(1,1,3,4,1,0,0)",
      "UPDATE brands SET name = 'xx'"};
  for (std::size_t i = 0; i < crimes.size(); ++i) {
    const std::string copy = folder.file("copy" + std::to_string(i) + ".db");
    std::filesystem::copy_file(path, copy);
    const std::string kept = std::exchange(path, copy);
    ASSERT_EQ(difference(), "");
    run_sql(crimes[i]);
    EXPECT_NE(difference(), "") << crimes[i];
    path = kept;
  }
}

TEST_F(Store, VerifyFindsADifferenceToTheLedger) {
  fill_both();
  Aggregator aggregator(path);
  aggregator.report(journal);
  aggregator.report(other);
  std::vector<LedgerRow> rows = ledger();
  rows[4].observable.of[kCollectionKind] += 1;
  const Verification result = verify_store(path, &rows);
  EXPECT_EQ(result.verdict, "verify: NOT exact");
  EXPECT_NE(result.difference.find("SX-TY-0001, compartment 5"), std::string::npos) << result.difference;
  rows = ledger();
  rows.erase(rows.begin());
  EXPECT_NE(verify_store(path, &rows).difference.find("not in the ledger"), std::string::npos);
  rows = ledger();
  rows.push_back(rows.front());
  EXPECT_NE(verify_store(path, &rows).difference.find("twice in the ledger"), std::string::npos);
  rows = ledger();
  rows.push_back(rows.front());
  rows.back().station = "SX-XX-0009";
  rows.back().observable.of[kDepositKind] = 1;
  EXPECT_NE(verify_store(path, &rows).difference.find("SX-XX-0009"), std::string::npos);
}

TEST_F(Store, VerifyListsUncertainCompartmentsApartAndNoMoreThanTheirOpenings) {
  fill_both();
  v1::Event event = journal.event();
  event.mutable_custody_uncertain()->set_compartment(5);
  journal.add(event);
  Aggregator aggregator(path);
  aggregator.report(journal);
  aggregator.report(other);
  std::vector<LedgerRow> rows = ledger();
  rows[4].observable.of[kCollectionKind] += 1;
  EXPECT_EQ(verify_store(path, &rows).verdict, "verify: exact, 1 compartments uncertain");
  rows[4].observable.of[kCollectionKind] += 1;
  EXPECT_EQ(verify_store(path, &rows).verdict, "verify: NOT exact");
}

// A person pressed a key and the panel went dark: the parcel was collected or refused, and the ledger cannot say.
TEST_F(Store, VerifyListsOpeningsThatTheLedgerIsUnsureOfApart) {
  fill_both();
  Aggregator aggregator(path);
  aggregator.report(journal);
  aggregator.report(other);
  std::vector<LedgerRow> rows = ledger();
  rows[4].observable.of[kCollectionKind] -= 1;
  rows[4].observable.of[kRefusalKind] += 1;
  EXPECT_EQ(verify_store(path, &rows).verdict, "verify: NOT exact");
  rows[4].unsure = 1;
  EXPECT_EQ(verify_store(path, &rows).verdict, "verify: exact, 1 compartments uncertain");
}

TEST_F(Store, RefusesASecondWriter) {
  Aggregator first(path);
  EXPECT_EQ(open_sqlite_store(path, fill).error, "another aggregator has it open");
}

TEST_F(Store, RefusesFilesThatAreNoStoreAndLeavesThemAlone) {
  const std::string words(9'000, 'x');
  std::ofstream(path) << words;
  EXPECT_NE(open_sqlite_store(path, fill).error, "");
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), words);
  std::filesystem::remove(path);
  run_sql("CREATE TABLE someone_elses(x)");
  EXPECT_EQ(open_sqlite_store(path, fill).error, "a database, but not a cubby store");
  EXPECT_NE(difference(), "");
}

TEST_F(Store, RefusesAnotherSchemaVersionByName) {
  { Aggregator made(path); }
  run_sql("PRAGMA user_version = 99");
  EXPECT_EQ(open_sqlite_store(path, fill).error, "the store has schema version 99, this program reads version 8");
}

TEST_F(Store, RetiresOldDaysAndStaysExact) {
  journal.open();
  for (std::uint32_t day = 0; day < 60; ++day) {
    journal.deposit(1 + day % 10, kNoonUtcMs + day * 86'400'000ULL);
    journal.collect(1 + day % 10, kNoonUtcMs + day * 86'400'000ULL + 3'600'000);
  }
  Aggregator aggregator(path);
  aggregator.report(journal);
  aggregator.centre->mark_time(kNoonUtcMs + 60 * 86'400'000ULL);
  TestJournal late("SX-TY-0003", 3);
  late.open();
  late.deposit(1, kNoonUtcMs);  // A day that is retired already.
  aggregator.report(late);
  EXPECT_EQ(difference(), "");
  Database database;
  ASSERT_TRUE(database.open(path, Database::Mode::kReadOnly));
  Statement oldest(
      database,
      "SELECT count(*) FROM stat_compartment_day WHERE row_key >> 24 < (SELECT value FROM meta WHERE name = "
      "'compartment_day_floor')");
  ASSERT_TRUE(oldest.row());
  EXPECT_EQ(oldest.number(0), 0);
  // Whoever asks for such days is told from which one on they are kept.
  StoreReader reader;
  ASSERT_EQ(reader.open(path), "");
  StatisticsQuery query;
  query.station = "SX-TY-0001";
  const auto deposits_from = [&](GroupBy by, std::int64_t from) {
    query.by = by;
    query.from_day = from;
    query.to_day = *day_from_text("2025-06-01");
    const StatisticsAnswer answer = reader.statistics(query);
    std::int64_t deposits = 0;
    for (const StatisticsRow& row : answer.rows) {
      deposits += row.sum(Column::kDeposits);
    }
    EXPECT_EQ(answer.complete, !answer.kept_from_day.has_value());
    return std::pair(deposits, answer.kept_from_day ? day_text(*answer.kept_from_day) : "");
  };
  const std::int64_t first = *day_from_text("2025-03-03");
  EXPECT_EQ(deposits_from(GroupBy::kCompartment, first), std::pair(35L, std::string("2025-03-28")));
  EXPECT_EQ(deposits_from(GroupBy::kHour, first), std::pair(40L, std::string("2025-03-23")));
  EXPECT_EQ(deposits_from(GroupBy::kDay, first), std::pair(60L, std::string()));
  EXPECT_EQ(deposits_from(GroupBy::kCompartment, first + 25), std::pair(35L, std::string()));
  query.station = "SX-TY-0003";
  EXPECT_EQ(deposits_from(GroupBy::kCompartment, first), std::pair(0L, std::string("2025-03-28")));
}

// One event of a clock that was a century ahead: the days before it are there as before.
TEST_F(Store, AnswersOfDaysHoweverFarApartTheyAre) {
  journal.open();
  journal.deposit(1, kNoonUtcMs);
  journal.deposit(2, kNoonUtcMs + 40'000 * 86'400'000ULL);
  Aggregator aggregator(path);
  aggregator.report(journal);
  StoreReader reader;
  ASSERT_EQ(reader.open(path), "");
  StatisticsQuery query;
  query.station = "SX-TY-0001";
  const auto deposits = [&](GroupBy by) {
    query.by = by;
    std::int64_t sum = 0;
    for (const StatisticsRow& row : reader.statistics(query).rows) {
      sum += row.sum(Column::kDeposits);
    }
    return sum;
  };
  for (const GroupBy by : {GroupBy::kDay, GroupBy::kHour, GroupBy::kCompartment, GroupBy::kStation}) {
    query.from_day = query.to_day = std::nullopt;
    EXPECT_EQ(deposits(by), 2);
    query.from_day = *day_from_text("2025-03-01");
    EXPECT_EQ(deposits(by), 2);
    query.to_day = *day_from_text("2025-04-01");
    EXPECT_EQ(deposits(by), 1);
  }
}

// The clock of a station was ahead, and its next journal is of a time before: the newest event is the older one's.
TEST_F(Store, AnswersUpToTheNewestEventOfAnyJournal) {
  journal.open();
  journal.deposit(1, kNoonUtcMs + 10 * 86'400'000ULL);
  TestJournal next("SX-TY-0001", 3);
  next.open();
  next.deposit(2, kNoonUtcMs);
  Aggregator aggregator(path);
  aggregator.report(journal);
  aggregator.report(next, true);
  StoreReader reader;
  ASSERT_EQ(reader.open(path), "");
  StatisticsQuery query;
  query.by = GroupBy::kDay;
  query.from_day = *day_from_text("2025-03-01");
  query.to_day = *day_from_text("2025-04-01");
  for (const char* station : {"", "SX-TY-0001"}) {
    query.station = station;
    const StatisticsAnswer days = reader.statistics(query);
    ASSERT_EQ(days.rows.size(), 2U);
    EXPECT_EQ(*days.rows[1].label("day"), "2025-03-13");
    EXPECT_EQ(days.watermark_utc_ms, kNoonUtcMs + 10 * 86'400'000ULL);
  }
  query.by = GroupBy::kStation;
  EXPECT_EQ(reader.statistics(query).rows.at(0).sum(Column::kDeposits), 2);
}

TEST_F(Store, AnswersStatisticsFromTheTables) {
  fill_both();
  Aggregator aggregator(path);
  aggregator.report(journal);
  aggregator.report(other);
  StoreReader reader;
  ASSERT_EQ(reader.open(path), "");
  StatisticsQuery query;
  StatisticsAnswer answer = reader.statistics(query);
  ASSERT_EQ(answer.rows.size(), 2U);
  EXPECT_EQ(answer.rows[1].labels[0].second, "Taiyuan");
  EXPECT_EQ(answer.rows[1].sum(Column::kDeposits), 40);
  EXPECT_EQ(answer.rows[1].sum(Column::kCollections), 30);
  EXPECT_EQ(answer.rows[1].occupied, 10);
  EXPECT_EQ(answer.rows[1].compartments, 10);
  EXPECT_TRUE(answer.complete);
  EXPECT_GT(answer.watermark_utc_ms, kNoonUtcMs);

  query.by = GroupBy::kCompartment;
  EXPECT_EQ(reader.statistics(query).status, ReadStatus::kNotSupported);
  query.station = "SX-TY-0001";
  answer = reader.statistics(query);
  ASSERT_EQ(answer.rows.size(), 10U);
  EXPECT_EQ(answer.rows[9].sum(Column::kDeposits), 4);
  query.station = "NOWHERE";
  EXPECT_EQ(reader.statistics(query).status, ReadStatus::kUnknownStation);

  query = {};
  query.by = GroupBy::kBrand;
  answer = reader.statistics(query);
  ASSERT_EQ(answer.rows.size(), 1U);
  EXPECT_EQ(answer.rows[0].sum(Column::kDeposits), 80);
  query.by = GroupBy::kDay;
  query.station = "SX-TY-0001";
  answer = reader.statistics(query);
  ASSERT_EQ(answer.rows.size(), 1U);
  EXPECT_EQ(answer.rows[0].labels[0].second, "2025-03-03");
  const double by_station = answer.rows[0].mean_occupied.value();
  query.station.clear();
  query.city = "Taiyuan";  // From hours instead of days: the same figure.
  answer = reader.statistics(query);
  EXPECT_NEAR(answer.rows[0].mean_occupied.value(), by_station, 1e-9);
  query.by = GroupBy::kHour;
  query.limit = 3;
  query.offset = 2;
  answer = reader.statistics(query);
  ASSERT_EQ(answer.rows.size(), 3U);
  EXPECT_EQ(answer.total, 7U);
  EXPECT_EQ(answer.rows[0].labels[0].second, "2025-03-03T14:00");
}

// What is worked out from the sums: 40 deposits and 30 collections of an hour each in 10 compartments.
TEST_F(Store, AnswersWhatFollowsFromTheSums) {
  fill_both();
  v1::Event failed = journal.event(kNoonUtcMs + 1);
  failed.mutable_open_failed()->set_compartment(1);
  failed.mutable_open_failed()->set_cause(v1::OPEN_FAILURE_JAMMED);
  for (int i = 0; i < 30; ++i) {
    journal.add(failed);
  }
  v1::Event booted = journal.event(kNoonUtcMs + 2 * 86'400'000ULL);
  booted.mutable_booted()->set_cause(v1::BOOT_CAUSE_POWER);
  booted.mutable_booted()->set_off_ms(86'400'000);
  journal.add(booted);
  Aggregator aggregator(path);
  aggregator.report(journal);
  aggregator.report(other);
  StoreReader reader;
  ASSERT_EQ(reader.open(path), "");
  StatisticsQuery query;
  query.by = GroupBy::kStation;
  query.station = "SX-TY-0001";
  const auto figure = [](const StatisticsAnswer& answer, std::string_view name) {
    const Figure value = figure_of(answer.rows.at(0), answer.has, *figure_from_name(name));
    const auto* whole = std::get_if<std::int64_t>(&value);
    return whole != nullptr ? static_cast<double>(*whole) : std::get<double>(value);
  };
  const StatisticsAnswer answer = reader.statistics(query);
  EXPECT_EQ(figure(answer, "open_failed"), 30);
  EXPECT_DOUBLE_EQ(figure(answer, "first_open_ratio"), 0.7);  // 70 openings at the first attempt, 30 in vain.
  EXPECT_DOUBLE_EQ(figure(answer, "mean_door_open_s"), 40 * 5.0 / 70);
  EXPECT_DOUBLE_EQ(figure(answer, "turns"), 30 / (10 * 2.0));  // The two days from the first event to the last.
  EXPECT_DOUBLE_EQ(figure(answer, "uptime"), 0.5);
  EXPECT_EQ(figure(answer, "outages"), 1);
  for (const char* name : {"dwell_p50_h", "dwell_p90_h", "dwell_p99_h"}) {
    EXPECT_NEAR(figure(answer, name), 1, 0.02) << name;
  }
  // Of one day of two: half the time.
  query.to_day = day_from_text("2025-03-04");
  EXPECT_DOUBLE_EQ(figure(reader.statistics(query), "turns"), 30 / (10 * 0.5));
  // The same figures from hours and from days.
  query = {};
  query.by = GroupBy::kDay;
  query.city = "Taiyuan";
  const StatisticsAnswer by_day = reader.statistics(query);
  EXPECT_EQ(by_day.rows.at(0).label("day")->substr(0), "2025-03-03");
  EXPECT_DOUBLE_EQ(figure(by_day, "turns"), 30 / 10.0);
  EXPECT_NEAR(figure(by_day, "dwell_p50_h"), 1, 0.02);
  query.by = GroupBy::kSize;
  EXPECT_NEAR(figure(reader.statistics(query), "dwell_p99_h"), 1, 0.02);
}

TEST_F(Store, KnowsTheQuantilesOfDoorsAndOfAStationsHoursFromItsLog) {
  journal.open();
  // Each door keeps its parcels for as many hours as its number, and on the next day for ten times as long.
  for (std::uint32_t door = 1; door <= 10; ++door) {
    for (const std::uint64_t day : {0, 1}) {
      v1::Event event = journal.event(kNoonUtcMs + day * 86'400'000 + door * 1'000);
      event.mutable_collected()->set_compartment(door);
      event.mutable_collected()->set_dwell_ms(door * 3'600'000ULL * (day == 0 ? 1 : 10));
      journal.add(event);
      event.mutable_collected()->set_item(v1::ITEM_READING_PRESENT);  // Is there still.
      journal.add(event);
    }
  }
  Aggregator aggregator(path);
  aggregator.report(journal);
  StoreReader reader;
  ASSERT_EQ(reader.open(path), "");
  StatisticsQuery query;
  query.by = GroupBy::kCompartment;
  query.station = "SX-TY-0001";
  EXPECT_FALSE(reader.statistics(query).rows.at(0).dwell_ms[0].has_value()) << "a lifetime's log is too long to read";
  query.from_day = day_from_text("2025-03-03");
  query.to_day = day_from_text("2025-03-04");
  const auto hours = [](const StatisticsRow& row, std::size_t quantile) {
    return static_cast<double>(row.dwell_ms[quantile].value_or(0)) / 3.6e6;
  };
  const StatisticsAnswer doors = reader.statistics(query);
  ASSERT_EQ(doors.rows.size(), 10U);
  for (std::size_t door = 1; door <= 10; ++door) {
    EXPECT_EQ(doors.rows[door - 1].sum(Column::kDwellCount), 1);
    EXPECT_NEAR(hours(doors.rows[door - 1], 0), static_cast<double>(door), 0.02 * static_cast<double>(door));
  }
  query.by = GroupBy::kHour;
  query.to_day.reset();
  const StatisticsAnswer by_hour = reader.statistics(query);
  ASSERT_EQ(by_hour.rows.size(), 2U);
  EXPECT_NEAR(hours(by_hour.rows[0], 0), 5, 0.1);
  EXPECT_NEAR(hours(by_hour.rows[1], 0), 50, 1);
  EXPECT_NEAR(hours(by_hour.rows[1], 2), 100, 2);
}

TEST_F(Store, SortsRowsByAnyColumnBeforeItCutsThePage) {
  fill_both();
  Aggregator aggregator(path);
  aggregator.report(journal);
  StoreReader reader;
  ASSERT_EQ(reader.open(path), "");
  StatisticsQuery query;
  query.by = GroupBy::kCompartment;
  query.station = "SX-TY-0001";
  query.sort = "compartment";
  query.descending = true;
  query.limit = 2;
  StatisticsAnswer answer = reader.statistics(query);
  ASSERT_EQ(answer.rows.size(), 2U);
  EXPECT_EQ(*answer.rows[0].label("compartment"), "10");
  EXPECT_EQ(*answer.rows[1].label("compartment"), "9");
  EXPECT_EQ(answer.total, 10U);
  query = {};
  query.by = GroupBy::kHour;
  query.sort = "deposits";
  query.descending = true;
  answer = reader.statistics(query);
  for (std::size_t i = 1; i < answer.rows.size(); ++i) {
    EXPECT_GE(answer.rows[i - 1].sum(Column::kDeposits), answer.rows[i].sum(Column::kDeposits));
  }
  // Hours in which nothing was collected have no mean dwell: they come last either way.
  for (const bool descending : {false, true}) {
    query.sort = "mean_dwell_h";
    query.descending = descending;
    answer = reader.statistics(query);
    EXPECT_GT(answer.rows.front().sum(Column::kDwellCount), 0);
    EXPECT_EQ(answer.rows.back().sum(Column::kDwellCount), 0);
  }
  for (const char* wrong : {"no_such", "boots", "level_delta", "station"}) {
    query.sort = wrong;
    EXPECT_EQ(reader.statistics(query).status, ReadStatus::kNoSuchColumn) << wrong;
  }
}

TEST_F(Store, VerifyFindsATamperedTime) {
  fill_both();
  { Aggregator(path).report(journal); }
  run_sql("UPDATE journals SET first_event_utc_ms = first_event_utc_ms + 1");
  EXPECT_NE(difference().find("times of the first"), std::string::npos) << difference();
}

}  // namespace
}  // namespace cubby::aggregator::testing

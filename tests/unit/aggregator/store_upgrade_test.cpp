#include "tools/aggregator/storage/store_upgrade.h"

#include <fstream>

#include "unit/aggregator/test_store.h"

namespace cubby::aggregator::testing {
namespace {

/// A store that an older version wrote: one station's first two days.
struct OldStore : Store, ::testing::WithParamInterface<int> {
  void SetUp() override {
    std::filesystem::copy_file(CUBBY_TESTS_DIR "/golden/store_v" + std::to_string(GetParam()) + ".sqlite", path);
  }
  std::string bytes(const std::string& of) {
    std::ifstream file(of, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// Nothing but the statistics' shape and the stations' standing is new, and they say at least what they said.
  void compare_with(const std::string& old) {
    Database both;
    ASSERT_TRUE(both.open(path, Database::Mode::kReadOnly));
    ASSERT_TRUE(both.run(("ATTACH '" + old + "' AS old").c_str()));
    for (const char* table : {"event_batches", "stations", "gaps", "cities", "brands", "meta"}) {
      const std::string name(table);
      const std::string columns =
          name == "stations" ? "station_id, name, city_id, utc_offset_min, config_version, compartments, config" : "*";
      const std::string now = "SELECT " + columns + " FROM main." + name;
      const std::string then = "SELECT " + columns + " FROM old." + name;
      Statement differs(
          both, "SELECT count(*) FROM (" + now + " EXCEPT " + then + " UNION ALL " + then + " EXCEPT " + now + ")");
      ASSERT_TRUE(differs.row()) << name;
      EXPECT_EQ(differs.number(0), 0) << name;
    }
    const std::string old_days = GetParam() < 6 ? "old.stat_station_day" : "old.by_station_day";  // Running sums since.
    Statement same(both,
                   "SELECT count(*), sum(n.deposits), sum(length(s.dwell_histogram) > 0) FROM main.by_station_day n "
                   "JOIN main.stat_station_day s USING(row_key) JOIN " +
                       old_days +
                       " o USING(row_key) WHERE n.deposits = o.deposits AND n.dwell_ms = o.dwell_ms AND "
                       "n.level_moment_s = o.level_moment_s");
    ASSERT_TRUE(same.row());
    EXPECT_EQ(same.number(0), 3);
    EXPECT_GT(same.number(1), 20);
    EXPECT_GT(same.number(2), 0);
  }
};

TEST_P(OldStore, IsRefusedByNameAndBroughtUpToDateWhenItIsAskedFor) {
  const std::string before = bytes(path);
  EXPECT_EQ(open_sqlite_store(path, fill).error,
            "the store has schema version " + std::to_string(GetParam()) +
                ", this program reads version 8; cubby-aggregator --upgrade brings it up to date and keeps a copy");
  EXPECT_EQ(bytes(path), before);
  StoreUpgrade upgrade = upgrade_sqlite_store(path);
  ASSERT_EQ(upgrade.error, "");
  EXPECT_EQ(upgrade.from_version, GetParam());
  EXPECT_EQ(verify_store(path, nullptr).verdict, "verify: exact");
  EXPECT_NE(verify_store(upgrade.backup, nullptr).difference.find("schema version " + std::to_string(GetParam())),
            std::string::npos);
  compare_with(upgrade.backup);
  upgrade = upgrade_sqlite_store(path);
  EXPECT_EQ(upgrade.error + upgrade.backup, "") << "a second time there is nothing to do";
  Aggregator goes_on(path);
  EXPECT_EQ(goes_on.centre->station_count(), 1U);
  EXPECT_EQ(goes_on.centre->stations_in(StationState::kActive), 1U);
  other.open("Taiyuan");  // The same city, brand and days, and others.
  for (const int day : {-2, -1, 0, 1, 2, 40}) {
    other.deposit(1, kNoonUtcMs + static_cast<std::uint64_t>(day) * 86'400'000);
    goes_on.report(other);
  }
  EXPECT_EQ(verify_store(path, nullptr).difference, "");
}

TEST_P(OldStore, StaysAsItWasIfItCannotBeBroughtUpToDate) {
  run_sql(GetParam() == 4   ? "ALTER TABLE stations ADD COLUMN other_journal"
          : GetParam() == 7 ? "DROP VIEW by_station"
                            : "UPDATE journals SET chain = chain + 1");
  const std::string before = bytes(path);
  EXPECT_NE(upgrade_sqlite_store(path).error.find("the store is left as it was"), std::string::npos);
  EXPECT_EQ(bytes(path), before);
  EXPECT_NE(upgrade_sqlite_store(path).error.find("exists already"), std::string::npos) << "the first backup";
  run_sql("PRAGMA user_version = 99");
  EXPECT_NE(upgrade_sqlite_store(path).error.find("schema version 99"), std::string::npos);
  run_sql("PRAGMA user_version = 2");
  EXPECT_NE(upgrade_sqlite_store(path).error.find("schema version 2"), std::string::npos);
  EXPECT_NE(upgrade_sqlite_store(folder.file("nothing.db")).error, "");
  EXPECT_FALSE(std::filesystem::exists(folder.file("nothing.db")));
}

INSTANTIATE_TEST_SUITE_P(OfVersion, OldStore, ::testing::Values(3, 4, 5, 6, 7), ::testing::PrintToStringParamName());

}  // namespace
}  // namespace cubby::aggregator::testing

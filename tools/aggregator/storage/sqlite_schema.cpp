#include "tools/aggregator/storage/sqlite_schema.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tools/aggregator/core/statistics.h"

namespace cubby::aggregator {
namespace {

constexpr const char* kPlainTables = R"sql(
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE cities(city_id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE brands(brand_id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE stations(
  station_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  city_id INTEGER NOT NULL,
  utc_offset_min INTEGER NOT NULL,
  config_version INTEGER NOT NULL,
  compartments INTEGER NOT NULL,
  config BLOB NOT NULL,
  state INTEGER NOT NULL,
  state_reason INTEGER NOT NULL,
  state_since_utc_ms INTEGER NOT NULL,
  other_journal BLOB NOT NULL,
  key_version INTEGER NOT NULL,
  key_version_min INTEGER NOT NULL);
CREATE TABLE journals(
  journal_id INTEGER PRIMARY KEY,
  station_id INTEGER NOT NULL,
  uid BLOB NOT NULL,
  seq INTEGER NOT NULL,
  chain INTEGER NOT NULL,
  last_batch_id INTEGER NOT NULL,
  last_event_utc_ms INTEGER NOT NULL,
  boot INTEGER NOT NULL,
  first_event_utc_ms INTEGER NOT NULL);
CREATE TABLE event_batches(
  batch_id INTEGER PRIMARY KEY,
  previous_id INTEGER NOT NULL,
  station_id INTEGER NOT NULL,
  journal_id INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  first_utc_ms INTEGER NOT NULL,
  last_utc_ms INTEGER NOT NULL,
  previous_chain INTEGER NOT NULL,
  chain INTEGER NOT NULL,
  payload BLOB NOT NULL);
CREATE TABLE gaps(
  gap_id INTEGER PRIMARY KEY,
  station_id INTEGER NOT NULL,
  journal_id INTEGER NOT NULL,
  from_seq INTEGER NOT NULL,
  to_seq INTEGER NOT NULL,
  cause INTEGER NOT NULL,
  new_chain INTEGER NOT NULL,
  received_utc_ms INTEGER NOT NULL);
)sql";

constexpr const char* kDayIndex = "CREATE INDEX stat_station_day_by_station ON stat_station_day(row_key & 16777215)";

// What a person reads: the packed keys taken apart, and what a station has done in all its life ...
std::string lifetime_view() {
  std::string columns;
  for (const Column column : spec(Table::kStationDay).columns) {
    const std::string name(to_string(column));
    if (column != Column::kLevelMomentS) {  // A lifetime has no end that moments could be counted to.
      columns += ", ifnull(newest." + name + ", 0) + ifnull(unplaced." + name + ", 0) AS " + name;
    }
  }
  return "CREATE VIEW by_station AS SELECT station_id" + columns +
         " FROM stations LEFT JOIN stat_station_day newest ON newest.row_key = (SELECT max(row_key) FROM "
         "stat_station_day WHERE row_key & 16777215 = station_id AND row_key >= 16777216) LEFT JOIN stat_station_day "
         "unplaced ON unplaced.row_key = station_id WHERE newest.row_key NOT NULL OR unplaced.row_key NOT NULL";
}

// ... or what each day added to the days before.
std::string day_view() {
  std::string columns;
  for (const Column column : spec(Table::kStationDay).columns) {
    const std::string name(to_string(column));
    columns += ", " + name + " - lag(" + name + ", 1, 0) OVER days AS " + name;
  }
  return "CREATE VIEW by_station_day AS SELECT row_key >> 24 AS day, row_key & 16777215 AS station_id, row_key" +
         columns +
         " FROM stat_station_day WINDOW days AS (PARTITION BY row_key & 16777215, row_key < 16777216 ORDER BY row_key)";
}

std::string table_sql(Table table) {
  const TableSpec& shape = spec(table);
  std::string sql = "CREATE TABLE " + std::string(shape.name) + "(row_key INTEGER PRIMARY KEY";
  if (table == Table::kCompartment || table == Table::kCityBrandSizeSpan) {
    return sql + ", open_day INTEGER NOT NULL DEFAULT 0, sums BLOB NOT NULL DEFAULT x'')";
  }
  if (shape.group_bits != 0) {
    return sql + ", sums BLOB NOT NULL)";
  }
  for (const Column column : shape.columns) {
    sql += ", " + std::string(to_string(column)) + " INTEGER NOT NULL DEFAULT 0";
  }
  return sql + ", " + std::string(kDwellsName) + " BLOB NOT NULL DEFAULT x'')";
}

std::int64_t pragma(Database& database, const char* sql) {
  Statement statement(database, sql);
  return statement.row() ? statement.number(0) : -1;
}

}  // namespace

bool create_statistics(Database& database) {
  for (std::size_t i = 0; i < kTableCount; ++i) {
    if (!database.run(table_sql(static_cast<Table>(i)).c_str())) {
      return false;
    }
  }
  return database.run(kDayIndex) && database.run(lifetime_view().c_str()) && database.run(day_view().c_str());
}

// Nothing was counted yet on the day after a brand's newest one: that one is open.
bool bring_statistics_to_version_8(Database& database) {
  return database.run("DROP VIEW by_station; DROP TABLE stat_station") && database.run(lifetime_view().c_str()) &&
         database.run("ALTER TABLE stat_city_brand_size_span RENAME TO closed_spans") &&
         database.run(table_sql(Table::kCityBrandSizeSpan).c_str()) &&
         database.run(
             "INSERT INTO stat_city_brand_size_span(row_key, sums) SELECT row_key, sums FROM closed_spans;"
             "DROP TABLE closed_spans;"
             "INSERT INTO stat_city_brand_size_span(row_key, open_day) SELECT open_day / 32 << 28 | pair, open_day "
             "FROM (SELECT row_key & 268435455 AS pair, max(row_key >> 28) + 1 AS open_day FROM "
             "stat_city_brand_size_day GROUP BY pair) WHERE open_day > 1 ON CONFLICT(row_key) DO UPDATE SET open_day = "
             "excluded.open_day");
}

bool drop_statistics(Database& database) {
  std::vector<std::string> names;
  Statement all(database,
                "SELECT type, name FROM sqlite_master WHERE type = 'view' OR (type = 'table' AND name LIKE 'stat~_%' "
                "ESCAPE '~') ORDER BY type DESC");
  while (all.row()) {
    names.push_back("DROP " + std::string(all.text(0)) + " \"" + std::string(all.text(1)) + "\"");
  }
  all.reset();
  return !all.failed() &&
         std::all_of(names.begin(), names.end(), [&](const std::string& sql) { return database.run(sql.c_str()); });
}

bool create_schema(Database& database) {
  const std::string marks = "PRAGMA application_id=" + std::to_string(kApplicationId) +
                            "; PRAGMA user_version=" + std::to_string(kSchemaVersion);
  return database.run(kPlainTables) && create_statistics(database) && database.run(marks.c_str());
}

std::string check_schema(Database& database, bool& empty, int* found) {
  empty = false;
  Statement count(database, "SELECT count(*) FROM sqlite_master");
  if (!count.row()) {
    return database.error();
  }
  if (count.number(0) == 0) {
    empty = true;
    return "the file is empty";
  }
  if (pragma(database, "PRAGMA application_id") != kApplicationId) {
    return "a database, but not a cubby store";
  }
  const std::int64_t version = pragma(database, "PRAGMA user_version");
  if (found != nullptr) {
    *found = static_cast<int>(version);
  }
  if (version != kSchemaVersion) {
    return "the store has schema version " + std::to_string(version) + ", this program reads version " +
           std::to_string(kSchemaVersion) +
           (version < kSchemaVersion ? "; cubby-aggregator --upgrade brings it up to date and keeps a copy" : "");
  }
  return {};
}

}  // namespace cubby::aggregator

#include "tools/aggregator/storage/sums_writer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tools/aggregator/core/dwell_histogram.h"
#include "tools/aggregator/storage/table_rows.h"

namespace cubby::aggregator {
namespace {

// A station's rows; the index of stat_station_day has them in the order of days. One bound below, since SQLite takes
// one of two for the index and tries the other row by row.
const std::string kOfStation = "row_key & 16777215 = ?1";
constexpr std::string_view kPlaced = " AND row_key >= 16777216";
static_assert(key::kStationsMax == 16'777'215);

Bytes blob_of(sqlite3_value* value) {
  const void* const bytes = sqlite3_value_blob(value);
  return {static_cast<const std::byte*>(bytes), static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

void give(sqlite3_context* context, const std::vector<std::byte>& bytes) {
  sqlite3_result_blob64(context, bytes.data(), bytes.size(), SQLITE_STATIC);  // Stored before the next call.
}

}  // namespace

bool SumsWriter::prepare() {
  // SQL: merge_dwells(packed, packed).
  const auto merge = [](sqlite3_context* context, int, sqlite3_value** values) {
    auto& writer = *static_cast<SumsWriter*>(sqlite3_user_data(context));
    if (!merge_dwells(blob_of(values[0]), blob_of(values[1]), writer.merged_)) {
      sqlite3_result_error(context, "a dwell histogram in the store is malformed", -1);
      return;
    }
    give(context, writer.merged_);
  };
  // SQL: add_group(many, few).
  const auto add = [](sqlite3_context* context, int, sqlite3_value** values) {
    auto& writer = *static_cast<SumsWriter*>(sqlite3_user_data(context));
    if (!writer.adder_.add(blob_of(values[0]), blob_of(values[1]), writer.merged_)) {
      sqlite3_result_error(context, "a group of statistics in the store is malformed", -1);
      return;
    }
    give(context, writer.merged_);
  };
  // SQL: add_compartment_day(lifetimes, day or null).
  const auto add_day = [](sqlite3_context* context, int, sqlite3_value** values) {
    auto& writer = *static_cast<SumsWriter*>(sqlite3_user_data(context));
    if (!writer.day_adder_.add(blob_of(values[0]), blob_of(values[1]), writer.merged_)) {
      sqlite3_result_error(context, "a day of compartments in the store is malformed", -1);
      return;
    }
    give(context, writer.merged_);
  };
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  sqlite3* const handle = database_.handle();
  return sqlite3_create_function_v2(handle, "merge_dwells", 2, kFlags, this, merge, nullptr, nullptr, nullptr) ==
             SQLITE_OK &&
         sqlite3_create_function_v2(handle, "add_group", 2, kFlags, this, add, nullptr, nullptr, nullptr) ==
             SQLITE_OK &&
         sqlite3_create_function_v2(handle, "add_compartment_day", 2, kFlags, this, add_day, nullptr, nullptr,
                                    nullptr) == SQLITE_OK &&
         prepare_groups() && prepare_days() && prepare_open_days();
}

bool SumsWriter::prepare_groups() {
  for (std::size_t i = 0; i < kTableCount; ++i) {
    const TableSpec& table = spec(static_cast<Table>(i));
    if (table.group_bits != 0 &&
        !groups_[i].prepare(database_, "INSERT INTO " + std::string(table.name) +
                                           "(row_key, sums) VALUES(?1, ?2) ON CONFLICT(row_key) DO UPDATE SET sums = "
                                           "add_group(sums, ?2)")) {
      return false;
    }
  }
  return true;
}

bool SumsWriter::prepare_days() {
  const TableSpec& table = spec(Table::kStationDay);
  const std::string name(table.name);
  const std::string columns = column_list(table);
  const std::string days = " FROM " + name + " WHERE " + kOfStation + std::string(kPlaced);
  return newest_day_.prepare(database_, "SELECT row_key" + days + " ORDER BY row_key DESC LIMIT 1") &&
         has_day_.prepare(database_, "SELECT 1 FROM " + name + " WHERE row_key = ?1") &&
         copy_day_.prepare(database_, "INSERT INTO " + name + "(row_key" + columns + ") SELECT ?2" + columns + days +
                                          " AND row_key < ?2 ORDER BY row_key DESC LIMIT 1") &&
         insert_day_.prepare(database_, "INSERT INTO " + name + "(row_key) VALUES(?1)");
}

bool SumsWriter::prepare_open_days() {
  const std::string close = "sums = add_compartment_day(sums, " + std::string(kOpenDaySums) + ")";
  return select_open_day_.prepare(database_, "SELECT open_day FROM stat_compartment WHERE row_key = ?1") &&
         close_day_.prepare(database_, "UPDATE stat_compartment SET open_day = ?2, " + close + " WHERE row_key = ?1") &&
         begin_lifetime_.prepare(database_, "INSERT INTO stat_compartment(row_key, open_day) VALUES(?1, ?2)") &&
         close_days_.prepare(database_,
                             "UPDATE stat_compartment SET open_day = ?1, " + close +
                                 " WHERE row_key IN (SELECT row_key FROM stat_compartment WHERE open_day > 0 "
                                 "AND open_day < ?1 LIMIT ?2)");
}

std::string SumsWriter::sql_of(Kind kind, std::uint64_t changed) {
  const TableSpec& shape = spec(Table::kStationDay);
  const std::string name(shape.name);
  std::string columns;  // That changed, each with a comma before it, and likewise ...
  std::string values;
  std::string updates;
  std::string followed;  // ... all of them, as they are in the day before, or more.
  int parameter = 3;
  for (std::size_t i = 0; i <= shape.columns.size(); ++i) {
    const bool is_sum = i < shape.columns.size();
    const std::string column(is_sum ? to_string(shape.columns[i]) : kDwellsName);
    if ((changed >> i & 1) == 0) {
      followed += ", " + column;
      continue;
    }
    const std::string number = "?" + std::to_string(parameter++);
    const std::string sum = is_sum ? column + " + " + number : "merge_dwells(" + column + ", " + number + ")";
    columns += ", " + column;
    values += ", " + number;
    updates += (updates.empty() ? "" : ", ") + column + " = " + sum;
    followed += ", " + sum;
  }
  switch (kind) {
    case Kind::kAddToRow:
      return "UPDATE " + name + " SET " + updates + " WHERE row_key = ?2";
    case Kind::kInsert:
      return "INSERT INTO " + name + "(row_key" + columns + ") VALUES(?2" + values + ")";
    case Kind::kAddFromDayOn:
      return "UPDATE " + name + " SET " + updates + " WHERE " + kOfStation + " AND row_key >= ?2";
    case Kind::kFollow:
      return "INSERT INTO " + name + "(row_key" + column_list(shape) + ") SELECT ?2" + followed + " FROM " + name +
             " WHERE row_key = ?1";
  }
  return {};
}

Statement& SumsWriter::statement(Kind kind, std::uint64_t changed) {
  static_assert(kColumnCount < 48);
  const std::uint64_t name = static_cast<std::uint64_t>(kind) << 48 | changed;
  if (const auto found = statements_.find(name); found != statements_.end()) {
    return found->second;
  }
  if (statements_.size() >= kStatementsMax) {
    statements_.clear();
  }
  return statements_.emplace(name, Statement(database_, sql_of(kind, changed))).first->second;
}

void SumsWriter::sort(const TableDelta& delta) {
  order_.clear();
  for (std::size_t i = 0; i < delta.size(); ++i) {
    order_.emplace_back(delta.key_at(i), static_cast<std::uint32_t>(i));
  }
  std::sort(order_.begin(), order_.end());
}

// A day that is not there yet begins with what its station had done before.
bool SumsWriter::begin_day(std::uint64_t row_key, std::uint64_t station) {
  const bool there = has_day_.bind(1, row_key).row();
  const bool failed = has_day_.failed();
  has_day_.reset();
  if (there || failed) {
    return there;
  }
  return copy_day_.bind(1, station).bind(2, row_key).done() && (wrote_one() || insert_day_.bind(1, row_key).done());
}

// `first`: what the kind's statement takes as ?1.
bool SumsWriter::write_row(Kind kind, std::uint64_t first, std::uint64_t row_key,
                           std::span<const std::int64_t> values) {
  const std::uint64_t changed = slots_in_use(values) | static_cast<std::uint64_t>(!dwells_.empty()) << values.size();
  Statement& add = statement(kind, changed);
  if (!add.ok()) {
    return false;
  }
  add.bind(1, first).bind(2, row_key);
  int parameter = 3;
  for (const std::int64_t value : values) {
    if (value != 0) {
      add.bind(parameter++, value);
    }
  }
  if (!dwells_.empty()) {
    add.bind(parameter, Bytes(dwells_));
  }
  return add.done();
}

// What has no day stands for itself.
bool SumsWriter::write_unplaced(std::uint64_t row_key, std::span<const std::int64_t> values) {
  return write_row(Kind::kAddToRow, row_key, row_key, values) &&
         (wrote_one() || write_row(Kind::kInsert, row_key, row_key, values));
}

bool SumsWriter::wrote_one() const {
  return sqlite3_changes(database_.handle()) == 1;
}

bool SumsWriter::find_newest_day(std::uint64_t station) {
  newest_days_.resize(std::max<std::size_t>(newest_days_.size(), station + 1), 0);
  if (newest_days_[station] != 0) {
    return true;
  }
  if (newest_day_.bind(1, station).row()) {
    newest_days_[station] = newest_day_.unsigned_number(0);
  }
  newest_day_.reset();
  return !newest_day_.failed();
}

bool SumsWriter::write_day(std::uint64_t row_key, std::span<const std::int64_t> values) {
  const std::uint64_t station = row_key & key::kStationsMax;
  if (!find_newest_day(station)) {
    return false;
  }
  std::uint64_t& newest = newest_days_[station];
  if (row_key == newest) {
    return write_row(Kind::kAddToRow, station, row_key, values) && wrote_one();
  }
  if (row_key < newest) {
    return begin_day(row_key, station) && write_row(Kind::kAddFromDayOn, station, row_key, values);
  }
  const std::uint64_t before = std::exchange(newest, row_key);
  return write_row(before == 0 ? Kind::kInsert : Kind::kFollow, before, row_key, values) && wrote_one();
}

bool SumsWriter::write_days(const TableDelta& delta) {
  sort(delta);
  for (const auto& [row_key, row] : order_) {
    const auto values = delta.values_at(row);
    if (slots_in_use(values) == 0) {
      continue;
    }
    delta.dwells_at(row, dwells_);
    if (!(row_key > key::kStationsMax ? write_day(row_key, values) : write_unplaced(row_key, values))) {
      return false;
    }
  }
  return true;
}

bool SumsWriter::write_groups(Table table, const TableDelta& delta) {
  sort(delta);
  const unsigned bits = spec(table).group_bits;
  Statement& add = groups_[static_cast<std::size_t>(table)];
  for (std::size_t at = 0; at < order_.size();) {
    const std::uint64_t group_key = order_[at].first >> bits;
    RowGroupWriter writer(group_);
    for (; at < order_.size() && order_[at].first >> bits == group_key; ++at) {
      const auto& [row_key, row] = order_[at];
      delta.dwells_at(row, dwells_);
      writer.put(static_cast<std::uint32_t>(row_key & ((1U << bits) - 1)), delta.values_at(row), dwells_);
    }
    if (!group_.empty() && !add.bind(1, group_key).bind(2, Bytes(group_)).done()) {
      return false;
    }
  }
  return true;
}

void SumsWriter::find_newest_days(const TableDelta& days) {
  std::fill(newest_written_.begin(), newest_written_.end(), 0);
  for (std::size_t i = 0; i < days.size(); ++i) {
    const std::uint64_t station = days.key_at(i) >> 8 & key::kStationsMax;
    newest_written_.resize(std::max<std::size_t>(newest_written_.size(), station + 1), 0);
    newest_written_[station] = std::max(newest_written_[station], days.key_at(i) >> 32);
  }
}

bool SumsWriter::find_open_day(std::uint64_t station) {
  open_days_.resize(std::max<std::size_t>(open_days_.size(), station + 1), kNotAsked);
  if (open_days_[station] != kNotAsked) {
    return true;
  }
  open_days_[station] = select_open_day_.bind(1, station).row() ? select_open_day_.unsigned_number(0) : 0;
  select_open_day_.reset();
  return !select_open_day_.failed();
}

// What the day before has is added to the lifetime as it stands in the store: before what is new of it is written.
bool SumsWriter::open_day(std::uint64_t station, std::uint64_t day) {
  if (!find_open_day(station) || day <= open_days_[station]) {
    return !select_open_day_.failed();
  }
  open_days_[station] = day;
  return close_day_.bind(1, station).bind(2, day).done() &&
         (wrote_one() || begin_lifetime_.bind(1, station).bind(2, day).done());
}

// Of each station all that is not of its open day: of days before, of none, of days that are no longer kept.
bool SumsWriter::write_compartments(const StatisticsDelta& sums) {
  const TableDelta& lifetimes = sums.of(Table::kCompartment);
  const TableDelta& days = sums.of(Table::kCompartmentDay);
  find_newest_days(days);
  sort(lifetimes);
  Statement& add = groups_[static_cast<std::size_t>(Table::kCompartment)];
  std::array<std::int64_t, kColumnCount> rest{};
  for (std::size_t at = 0; at < order_.size();) {
    const std::uint64_t station = order_[at].first >> 8;
    if (!open_day(station, station < newest_written_.size() ? newest_written_[station] : 0)) {
      return false;
    }
    RowGroupWriter writer(group_);
    for (; at < order_.size() && order_[at].first >> 8 == station; ++at) {
      const auto& [row_key, row] = order_[at];
      const auto values = lifetimes.values_at(row);
      std::copy(values.begin(), values.end(), rest.begin());
      const std::span left = std::span(rest).first(values.size());
      const std::size_t open = days.find(key::compartment_day(open_days_[station], station, row_key & 255));
      if (open_days_[station] != 0 && open != days.size()) {
        subtract_day(days.values_at(open), left);
      }
      writer.put(static_cast<std::uint32_t>(row_key & 255), left, {});
    }
    if (!group_.empty() && !add.bind(1, station).bind(2, Bytes(group_)).done()) {
      return false;
    }
  }
  return true;
}

std::optional<int> SumsWriter::close_days_before(std::uint64_t day, int stations_max) {
  if (!close_days_.bind(1, day).bind(2, stations_max).done()) {
    return std::nullopt;
  }
  const int closed = sqlite3_changes(database_.handle());
  if (closed > 0) {
    open_days_.clear();
  }
  return closed;
}

bool SumsWriter::write(const StatisticsDelta& sums) {
  if (!write_compartments(sums)) {  // Before the days, which it looks at as they were.
    return false;
  }
  for (std::size_t i = 0; i < kTableCount; ++i) {
    const auto table = static_cast<Table>(i);
    if (table == Table::kCompartment) {
      continue;
    }
    if (!(table == Table::kStationDay ? write_days(sums.of(table)) : write_groups(table, sums.of(table)))) {
      return false;
    }
  }
  return true;
}

}  // namespace cubby::aggregator

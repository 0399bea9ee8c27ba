#include "tools/aggregator/storage/sums_writer.h"

#include <algorithm>
#include <string>

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

std::uint64_t columns_changed(std::span<const std::int64_t> values) {
  std::uint64_t changed = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    changed |= static_cast<std::uint64_t>(values[i] != 0) << i;
  }
  return changed;
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
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  sqlite3* const handle = database_.handle();
  return sqlite3_create_function_v2(handle, "merge_dwells", 2, kFlags, this, merge, nullptr, nullptr, nullptr) ==
             SQLITE_OK &&
         sqlite3_create_function_v2(handle, "add_group", 2, kFlags, this, add, nullptr, nullptr, nullptr) ==
             SQLITE_OK &&
         prepare_groups() && prepare_days();
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
  return has_day_.prepare(database_, "SELECT 1 FROM " + name + " WHERE row_key = ?1") &&
         copy_day_.prepare(database_, "INSERT INTO " + name + "(row_key" + columns + ") SELECT ?2" + columns +
                                          " FROM " + name + " WHERE " + kOfStation + std::string(kPlaced) +
                                          " AND row_key < ?2 ORDER BY row_key DESC LIMIT 1") &&
         insert_day_.prepare(database_, "INSERT INTO " + name + "(row_key) VALUES(?1)");
}

Statement& SumsWriter::statement(Table table, Kind kind, std::uint64_t changed) {
  static_assert(kColumnCount < 48);
  const std::uint64_t name = static_cast<std::uint64_t>(table) << 56 | static_cast<std::uint64_t>(kind) << 48 | changed;
  if (const auto found = statements_.find(name); found != statements_.end()) {
    return found->second;
  }
  if (statements_.size() >= kStatementsMax) {
    statements_.clear();
  }
  const TableSpec& shape = spec(table);
  std::string columns;
  std::string values;
  std::string updates;
  int parameter = 3;
  for (std::size_t i = 0; i <= shape.columns.size(); ++i) {
    if ((changed >> i & 1) == 0) {
      continue;
    }
    const bool is_sum = i < shape.columns.size();
    const std::string column(is_sum ? to_string(shape.columns[i]) : kDwellsName);
    const std::string number = "?" + std::to_string(parameter++);
    columns += ", " + column;
    values += ", " + number;
    updates += (updates.empty() ? "" : ", ") + column + " = " +
               (is_sum ? column + " + " + number : "merge_dwells(" + column + ", " + number + ")");
  }
  const std::string sql =
      kind == Kind::kAdd
          ? "INSERT INTO " + std::string(shape.name) + "(row_key" + columns + ") VALUES(?2" + values +
                ") ON CONFLICT(row_key) DO UPDATE SET " + updates
          : "UPDATE " + std::string(shape.name) + " SET " + updates + " WHERE " + kOfStation + " AND row_key >= ?2";
  return statements_.emplace(name, Statement(database_, sql)).first->second;
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
  return copy_day_.bind(1, station).bind(2, row_key).done() &&
         (sqlite3_changes(database_.handle()) == 1 || insert_day_.bind(1, row_key).done());
}

bool SumsWriter::write_station_sums(Table table, const TableDelta& delta) {
  sort(delta);
  for (const auto& [row_key, row] : order_) {
    const auto values = delta.values_at(row);
    std::uint64_t changed = columns_changed(values);
    if (changed == 0) {
      continue;
    }
    delta.dwells_at(row, dwells_);
    changed |= static_cast<std::uint64_t>(!dwells_.empty()) << values.size();
    const bool runs = table == Table::kStationDay && row_key > key::kStationsMax;
    const std::uint64_t station = row_key & key::kStationsMax;
    if (runs && !begin_day(row_key, station)) {
      return false;
    }
    Statement& add = statement(table, runs ? Kind::kAddFromDayOn : Kind::kAdd, changed);
    if (!add.ok()) {
      return false;
    }
    add.bind(1, station).bind(2, row_key);
    int parameter = 3;
    for (const std::int64_t value : values) {
      if (value != 0) {
        add.bind(parameter++, value);
      }
    }
    if (!dwells_.empty()) {
      add.bind(parameter, Bytes(dwells_));
    }
    if (!add.done()) {
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

bool SumsWriter::write(const StatisticsDelta& sums) {
  for (std::size_t i = 0; i < kTableCount; ++i) {
    const auto table = static_cast<Table>(i);
    const bool good =
        spec(table).group_bits == 0 ? write_station_sums(table, sums.of(table)) : write_groups(table, sums.of(table));
    if (!good) {
      return false;
    }
  }
  return true;
}

}  // namespace cubby::aggregator

#include "tools/aggregator/storage/sums_writer.h"

#include <algorithm>
#include <string>

#include "tools/aggregator/core/dwell_histogram.h"

namespace cubby::aggregator {
namespace {

Bytes blob_of(sqlite3_value* value) {
  const void* const bytes = sqlite3_value_blob(value);
  return {static_cast<const std::byte*>(bytes), static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

// SQL: merge_dwells(packed, packed).
void merge_in_sql(sqlite3_context* context, int, sqlite3_value** values) {
  auto& out = *static_cast<std::vector<std::byte>*>(sqlite3_user_data(context));
  if (!merge_dwells(blob_of(values[0]), blob_of(values[1]), out)) {
    sqlite3_result_error(context, "a dwell histogram in the store is malformed", -1);
    return;
  }
  sqlite3_result_blob64(context, out.data(), out.size(), SQLITE_STATIC);  // Stored before the next call.
}

}  // namespace

bool SumsWriter::prepare() {
  return sqlite3_create_function_v2(database_.handle(), "merge_dwells", 2,
                                    SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, &merged_, merge_in_sql,
                                    nullptr, nullptr, nullptr) == SQLITE_OK;
}

Statement& SumsWriter::statement(Table table, std::uint64_t changed) {
  static_assert(kColumnCount < 56 && kTableCount <= 256);
  const std::uint64_t name = static_cast<std::uint64_t>(table) << 56 | changed;
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
  int parameter = 2;
  for (std::size_t i = 0; i < shape.columns.size(); ++i) {
    if ((changed >> i & 1) == 0) {
      continue;
    }
    const std::string column(to_string(shape.columns[i]));
    const std::string number = "?" + std::to_string(parameter++);
    columns += ", " + column;
    values += ", " + number;
    updates += (updates.empty() ? "" : ", ") + column + " = " + column + " + " + number;
  }
  if ((changed >> shape.columns.size() & 1) != 0) {
    const std::string column(kDwellsName);
    const std::string number = "?" + std::to_string(parameter);
    columns += ", " + column;
    values += ", " + number;
    updates += ", " + column + " = merge_dwells(" + column + ", " + number + ")";
  }
  const std::string sql = "INSERT INTO " + std::string(shape.name) + "(row_key" + columns + ") VALUES(?1" + values +
                          ") ON CONFLICT(row_key) DO UPDATE SET " + updates;
  return statements_.emplace(name, Statement(database_, sql)).first->second;
}

bool SumsWriter::write_table(Table table, const TableDelta& delta) {
  order_.clear();
  for (std::size_t i = 0; i < delta.size(); ++i) {
    order_.emplace_back(delta.key_at(i), static_cast<std::uint32_t>(i));
  }
  std::sort(order_.begin(), order_.end());
  for (const auto& [row_key, row] : order_) {
    const auto values = delta.values_at(row);
    std::uint64_t changed = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      changed |= static_cast<std::uint64_t>(values[i] != 0) << i;
    }
    if (changed == 0) {
      continue;
    }
    delta.dwells_at(row, dwells_);
    changed |= static_cast<std::uint64_t>(!dwells_.empty()) << values.size();
    Statement& upsert = statement(table, changed);
    if (!upsert.ok()) {
      return false;
    }
    upsert.bind(1, row_key);
    int parameter = 2;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] != 0) {
        upsert.bind(parameter++, values[i]);
      }
    }
    if (!dwells_.empty()) {
      upsert.bind(parameter, Bytes(dwells_));
    }
    if (!upsert.done()) {
      return false;
    }
  }
  return true;
}

bool SumsWriter::write(const StatisticsDelta& sums) {
  for (std::size_t i = 0; i < kTableCount; ++i) {
    if (!write_table(static_cast<Table>(i), sums.of(static_cast<Table>(i)))) {
      return false;
    }
  }
  return true;
}

}  // namespace cubby::aggregator

#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "tools/aggregator/core/row_group.h"
#include "tools/aggregator/core/statistics_delta.h"
#include "tools/aggregator/storage/sqlite.h"

namespace cubby::aggregator {

/// Adds sums to the statistics tables. Where a row has a column for each sum, there is a statement for each set of
/// columns that changed: most rows of a transaction change the same few. Where rows are stored together, those of a
/// transaction are put together first.
class SumsWriter {
 public:
  explicit SumsWriter(Database& database) : database_(database) {}
  /// Teaches the open connection to add histograms and groups; before the first write().
  bool prepare();
  bool write(const StatisticsDelta& sums);

 private:
  static constexpr std::size_t kStatementsMax = 512;
  /// What one row's statement is about.
  enum class Kind : std::uint8_t { kAdd, kAddFromDayOn };
  void sort(const TableDelta& delta);
  bool write_station_sums(Table table, const TableDelta& delta);
  bool write_groups(Table table, const TableDelta& delta);
  bool begin_day(std::uint64_t row_key, std::uint64_t station);
  Statement& statement(Table table, Kind kind, std::uint64_t changed);
  bool prepare_groups();
  bool prepare_days();

  Database& database_;
  // By table, kind and set of columns; the histogram is the one after the last.
  std::unordered_map<std::uint64_t, Statement> statements_;
  std::array<Statement, kTableCount> groups_;
  Statement has_day_, copy_day_, insert_day_;
  RowGroupAdder adder_;
  std::vector<std::byte> merged_;                               // Room of the SQL functions.
  std::vector<std::byte> dwells_;                               // Of the row that is being written ...
  std::vector<std::byte> group_;                                // ... and of the group.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> order_;  // Key and row, sorted: neighbours share a page.
};

}  // namespace cubby::aggregator

#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "tools/aggregator/core/statistics_delta.h"
#include "tools/aggregator/storage/sqlite.h"

namespace cubby::aggregator {

/// Adds sums to the statistics tables. A statement for each set of columns that changed: most rows of a
/// transaction change the same few.
class SumsWriter {
 public:
  explicit SumsWriter(Database& database) : database_(database) {}
  /// Teaches the open connection to add histograms; before the first write().
  bool prepare();
  bool write(const StatisticsDelta& sums);

 private:
  static constexpr std::size_t kStatementsMax = 512;
  bool write_table(Table table, const TableDelta& delta);
  Statement& statement(Table table, std::uint64_t changed);

  Database& database_;
  std::unordered_map<std::uint64_t, Statement>
      statements_;                 // By table and set of columns; the histogram is the one after the last.
  std::vector<std::byte> merged_;  // Room of the SQL function.
  std::vector<std::byte> dwells_;  // Of the row that is being written.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> order_;  // Key and row, sorted: neighbours share a page.
};

}  // namespace cubby::aggregator

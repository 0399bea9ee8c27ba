#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "firmware/base/bytes.h"
#include "tools/aggregator/core/statistics.h"

namespace cubby::aggregator {

/// What one transaction adds to one table: a flat hash map from row key to the row's sums.
class TableDelta {
 public:
  explicit TableDelta(Table table);

  /// Index of the row, made of zeros if it is new. `row_key` > 0.
  std::size_t row(std::uint64_t row_key) {
    if (row_key == last_key_) {
      return last_row_;
    }
    return find_or_insert(row_key);
  }
  /// Adds to one column; a column that the table does not have is ignored.
  void add(std::size_t row, Column column, std::int64_t value) {
    const int slot = spec_.slot[static_cast<std::size_t>(column)];
    if (slot >= 0) {
      values_[row * width_ + static_cast<std::size_t>(slot)] += value;
    }
  }

  /// Counts a stay in the row's histogram; ignored if the table has none.
  void add_dwell(std::size_t row, std::uint16_t bucket) {
    if (!spec_.has_dwells) {
      return;
    }
    if (dwells_.size() >= kDwellsMax) {
      pack_dwells();
    }
    last_dwell_.resize(keys_.size(), 0);
    dwells_.push_back({.previous = last_dwell_[row], .bucket = bucket});
    last_dwell_[row] = static_cast<std::uint32_t>(dwells_.size());
  }

  /// Adds a row of another table, which may have more columns.
  void add_row(std::size_t row, const TableDelta& other, std::size_t other_row);

  std::size_t size() const { return keys_.size(); }
  std::uint64_t key_at(std::size_t row) const { return keys_[row]; }
  std::span<const std::int64_t> values_at(std::size_t row) const { return {values_.data() + row * width_, width_}; }
  /// Memory of what the rows hold.
  std::size_t size_bytes() const {
    return keys_.size() * sizeof(keys_[0]) + values_.size() * sizeof(values_[0]) + dwells_.size() * sizeof(Dwell);
  }
  /// The row's packed histogram, written to `out`.
  void dwells_at(std::size_t row, std::vector<std::byte>& out) const;
  /// Row index, or size() if there is no such row.
  std::size_t find(std::uint64_t row_key) const;
  void clear();

 private:
  // More than any transaction has. A recount of a whole log packs that many at a time, so that its memory grows
  // with the rows and not with the parcels.
  static constexpr std::size_t kDwellsMax = std::size_t{1} << 18;
  struct Dwell {
    std::uint32_t previous = 0;  // Of the same row: index + 1; 0: none.
    std::uint16_t bucket = 0;
  };
  void pack_dwells();
  std::size_t find_or_insert(std::uint64_t row_key);
  void grow();
  void clear_places();
  std::size_t place_of(std::uint64_t row_key) const;

  const TableSpec& spec_;
  std::size_t width_;
  std::vector<std::uint64_t> keys_;
  std::vector<std::int64_t> values_;
  std::vector<std::uint32_t> places_;  // Row index + 1; 0: empty. A power of two of them.
  std::vector<Dwell> dwells_;
  std::vector<std::uint32_t> last_dwell_;              // Of each row: index + 1; 0 or beyond the end: none.
  std::vector<std::vector<std::byte>> packed_dwells_;  // Of each row, beside those; shorter: none.
  mutable std::vector<std::uint16_t> buckets_;         // Room of dwells_at().
  std::uint64_t last_key_ = 0;
  std::size_t last_row_ = 0;
};

/// The sums of all tables. What a kept day of compartments or brands has is not folded into lifetimes and spans as
/// well: whoever stores days adds them there when they are over, and whoever wants all sums calls add_days().
class StatisticsDelta {
 public:
  StatisticsDelta();
  TableDelta& of(Table table) { return tables_[static_cast<std::size_t>(table)]; }
  const TableDelta& of(Table table) const { return tables_[static_cast<std::size_t>(table)]; }
  /// Completes lifetimes and spans; once.
  void add_days();
  std::size_t size_bytes() const;
  void clear();

 private:
  std::vector<TableDelta> tables_;
};

}  // namespace cubby::aggregator

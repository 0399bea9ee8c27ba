#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "firmware/base/assert.h"
#include "firmware/base/bytes.h"
#include "tools/aggregator/core/statistics.h"

namespace cubby::aggregator {

/// The columns that nearly every event touches; where each stands among them, and behind them where each other one
/// does.
namespace near {
inline constexpr std::array kColumns = {Column::kDeposits,     Column::kCollections,      Column::kRecalls,
                                        Column::kOverdue,      Column::kDwellCount,       Column::kDwellMs,
                                        Column::kDoorCycles,   Column::kDoorOpenMs,       Column::kLevelDelta,
                                        Column::kLevelMomentS, Column::kFirstOpenSuccess, Column::kEvents};
inline constexpr std::size_t kCount = kColumns.size();
inline constexpr std::array<std::uint8_t, kColumnCount> kIndexOf = [] {
  std::array<std::uint8_t, kColumnCount> result{};
  for (std::uint8_t i = 0; i < kCount; ++i) {
    result[static_cast<std::size_t>(kColumns[i])] = i;
  }
  std::uint8_t next = kCount;
  for (std::size_t i = 0; i < kColumnCount; ++i) {
    const bool is_near = std::find(kColumns.begin(), kColumns.end(), static_cast<Column>(i)) != kColumns.end();
    result[i] = is_near ? result[i] : next++;
  }
  return result;
}();
}  // namespace near

constexpr std::uint64_t bit_of(Column column) {
  return std::uint64_t{1} << static_cast<unsigned>(column);
}

/// What one event adds, to whichever rows.
class EventSums {
 public:
  void add(Column column, std::int64_t value) {
    const auto at = static_cast<std::size_t>(column);
    if (near::kIndexOf[at] < near::kCount) {
      near_[near::kIndexOf[at]] += value;
    } else {
      far_[at] = value + ((touched_ & bit_of(column)) != 0 ? far_[at] : 0);
    }
    touched_ |= bit_of(column);
  }
  /// The column is that much, whatever was added.
  void set(Column column, std::int64_t value) {
    CUBBY_ASSERT(near::kIndexOf[static_cast<std::size_t>(column)] < near::kCount);
    near_[near::kIndexOf[static_cast<std::size_t>(column)]] = value;
    touched_ |= bit_of(column);
  }
  void clear() {
    near_ = {};
    touched_ = 0;
  }

 private:
  friend class TableDelta;
  std::array<std::int64_t, near::kCount> near_{};
  std::array<std::int64_t, kColumnCount> far_{};  // By column; what is not touched is of an earlier event.
  std::uint64_t touched_ = 0;                     // One bit for each column that something was added to.
};

/// What one transaction adds to one table: a flat hash map from row key to the row's sums. Rows whose keys differ in
/// the low bits only are found in one place, since whoever looks for one door of a station looks for others soon. The
/// sums that nearly every event touches lie beside the key, in two lines of the cache; the others only where there are
/// any.
class TableDelta {
 public:
  /// Sums of a row, by slot.
  using Sums = std::array<std::int64_t, kColumnCount>;

  explicit TableDelta(Table table);

  /// Index of the row, made of zeros if it is new. `row_key` > 0.
  std::size_t row(std::uint64_t row_key) {
    if (row_key == last_key_) {
      return last_row_;
    }
    return find_or_insert(row_key);
  }
  /// Columns that the table does not have are ignored.
  void add(std::size_t row, const EventSums& sums) {
    Row& at = rows_[row];
    at.touched |= sums.touched_ & columns_;
    for (std::size_t i = 0; i < near::kCount; ++i) {
      at.sums[i] += sums.near_[i];
    }
    for (std::uint64_t rest = sums.touched_ & columns_ & ~kNear; rest != 0; rest &= rest - 1) {
      const auto column = static_cast<std::size_t>(std::countr_zero(rest));
      far_of(at)[near::kIndexOf[column] - near::kCount] += sums.far_[column];
    }
  }
  /// True: add() would add something.
  bool has_any(const EventSums& sums) const { return (sums.touched_ & columns_) != 0; }

  /// Counts a stay in the row's histogram; ignored if the table has none.
  void add_dwell(std::size_t row, std::uint16_t bucket) {
    if (!spec_.has_dwells) {
      return;
    }
    if (dwells_.size() >= kDwellsMax) {
      pack_dwells();
    }
    dwells_.push_back({.row = static_cast<std::uint32_t>(row), .bucket = bucket});
  }

  /// Adds a row of another table, which may have more columns.
  void add_row(std::size_t row, const TableDelta& other, std::size_t other_row);

  std::size_t size() const { return rows_.size(); }
  std::uint64_t key_at(std::size_t row) const { return rows_[row].key; }
  /// Zero of a column that the table does not have.
  std::int64_t sum_at(std::size_t row, Column column) const;
  /// One bit for each slot whose sum is not zero; only those sums are written to `sums`.
  std::uint64_t sums_at(std::size_t row, Sums& sums) const;
  /// Memory of what the rows hold.
  std::size_t size_bytes() const {
    return rows_.size() * sizeof(Row) + blocks_.size() * sizeof(Block) + far_.size() * sizeof(FarSums) +
           dwells_.size() * sizeof(Dwell);
  }
  /// The row's packed histogram, written to `out`.
  void dwells_at(std::size_t row, std::vector<std::byte>& out) const;
  /// Row index, or size() if there is no such row.
  std::size_t find(std::uint64_t row_key) const;
  /// All rows, in the order of their keys.
  void sort_rows(std::vector<std::uint32_t>& rows) const;
  void clear();

 private:
  // More than any transaction has. A recount of a whole log packs that many at a time, so that its memory grows
  // with the rows and not with the parcels.
  static constexpr std::size_t kDwellsMax = std::size_t{1} << 18;
  struct Dwell {
    std::uint32_t row = 0;
    std::uint16_t bucket = 0;
  };
  static constexpr std::uint64_t kNear = [] {
    std::uint64_t result = 0;
    for (const Column column : near::kColumns) {
      result |= bit_of(column);
    }
    return result;
  }();
  struct alignas(64) Row {
    std::uint64_t key = 0;
    std::uint64_t touched = 0;  // One bit for each of the table's columns that something was added to.
    std::array<std::int64_t, near::kCount> sums{};  // The near ones, of columns that the table does not have, too.
    std::uint32_t far = 0;                          // Of the other columns' sums: index + 1; 0: none.
  };
  static constexpr unsigned kMemberBits = 4;
  static constexpr std::uint64_t kMembers = (1U << kMemberBits) - 1;
  static constexpr std::uint64_t kNoGroup = ~std::uint64_t{0};
  /// Rows of one group, by the low bits of their keys: index + 1; 0: none.
  struct alignas(64) Block {
    std::array<std::uint32_t, 1U << kMemberBits> rows{};
  };
  using FarSums = std::array<std::int64_t, kColumnCount - near::kCount>;
  FarSums& far_of(Row& row) {
    if (row.far == 0) {
      far_.emplace_back();
      row.far = static_cast<std::uint32_t>(far_.size());
    }
    return far_[row.far - 1];
  }
  std::int64_t sum_of(const Row& row, std::size_t column) const {
    const std::uint8_t index = near::kIndexOf[column];
    return index < near::kCount ? row.sums[index] : far_[row.far - 1][index - near::kCount];
  }
  void pack_dwells();
  void sort_dwells() const;
  std::size_t find_or_insert(std::uint64_t row_key);
  std::size_t find_or_insert_block(std::uint64_t group);
  void grow();
  void clear_places();
  /// Where the group stands among the places, or the empty one where it belongs.
  std::size_t place_of(std::uint64_t group) const;

  const TableSpec& spec_;
  std::uint64_t columns_ = 0;  // One bit each.
  std::vector<Row> rows_;
  std::vector<FarSums> far_;           // Of rows that have sums of other columns than the near ones.
  std::vector<std::uint64_t> groups_;  // Of each block: its keys without the low bits.
  std::vector<Block> blocks_;
  std::vector<std::uint32_t> places_;  // Index of a block + 1; 0: empty. A power of two of them.
  std::vector<Dwell> dwells_;
  std::vector<std::vector<std::byte>> packed_dwells_;  // Of each row, beside those; shorter: none.
  // Of the first `sorted_count_` of dwells_: their buckets, those of a row together and in order, and where each row's
  // begin, and where the last one's end. Rows that came later have none.
  mutable std::vector<std::uint16_t> sorted_;
  mutable std::vector<std::uint32_t> begin_of_;
  mutable std::size_t sorted_count_ = 0;
  mutable std::vector<Dwell> by_bucket_;  // Room of sort_dwells().
  std::uint64_t last_key_ = 0;
  std::size_t last_row_ = 0;
  std::uint64_t last_group_ = kNoGroup;
  std::size_t last_block_ = 0;
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

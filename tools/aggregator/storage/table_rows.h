#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/aggregator/core/compartment_day.h"
#include "tools/aggregator/core/row_group.h"
#include "tools/aggregator/core/statistics.h"
#include "tools/aggregator/storage/sqlite.h"

namespace cubby::aggregator {

/// Of a row of stat_compartment, or of stat_city_brand_size_span: the group of its open day, or null.
/// docs/spec/store.md, "Open days"
inline constexpr std::string_view kOpenDayOfStation =
    "(SELECT day.sums FROM stat_compartment_day day WHERE day.row_key = open_day << 24 | stat_compartment.row_key AND "
    "open_day > 0)";
inline constexpr std::string_view kOpenDayOfBrand =
    "(SELECT day.sums FROM stat_city_brand_size_day day WHERE day.row_key = open_day << 28 | "
    "(stat_city_brand_size_span.row_key & 268435455) AND open_day > 0)";

/// Reads the rows of one statistics table by their keys, however they are stored: those of lifetimes and spans with the
/// open day. Those of stat_station_day are what is stored: running sums.
class TableRows {
 public:
  /// The last two are for stat_station_day: one station's rows, and the newest of them.
  enum class Order : std::uint8_t { kByKey = 1, kDaysOfStation, kLastDayOfStation };

  /// The database is open, and stays so.
  TableRows(Database& database, Table table, Order order = Order::kByKey);

  /// Goes to the rows with keys in [from, to), in ascending order. `station`: unless the order is kByKey.
  void start(std::uint64_t from, std::uint64_t to, std::uint32_t station = 0);
  /// False at the end and after a failure.
  bool next();
  std::uint64_t row_key() const { return row_key_; }
  /// Adds the row's sums to those of `into`, by Column; `sign` is 1 or -1.
  template <std::size_t kCount>
  void add_to(std::array<std::int64_t, kCount>& into, std::int64_t sign = 1);
  /// One of the row's sums.
  std::int64_t value(Column column);
  /// The row's packed histogram, valid until the next row; after add_to().
  Bytes dwells() const { return dwells_; }
  /// The store failed, or a row's bytes are malformed.
  bool failed() const { return failed_; }
  /// Gives up the place in the table before its end.
  void end();

 private:
  bool next_stored();
  bool next_group();
  bool add_open_day(Bytes group, Bytes day);

  const TableSpec& spec_;
  Order order_;
  std::string_view open_day_;  // SQL; empty: such rows have none.
  Statement select_;
  RowGroupReader group_{{}};
  CompartmentDayAdder day_adder_;
  RowGroupAdder adder_;
  std::vector<std::byte> with_open_day_;  // What `group_` reads, if there is one.
  std::uint64_t group_key_ = 0;
  std::uint64_t from_ = 0;
  std::uint64_t to_ = 0;
  std::uint64_t row_key_ = 0;
  Bytes dwells_;
  bool ended_ = true;
  bool failed_ = false;
};

/// The columns of a table that has one for each of its sums: ", deposits, collections, ..., dwell_histogram".
std::string column_list(const TableSpec& table);

template <std::size_t kCount>
void TableRows::add_to(std::array<std::int64_t, kCount>& into, std::int64_t sign) {
  static_assert(kCount == kColumnCount);
  const auto columns = spec_.columns;
  if (spec_.group_bits == 0) {
    for (std::size_t slot = 0; slot < columns.size(); ++slot) {
      into[static_cast<std::size_t>(columns[slot])] += sign * select_.number(static_cast<int>(slot) + 1);
    }
    dwells_ = spec_.has_dwells ? select_.blob(static_cast<int>(columns.size()) + 1) : Bytes();
    return;
  }
  RowSums sums(group_.body());
  while (sums.next() && sums.slot() < columns.size()) {
    into[static_cast<std::size_t>(columns[sums.slot()])] += sign * sums.value();
  }
  dwells_ = sums.dwells();
  failed_ = failed_ || sums.malformed() || sums.slots() != 0 || (!spec_.has_dwells && !dwells_.empty());
}

}  // namespace cubby::aggregator

#include "tools/aggregator/storage/table_rows.h"

namespace cubby::aggregator {

std::string column_list(const TableSpec& table) {
  std::string columns;
  for (const Column column : table.columns) {
    columns += ", " + std::string(to_string(column));
  }
  return table.has_dwells ? columns + ", " + std::string(kDwellsName) : columns;
}

TableRows::TableRows(Database& database, Table table, Order order)
    : spec_(spec(table)),
      order_(order),
      open_day_(table == Table::kCompartment         ? kOpenDayOfStation
                : table == Table::kCityBrandSizeSpan ? kOpenDayOfBrand
                                                     : "") {
  // The condition on the station is that of the table's index.
  std::string_view rest = " ORDER BY row_key";
  if (order == Order::kDaysOfStation) {
    rest = " AND row_key & 16777215 = ?3 ORDER BY row_key";
  } else if (order == Order::kLastDayOfStation) {
    rest = " AND row_key & 16777215 = ?3 ORDER BY row_key DESC LIMIT 1";
  }
  std::string columns = spec_.group_bits == 0 ? column_list(spec_) : ", sums";
  if (!open_day_.empty()) {
    columns += ", " + std::string(open_day_);
  }
  select_.prepare(database, "SELECT row_key" + columns + " FROM " + std::string(spec_.name) +
                                " WHERE row_key >= ?1 AND row_key <= ?2" + std::string(rest));
}

void TableRows::start(std::uint64_t from, std::uint64_t to, std::uint32_t station) {
  from_ = from;
  to_ = to;
  group_ = RowGroupReader({});
  failed_ = !select_.ok();
  ended_ = from >= to;
  if (!failed_ && !ended_) {
    select_.reset();
    select_.bind(1, from >> spec_.group_bits).bind(2, (to - 1) >> spec_.group_bits);
    if (order_ != Order::kByKey) {
      select_.bind(3, station);
    }
  }
}

std::int64_t TableRows::value(Column column) {
  const int slot = spec_.slot[static_cast<std::size_t>(column)];
  if (spec_.group_bits == 0) {
    return slot < 0 ? 0 : select_.number(slot + 1);
  }
  RowSums sums(group_.body());
  while (sums.next()) {
    if (static_cast<int>(sums.slot()) == slot) {
      return sums.value();
    }
  }
  failed_ = failed_ || sums.malformed();
  return 0;
}

void TableRows::end() {
  select_.reset();
  ended_ = true;
}

bool TableRows::next_stored() {
  if (!select_.row()) {
    failed_ = select_.failed();
    end();
    return false;
  }
  group_key_ = select_.unsigned_number(0);
  return true;
}

// A day of compartments has other columns than a lifetime.
bool TableRows::add_open_day(Bytes group, Bytes day) {
  return open_day_ == kOpenDayOfStation ? day_adder_.add(group, day, with_open_day_)
                                        : adder_.add(group, day, with_open_day_);
}

bool TableRows::next_group() {
  if (!next_stored()) {
    return false;
  }
  Bytes group = select_.blob(1);
  if (!open_day_.empty() && !select_.blob(2).empty()) {
    failed_ = !add_open_day(group, select_.blob(2));
    group = with_open_day_;
  }
  group_ = RowGroupReader(group);
  return !failed_;
}

bool TableRows::next() {
  if (failed_ || ended_) {
    return false;
  }
  if (spec_.group_bits == 0) {
    const bool found = next_stored();
    row_key_ = group_key_;
    return found;
  }
  for (;;) {
    while (!group_.next()) {
      failed_ = failed_ || group_.malformed();
      if (failed_ || !next_group()) {
        return false;
      }
    }
    row_key_ = group_key_ << spec_.group_bits | group_.member();
    failed_ = group_.member() >> spec_.group_bits != 0;
    if (failed_) {
      return false;
    }
    if (row_key_ >= to_) {
      end();
      return false;
    }
    if (row_key_ >= from_) {
      return true;
    }
  }
}

}  // namespace cubby::aggregator

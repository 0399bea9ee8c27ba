#include "tools/aggregator/core/compartment_day.h"

#include <algorithm>
#include <array>

namespace cubby::aggregator {
namespace {

/// The column's slot in a lifetime, or -1.
int lifetime_slot(unsigned day_slot) {
  const Column column = spec(Table::kCompartmentDay).columns[day_slot];
  return spec(Table::kCompartment).slot[static_cast<std::size_t>(column)];
}

/// A row by the slots of lifetimes. False: malformed.
bool translate(Bytes body, std::span<std::int64_t> row) {
  std::fill(row.begin(), row.end(), 0);
  RowSums sums(body);
  while (sums.next()) {
    if (sums.slot() >= spec(Table::kCompartmentDay).columns.size()) {
      return false;
    }
    if (const int slot = lifetime_slot(sums.slot()); slot >= 0) {
      row[static_cast<std::size_t>(slot)] = sums.value();
    }
  }
  return !sums.malformed() && sums.dwells().empty();
}

}  // namespace

bool CompartmentDayAdder::add(Bytes lifetimes, Bytes day, std::vector<std::byte>& out) {
  RowGroupWriter writer(translated_);
  RowGroupReader rows(day);
  std::array<std::int64_t, kColumnCount> room{};
  const std::span row = std::span(room).first(spec(Table::kCompartment).columns.size());
  while (rows.next()) {
    if (!translate(rows.body(), row)) {
      return false;
    }
    writer.put(rows.member(), row, {});
  }
  return !rows.malformed() && adder_.add(lifetimes, translated_, out);
}

}  // namespace cubby::aggregator

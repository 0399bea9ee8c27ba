#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "tools/aggregator/storage/store_reader.h"

/// What the parts of StoreReader share; nobody else's.
namespace cubby::aggregator {

inline constexpr std::int64_t kSeeksMax = 64;  // More rows of one city are looked for among those of all.

inline void mark_columns(Table table, StatisticsAnswer& answer) {
  for (const Column column : spec(table).columns) {
    answer.has[static_cast<std::size_t>(column)] = true;
  }
}

/// The stations that a query is about, and the names of things.
struct StoreReader::Scope {
  std::vector<StationInfo> stations;  // Those that the filters let through.
  std::unordered_set<std::uint32_t> station_ids;
  std::map<std::uint32_t, std::string> cities;  // All, by number.
  std::optional<std::uint32_t> city_id;         // Of the filter.
  bool all = true;                              // No filter.
  std::int64_t days_end = 1;                    // Behind the newest day of which any station has told.
  // Of those stations, all in all: parcels inside, events that this build does not understand, and what has no day.
  std::int64_t level = 0;
  std::int64_t opaque_events = 0;
  Sums unplaced{};
};

/// Adds a row to sums, or to an answer's row. False: its histogram is malformed.
inline bool add_row(TableRows& from, std::array<std::int64_t, kColumnCount>& into) {
  from.add_to(into);
  return true;
}
inline bool add_row(TableRows& from, StatisticsRow& into) {
  from.add_to(into.sums);
  return into.dwells.add(from.dwells());
}

template <typename Group>
bool StoreReader::gather(Table table, std::uint64_t from, std::uint64_t to, Group group) {
  TableRows& rows = range(table);
  rows.start(from, to);
  while (rows.next()) {
    auto* const into = group(rows.row_key());
    if (into != nullptr && !add_row(rows, *into)) {
      rows.end();
      return false;
    }
  }
  return !rows.failed();
}

}  // namespace cubby::aggregator

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

inline constexpr std::int64_t kDaysLookedUpMax = 3'660;  // Of one station, row by row.

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
};

template <typename Group>
bool StoreReader::gather(Table table, std::uint64_t from, std::uint64_t to, Group group) {
  Statement& statement = range_statement(table);
  statement.reset();
  statement.bind(1, from).bind(2, to);
  const auto columns = spec(table).columns;
  while (statement.row()) {
    auto* const into = group(statement.unsigned_number(0));
    if (into == nullptr) {
      continue;
    }
    constexpr bool kWithDwells = std::is_same_v<decltype(group(0)), StatisticsRow*>;
    Sums* sums = nullptr;
    if constexpr (kWithDwells) {
      sums = &into->sums;
      if (spec(table).has_dwells && !into->dwells.add(statement.blob(static_cast<int>(columns.size()) + 1))) {
        statement.reset();
        return false;
      }
    } else {
      sums = into;
    }
    for (std::size_t i = 0; i < columns.size(); ++i) {
      (*sums)[static_cast<std::size_t>(columns[i])] += statement.number(static_cast<int>(i) + 1);
    }
  }
  const bool ok = !statement.failed();
  statement.reset();
  return ok;
}

}  // namespace cubby::aggregator

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tools/aggregator/core/dwell_histogram.h"
#include "tools/aggregator/core/statistics.h"

/// Rows of statistics as they are answered: stored sums, and what is worked out from them. docs/spec/http.md
namespace cubby::aggregator {

/// Shares of the parcels whose dwell is told, in percent.
inline constexpr std::array<std::uint64_t, 3> kDwellQuantiles = {50, 90, 99};

struct StatisticsRow {
  std::vector<std::pair<std::string, std::string>> labels;  // What the row is about.
  std::int64_t stations = 0;
  std::int64_t compartments = 0;
  std::array<std::int64_t, kColumnCount> sums{};
  DwellHistogram dwells;  // Until settle_dwells().
  std::array<std::optional<std::uint64_t>, kDwellQuantiles.size()> dwell_ms{};
  std::optional<std::int64_t> occupied;  // Parcels inside now, or at the end of the bucket.
  std::optional<double> mean_occupied;   // Time-weighted over the bucket.
  double compartment_days = 0;           // Time that the compartments were there in the scope; 0: not known.
  double station_ms = 0;                 // Time that the stations were there; 0: not known.
  std::int64_t sum(Column column) const { return sums[static_cast<std::size_t>(column)]; }
  /// Keeps the quantiles, forgets the histogram.
  void settle_dwells();
  /// nullptr: the row has no such label.
  const std::string* label(std::string_view name) const;
};

/// Columns that the rows of an answer have, by Column.
using ColumnsPresent = std::array<bool, kColumnCount>;

/// Nothing: the rows do not have it, or this one cannot know (a mean of no parcels).
using Figure = std::variant<std::monostate, std::int64_t, double>;

/// Every figure that a row can have, in the order of output.
std::span<const std::string_view> figure_names();
/// Index into figure_names(); nullopt: no figure is called so.
std::optional<std::size_t> figure_from_name(std::string_view name);
Figure figure_of(const StatisticsRow& row, const ColumnsPresent& present, std::size_t figure);

/// Orders rows by a label or a figure; rows without it come last either way, equal ones stay in their order.
/// False: none of the rows can have a figure or label of that name.
bool sort_rows(std::vector<StatisticsRow>& rows, const ColumnsPresent& present, std::string_view name, bool descending);

/// "S" of a size of config.proto.
std::string size_text(std::uint64_t size);

}  // namespace cubby::aggregator

#include "tools/aggregator/storage/figures.h"

#include <algorithm>
#include <charconv>

namespace cubby::aggregator {
namespace {

constexpr std::array<std::string_view, 5> kSizeNames = {"?", "S", "M", "L", "XL"};
constexpr std::array<std::string_view, 7> kLabels = {"station", "city", "compartment", "brand", "size", "hour", "day"};
constexpr double kHourMs = 3.6e6;

std::int64_t sum_of(const StatisticsRow& row, Column first, Column last) {
  std::int64_t sum = 0;
  for (auto at = static_cast<std::size_t>(first); at <= static_cast<std::size_t>(last); ++at) {
    sum += row.sums[at];
  }
  return sum;
}

bool has(const ColumnsPresent& present, Column column) {
  return present[static_cast<std::size_t>(column)];
}

Figure ratio(std::int64_t part, double whole) {
  return whole > 0 ? Figure(static_cast<double>(part) / whole) : Figure();
}

Figure optional(const std::optional<double>& value) {
  return value ? Figure(*value) : Figure();
}

template <std::size_t kIndex>
Figure dwell_quantile(const StatisticsRow& row, const ColumnsPresent&) {
  const auto& ms = row.dwell_ms[kIndex];
  return ms ? Figure(static_cast<double>(*ms) / kHourMs) : Figure();
}

// An opening in vain counts as one that did not succeed at the first attempt.
Figure first_open_ratio(const StatisticsRow& row, const ColumnsPresent& present) {
  if (!has(present, Column::kFirstOpenSuccess)) {
    return {};
  }
  // Rows of a day at a door do not know the openings in vain.
  if (!has(present, Column::kOpenFailedJammed)) {
    return {};
  }
  const std::int64_t failed = sum_of(row, Column::kOpenFailedJammed, Column::kOpenFailedElsewhere);
  return ratio(row.sum(Column::kFirstOpenSuccess), static_cast<double>(row.sum(Column::kDoorCycles) + failed));
}

Figure uptime(const StatisticsRow& row, const ColumnsPresent& present) {
  if (!has(present, Column::kOffMs) || row.station_ms <= 0) {
    return {};
  }
  return std::clamp(1 - static_cast<double>(row.sum(Column::kOffMs)) / row.station_ms, 0.0, 1.0);
}

struct Derived {
  std::string_view name;
  Figure (*value)(const StatisticsRow& row, const ColumnsPresent& present);
};

constexpr auto kDerived = std::to_array<Derived>({
    {"turned_away",
     [](const StatisticsRow& row, const ColumnsPresent& present) {
       return has(present, Column::kTurnedAwayFull)
                  ? Figure(sum_of(row, Column::kTurnedAwayFull, Column::kTurnedAwayFault))
                  : Figure();
     }},
    {"open_failed",
     [](const StatisticsRow& row, const ColumnsPresent& present) {
       return has(present, Column::kOpenFailedJammed)
                  ? Figure(sum_of(row, Column::kOpenFailedJammed, Column::kOpenFailedElsewhere))
                  : Figure();
     }},
    {"occupied",
     [](const StatisticsRow& row, const ColumnsPresent&) { return row.occupied ? Figure(*row.occupied) : Figure(); }},
    {"mean_occupied", [](const StatisticsRow& row, const ColumnsPresent&) { return optional(row.mean_occupied); }},
    {"mean_dwell_h",
     [](const StatisticsRow& row, const ColumnsPresent&) {
       return ratio(row.sum(Column::kDwellMs), static_cast<double>(row.sum(Column::kDwellCount)) * kHourMs);
     }},
    {"dwell_p50_h", dwell_quantile<0>},
    {"dwell_p90_h", dwell_quantile<1>},
    {"dwell_p99_h", dwell_quantile<2>},
    {"mean_door_open_s",
     [](const StatisticsRow& row, const ColumnsPresent&) {
       return ratio(row.sum(Column::kDoorOpenMs), static_cast<double>(row.sum(Column::kDoorCycles)) * 1e3);
     }},
    {"first_open_ratio", first_open_ratio},
    {"turns", [](const StatisticsRow& row,
                 const ColumnsPresent&) { return ratio(row.sum(Column::kCollections), row.compartment_days); }},
    {"uptime", uptime},
});

constexpr std::size_t kPlainFigures = 2;  // stations, compartments; then the columns; then the derived ones.
constexpr std::size_t kFigures = kPlainFigures + kColumnCount + kDerived.size();

std::array<std::string_view, kFigures> make_names() {
  std::array<std::string_view, kFigures> names{"stations", "compartments"};
  for (std::size_t i = 0; i < kColumnCount; ++i) {
    names[kPlainFigures + i] = to_string(static_cast<Column>(i));
  }
  for (std::size_t i = 0; i < kDerived.size(); ++i) {
    names[kPlainFigures + kColumnCount + i] = kDerived[i].name;
  }
  return names;
}

double number_of(const Figure& figure) {
  const auto* whole = std::get_if<std::int64_t>(&figure);
  return whole != nullptr ? static_cast<double>(*whole) : std::get<double>(figure);
}

std::int64_t rank_of(std::string_view name, const std::string& text) {
  if (name == "size") {
    return std::find(kSizeNames.begin(), kSizeNames.end(), text) - kSizeNames.begin();
  }
  std::int64_t number = 0;
  if (name == "compartment") {
    std::from_chars(text.data(), text.data() + text.size(), number);
  }
  return number;
}

}  // namespace

std::string size_text(std::uint64_t size) {
  return size < kSizeNames.size() ? std::string(kSizeNames[size]) : std::to_string(size);
}

void StatisticsRow::settle_dwells() {
  for (std::size_t i = 0; i < kDwellQuantiles.size(); ++i) {
    dwell_ms[i] = dwells.quantile_ms(kDwellQuantiles[i], 100);
  }
  dwells.clear();
}

const std::string* StatisticsRow::label(std::string_view name) const {
  const auto found =
      std::find_if(labels.begin(), labels.end(), [name](const auto& label) { return label.first == name; });
  return found == labels.end() ? nullptr : &found->second;
}

std::span<const std::string_view> figure_names() {
  static const std::array<std::string_view, kFigures> kNames = make_names();
  return kNames;
}

std::optional<std::size_t> figure_from_name(std::string_view name) {
  const auto names = figure_names();
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? std::nullopt : std::optional(static_cast<std::size_t>(found - names.begin()));
}

Figure figure_of(const StatisticsRow& row, const ColumnsPresent& present, std::size_t figure) {
  if (figure < kPlainFigures) {
    // A row about one thing that is in none of them has no such number.
    return row.stations > 0 ? Figure(figure == 0 ? row.stations : row.compartments) : Figure();
  }
  figure -= kPlainFigures;
  if (figure >= kColumnCount) {
    return kDerived[figure - kColumnCount].value(row, present);
  }
  const auto column = static_cast<Column>(figure);
  if (!present[figure] || column == Column::kLevelDelta || column == Column::kLevelMomentS) {
    return {};  // Those two are the means to `occupied` and `mean_occupied`.
  }
  return row.sums[figure];
}

bool sort_rows(std::vector<StatisticsRow>& rows, const ColumnsPresent& present, std::string_view name,
               bool descending) {
  if (rows.empty()) {
    return figure_from_name(name) || std::find(kLabels.begin(), kLabels.end(), name) != kLabels.end();
  }
  std::vector<std::pair<std::optional<double>, std::size_t>> order(rows.size());
  const auto figure = figure_from_name(name);
  const bool is_label = rows.front().label(name) != nullptr;
  bool somewhere = is_label;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    order[i].second = i;
    if (!is_label && figure) {
      const Figure value = figure_of(rows[i], present, *figure);
      order[i].first = std::holds_alternative<std::monostate>(value) ? std::nullopt : std::optional(number_of(value));
      somewhere = somewhere || order[i].first;
    }
  }
  if (!somewhere) {
    return false;
  }
  std::stable_sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
    if (is_label) {
      const std::string& left = *rows[a.second].label(name);
      const std::string& right = *rows[b.second].label(name);
      const auto left_key = std::pair(rank_of(name, left), std::string_view(left));
      const auto right_key = std::pair(rank_of(name, right), std::string_view(right));
      return descending ? right_key < left_key : left_key < right_key;
    }
    if (!a.first || !b.first) {
      return a.first && !b.first;
    }
    return descending ? *b.first < *a.first : *a.first < *b.first;
  });
  std::vector<StatisticsRow> sorted;
  sorted.reserve(rows.size());
  for (const auto& [value, index] : order) {
    sorted.push_back(std::move(rows[index]));
  }
  rows = std::move(sorted);
  return true;
}

}  // namespace cubby::aggregator

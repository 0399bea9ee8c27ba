#include "tools/aggregator/core/statistics_delta.h"

#include <algorithm>

namespace cubby::aggregator {
namespace {

constexpr std::size_t kPlacesMin = 1024;

constexpr std::uint64_t mixed(std::uint64_t value) {
  value *= 0x9E37'79B9'7F4A'7C15ULL;
  return value ^ (value >> 32);
}

}  // namespace

TableDelta::TableDelta(Table table) : spec_(spec(table)), width_(spec_.columns.size()), places_(kPlacesMin, 0) {}

std::size_t TableDelta::place_of(std::uint64_t row_key) const {
  const std::size_t mask = places_.size() - 1;
  std::size_t place = static_cast<std::size_t>(mixed(row_key)) & mask;
  while (places_[place] != 0 && keys_[places_[place] - 1] != row_key) {
    place = (place + 1) & mask;
  }
  return place;
}

std::size_t TableDelta::find(std::uint64_t row_key) const {
  const std::uint32_t entry = places_[place_of(row_key)];
  return entry == 0 ? size() : entry - 1;
}

std::size_t TableDelta::find_or_insert(std::uint64_t row_key) {
  if (keys_.size() * 2 >= places_.size()) {
    grow();
  }
  const std::size_t place = place_of(row_key);
  if (places_[place] == 0) {
    keys_.push_back(row_key);
    values_.resize(values_.size() + width_, 0);
    places_[place] = static_cast<std::uint32_t>(keys_.size());
  }
  last_key_ = row_key;
  last_row_ = places_[place] - 1;
  return last_row_;
}

void TableDelta::grow() {
  places_.assign(places_.size() * 2, 0);
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    places_[place_of(keys_[i])] = static_cast<std::uint32_t>(i + 1);
  }
}

void TableDelta::clear() {
  keys_.clear();
  values_.clear();
  std::fill(places_.begin(), places_.end(), 0);
  last_key_ = 0;
}

StatisticsDelta::StatisticsDelta() {
  for (std::size_t i = 0; i < kTableCount; ++i) {
    tables_.emplace_back(static_cast<Table>(i));
  }
}

void StatisticsDelta::clear() {
  for (TableDelta& table : tables_) {
    table.clear();
  }
}

}  // namespace cubby::aggregator

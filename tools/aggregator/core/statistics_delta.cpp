#include "tools/aggregator/core/statistics_delta.h"

#include <algorithm>
#include <utility>

#include "tools/aggregator/core/dwell_histogram.h"

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

void TableDelta::dwells_at(std::size_t row, std::vector<std::byte>& out) const {
  out.clear();
  std::uint32_t at = row < last_dwell_.size() ? last_dwell_[row] : 0;
  if (at != 0) {
    buckets_.clear();
    for (; at != 0; at = dwells_[at - 1].previous) {
      buckets_.push_back(dwells_[at - 1].bucket);
    }
    std::sort(buckets_.begin(), buckets_.end());
    DwellPacker packer(out);
    for (std::size_t i = 0; i < buckets_.size();) {
      const std::size_t first = i;
      while (i < buckets_.size() && buckets_[i] == buckets_[first]) {
        ++i;
      }
      packer.put({.bucket = buckets_[first], .count = i - first});
    }
  }
  if (row < packed_dwells_.size() && !packed_dwells_[row].empty()) {
    const std::vector<std::byte> pending = std::exchange(out, {});
    merge_dwells(packed_dwells_[row], pending, out);
  }
}

void TableDelta::add_row(std::size_t row, const TableDelta& other, std::size_t other_row) {
  const std::span<const std::int64_t> values = other.values_at(other_row);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != 0) {
      add(row, other.spec_.columns[i], values[i]);
    }
  }
  if (!spec_.has_dwells || !other.spec_.has_dwells) {
    return;
  }
  std::vector<std::byte> more;
  other.dwells_at(other_row, more);
  if (!more.empty()) {
    packed_dwells_.resize(std::max(packed_dwells_.size(), row + 1));
    const std::vector<std::byte> before = std::exchange(packed_dwells_[row], {});
    merge_dwells(before, more, packed_dwells_[row]);
  }
}

void TableDelta::pack_dwells() {
  packed_dwells_.resize(keys_.size());
  std::vector<std::byte> packed;
  for (std::size_t row = 0; row < last_dwell_.size(); ++row) {
    if (last_dwell_[row] != 0) {
      dwells_at(row, packed);
      packed_dwells_[row].assign(packed.begin(), packed.end());
    }
  }
  dwells_.clear();
  last_dwell_.clear();
}

// Last come, first gone: each row then finds its place as it was when it came. The table of places is as large as the
// largest transaction needed, and the next may be one event.
void TableDelta::clear_places() {
  if (keys_.size() * 16 >= places_.size()) {
    std::fill(places_.begin(), places_.end(), 0);
    return;
  }
  for (std::size_t row = keys_.size(); row > 0; --row) {
    places_[place_of(keys_[row - 1])] = 0;
  }
}

void TableDelta::clear() {
  clear_places();
  keys_.clear();
  values_.clear();
  dwells_.clear();
  last_dwell_.clear();
  packed_dwells_.clear();
  last_key_ = 0;
}

StatisticsDelta::StatisticsDelta() {
  for (std::size_t i = 0; i < kTableCount; ++i) {
    tables_.emplace_back(static_cast<Table>(i));
  }
}

void StatisticsDelta::add_days() {
  const TableDelta& compartments = of(Table::kCompartmentDay);
  TableDelta& lifetimes = of(Table::kCompartment);
  for (std::size_t i = 0; i < compartments.size(); ++i) {
    lifetimes.add_row(lifetimes.row(key::compartment_of(compartments.key_at(i))), compartments, i);
  }
  const TableDelta& brands = of(Table::kCityBrandSizeDay);
  TableDelta& spans = of(Table::kCityBrandSizeSpan);
  for (std::size_t i = 0; i < brands.size(); ++i) {
    spans.add_row(spans.row(key::city_brand_size_span(brands.key_at(i))), brands, i);
  }
}

std::size_t StatisticsDelta::size_bytes() const {
  std::size_t size = 0;
  for (const TableDelta& table : tables_) {
    size += table.size_bytes();
  }
  return size;
}

void StatisticsDelta::clear() {
  for (TableDelta& table : tables_) {
    table.clear();
  }
}

}  // namespace cubby::aggregator

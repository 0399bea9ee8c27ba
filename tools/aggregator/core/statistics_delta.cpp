#include "tools/aggregator/core/statistics_delta.h"

#include <algorithm>
#include <numeric>
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

TableDelta::TableDelta(Table table) : spec_(spec(table)), places_(kPlacesMin, 0) {
  for (const Column column : spec_.columns) {
    columns_ |= bit_of(column);
  }
}

std::size_t TableDelta::place_of(std::uint64_t group) const {
  const std::size_t mask = places_.size() - 1;
  auto place = static_cast<std::size_t>(mixed(group)) & mask;
  while (places_[place] != 0 && groups_[places_[place] - 1] != group) {
    place = (place + 1) & mask;
  }
  return place;
}

std::size_t TableDelta::find(std::uint64_t row_key) const {
  const std::uint32_t block = places_[place_of(row_key >> kMemberBits)];
  const std::uint32_t row = block == 0 ? 0 : blocks_[block - 1].rows[row_key & kMembers];
  return row == 0 ? size() : row - 1;
}

std::size_t TableDelta::find_or_insert(std::uint64_t row_key) {
  if (const std::uint64_t group = row_key >> kMemberBits; group != last_group_) {
    last_block_ = find_or_insert_block(group);
    last_group_ = group;
  }
  std::uint32_t& row = blocks_[last_block_].rows[row_key & kMembers];
  if (row == 0) {
    rows_.emplace_back().key = row_key;
    row = static_cast<std::uint32_t>(rows_.size());
  }
  last_key_ = row_key;
  last_row_ = row - 1;
  return last_row_;
}

std::size_t TableDelta::find_or_insert_block(std::uint64_t group) {
  if (groups_.size() * 2 >= places_.size()) {
    grow();
  }
  std::uint32_t& block = places_[place_of(group)];
  if (block == 0) {
    groups_.push_back(group);
    blocks_.emplace_back();
    block = static_cast<std::uint32_t>(groups_.size());
  }
  return block - 1;
}

void TableDelta::grow() {
  places_.assign(places_.size() * 2, 0);
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    places_[place_of(groups_[i])] = static_cast<std::uint32_t>(i + 1);
  }
}

std::int64_t TableDelta::sum_at(std::size_t row, Column column) const {
  return (rows_[row].touched & bit_of(column)) != 0 ? sum_of(rows_[row], static_cast<std::size_t>(column)) : 0;
}

std::uint64_t TableDelta::sums_at(std::size_t row, Sums& sums) const {
  const Row& at = rows_[row];
  std::uint64_t slots = 0;
  for (std::uint64_t rest = at.touched; rest != 0; rest &= rest - 1) {
    const auto column = static_cast<std::size_t>(std::countr_zero(rest));
    const auto slot = static_cast<std::size_t>(spec_.slot[column]);
    sums[slot] = sum_of(at, column);
    slots |= static_cast<std::uint64_t>(sums[slot] != 0) << slot;
  }
  return slots;
}

void TableDelta::sort_rows(std::vector<std::uint32_t>& rows) const {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> order;  // Of groups, and their blocks.
  order.reserve(groups_.size());
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    order.emplace_back(groups_[i], static_cast<std::uint32_t>(i));
  }
  std::sort(order.begin(), order.end());
  rows.clear();
  for (const auto& [group, block] : order) {
    for (const std::uint32_t row : blocks_[block].rows) {
      if (row != 0) {
        rows.push_back(row - 1);
      }
    }
  }
}

// By counting, first their buckets and then their rows: nobody can guess how two of them compare.
void TableDelta::sort_dwells() const {
  by_bucket_.resize(dwells_.size());
  sorted_.resize(dwells_.size());
  begin_of_.assign(kDwellBuckets + 1, 0);
  for (const Dwell& dwell : dwells_) {
    ++begin_of_[dwell.bucket + 1U];
  }
  std::partial_sum(begin_of_.begin(), begin_of_.end(), begin_of_.begin());
  for (const Dwell& dwell : dwells_) {
    by_bucket_[begin_of_[dwell.bucket]++] = dwell;
  }
  begin_of_.assign(rows_.size() + 2, 0);  // One ahead: counting on makes each row's begin of it.
  for (const Dwell& dwell : dwells_) {
    ++begin_of_[dwell.row + 2U];
  }
  std::partial_sum(begin_of_.begin(), begin_of_.end(), begin_of_.begin());
  for (const Dwell& dwell : by_bucket_) {
    sorted_[begin_of_[dwell.row + 1U]++] = dwell.bucket;
  }
  sorted_count_ = dwells_.size();
}

void TableDelta::dwells_at(std::size_t row, std::vector<std::byte>& out) const {
  out.clear();
  if (sorted_count_ != dwells_.size()) {
    sort_dwells();
  }
  if (sorted_count_ != 0 && row + 1 < begin_of_.size()) {
    DwellPacker packer(out);
    const std::size_t end = begin_of_[row + 1];
    for (std::size_t i = begin_of_[row]; i < end;) {
      const std::size_t first = i;
      while (i < end && sorted_[i] == sorted_[first]) {
        ++i;
      }
      packer.put({.bucket = sorted_[first], .count = i - first});
    }
  }
  if (row < packed_dwells_.size() && !packed_dwells_[row].empty()) {
    const std::vector<std::byte> pending = std::exchange(out, {});
    merge_dwells(packed_dwells_[row], pending, out);
  }
}

void TableDelta::add_row(std::size_t row, const TableDelta& other, std::size_t other_row) {
  const Row& from = other.rows_[other_row];
  Row& at = rows_[row];
  for (std::uint64_t rest = from.touched & columns_; rest != 0; rest &= rest - 1) {
    const auto column = static_cast<std::size_t>(std::countr_zero(rest));
    const std::uint8_t index = near::kIndexOf[column];
    (index < near::kCount ? at.sums[index] : far_of(at)[index - near::kCount]) += other.sum_of(from, column);
  }
  at.touched |= from.touched & columns_;
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
  packed_dwells_.resize(rows_.size());
  sort_dwells();
  std::vector<std::byte> packed;
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    if (begin_of_[row] != begin_of_[row + 1]) {
      dwells_at(row, packed);
      packed_dwells_[row].assign(packed.begin(), packed.end());
    }
  }
  dwells_.clear();
  sorted_count_ = 0;
}

// Last come, first gone: each group then finds its place as it was when it came. The table of places is as large as the
// largest transaction needed, and the next may be one event.
void TableDelta::clear_places() {
  if (groups_.size() * 16 >= places_.size()) {
    std::fill(places_.begin(), places_.end(), 0);
    return;
  }
  for (std::size_t block = groups_.size(); block > 0; --block) {
    places_[place_of(groups_[block - 1])] = 0;
  }
}

void TableDelta::clear() {
  clear_places();
  groups_.clear();
  blocks_.clear();
  rows_.clear();
  far_.clear();
  dwells_.clear();
  sorted_count_ = 0;
  packed_dwells_.clear();
  last_key_ = 0;
  last_group_ = kNoGroup;
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

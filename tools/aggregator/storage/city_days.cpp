#include "tools/aggregator/storage/city_days.h"

#include <algorithm>
#include <cstring>

#include "tools/aggregator/core/dwell_histogram.h"
#include "tools/aggregator/core/row_group.h"

namespace cubby::aggregator {
namespace {

constexpr std::int64_t kDayS = 86'400;
constexpr std::int64_t kHourS = 3'600;
constexpr unsigned kCityBits = 16;

std::int64_t& at(std::array<std::int64_t, kColumnCount>& sums, Column column) {
  return sums[static_cast<std::size_t>(column)];
}

/// Parcels by bucket: a day's histogram while it is added up.
using DwellCounts = std::vector<std::uint64_t>;

bool add_dwells(Bytes packed, DwellCounts& counts) {
  PackedDwells dwells(packed);
  DwellCount entry;
  while (dwells.next(entry)) {
    counts[entry.bucket] += entry.count;
  }
  return !dwells.malformed();
}

// A moment counts to the end of its own hour; what changed stays until the day ends.
bool add_hour(std::uint32_t hour, Bytes body, CityDay& into, DwellCounts& counts) {
  std::array<std::int64_t, kColumnCount> sums{};
  Bytes dwells;
  if (!read_city_hour(body, sums, dwells) || !add_dwells(dwells, counts)) {
    return false;
  }
  into.hours |= 1U << hour;
  into.levels[hour] = at(sums, Column::kLevelDelta);
  at(sums, Column::kLevelMomentS) += into.levels[hour] * (kDayS - (hour + 1) * kHourS);
  for (std::size_t i = 0; i < kColumnCount; ++i) {
    into.sums[i] += sums[i];
  }
  return true;
}

bool work_out(std::uint64_t row_key, Bytes stored, CityDay& day) {
  day = {};
  day.day = static_cast<std::int64_t>(row_key >> kCityBits);
  DwellCounts counts(kDwellBuckets, 0);
  RowGroupReader rows(stored);
  while (rows.next()) {
    if (rows.member() >= day.levels.size() || !add_hour(rows.member(), rows.body(), day, counts)) {
      return false;
    }
  }
  DwellPacker packer(day.dwells);
  for (std::size_t bucket = 0; bucket < counts.size(); ++bucket) {
    if (counts[bucket] != 0) {
      packer.put({.bucket = static_cast<std::uint16_t>(bucket), .count = counts[bucket]});
    }
  }
  day.dwells.shrink_to_fit();
  day.stored.assign(stored.begin(), stored.end());
  return !rows.malformed();
}

// Some megabytes an answer: std::equal() would go byte by byte.
bool same(Bytes a, Bytes b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

std::size_t size_of(const CityDay& day) {
  return sizeof(CityDay) + day.stored.size() + day.dwells.size();
}

}  // namespace

bool read_city_hour(Bytes body, std::array<std::int64_t, kColumnCount>& sums, Bytes& dwells) {
  const auto columns = spec(Table::kCityHour).columns;
  RowSums row(body);
  while (row.next() && row.slot() < columns.size()) {
    sums[static_cast<std::size_t>(columns[row.slot()])] += row.value();
  }
  dwells = row.dwells();
  return !row.malformed() && row.slots() == 0;
}

const CityDay* CityDays::of(std::uint64_t row_key, Bytes stored) {
  const auto [place, added] = days_.try_emplace(row_key);
  CityDay& day = place->second;
  if (!added) {
    if (same(stored, day.stored)) {
      return &day;
    }
    bytes_ -= size_of(day);
  }
  ++worked_out_;
  if (!work_out(row_key, stored, day)) {
    days_.erase(place);
    return nullptr;
  }
  day.serial = worked_out_;
  bytes_ += size_of(day);
  return &day;
}

const HoursOfDay* CityDays::hours(std::optional<std::uint32_t> city, std::span<const CityDay* const> cities) const {
  const auto found = hours_.find({cities.front()->day, city});
  const bool same = found != hours_.end() &&
                    std::equal(cities.begin(), cities.end(), found->second.serials.begin(), found->second.serials.end(),
                               [](const CityDay* day, std::uint64_t serial) { return day->serial == serial; });
  return same ? &found->second.hours : nullptr;
}

void CityDays::remember(std::optional<std::uint32_t> city, std::span<const CityDay* const> cities,
                        const HoursOfDay& hours) {
  Remembered& remembered = hours_[{cities.front()->day, city}];
  remembered.hours = hours;
  remembered.serials.clear();
  for (const CityDay* day : cities) {
    remembered.serials.push_back(day->serial);
  }
}

void CityDays::trim() {
  while (bytes_ > bytes_max_ && !days_.empty()) {
    bytes_ -= size_of(days_.begin()->second);
    days_.erase(days_.begin());
  }
  while (hours_.size() > kHoursMax) {
    hours_.erase(hours_.begin());
  }
}

}  // namespace cubby::aggregator

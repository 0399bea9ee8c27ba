// Rows that are buckets of time, and what is read from the log for them.
#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "tools/aggregator/core/row_group.h"
#include "tools/aggregator/storage/city_days.h"
#include "tools/aggregator/storage/dwell_scan.h"
#include "tools/aggregator/storage/store_reader_scope.h"

namespace cubby::aggregator {

namespace {

using Rows = std::map<std::int64_t, StatisticsRow>;

/// The buckets of an answer, as places in BucketLevels.
struct Page {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t total = 0;  // Buckets that are asked for.
};

// An order of its own wants all of them.
Page page_of(const StatisticsQuery& query, const BucketLevels& levels) {
  const std::int64_t buckets_a_day = query.by == GroupBy::kHour ? 24 : 1;
  const std::int64_t end = query.to_day ? *query.to_day * buckets_a_day : INT64_MAX;
  const auto behind = std::lower_bound(levels.begin(), levels.end(), std::pair(end, INT64_MIN));
  const auto total = static_cast<std::size_t>(behind - levels.begin());
  if (!query.sort.empty()) {
    return {.begin = 0, .end = total, .total = total};
  }
  const std::size_t begin = std::min(query.offset, total);
  return {.begin = begin, .end = begin + std::min(query.limit, total - begin), .total = total};
}

BucketLevels levels_of(const Rows& rows) {
  BucketLevels levels;
  for (const auto& [bucket, row] : rows) {
    levels.emplace_back(bucket, row.sum(Column::kLevelDelta));
  }
  return levels;
}

void add_level(std::int64_t bucket, std::int64_t change, BucketLevels& levels) {
  if (levels.empty() || levels.back().first != bucket) {
    levels.emplace_back(bucket, 0);
  }
  levels.back().second += change;
}

BucketLevels levels_of_days(const std::vector<const CityDay*>& days) {
  BucketLevels levels;
  for (const CityDay* day : days) {
    add_level(day->day, day->sums[static_cast<std::size_t>(Column::kLevelDelta)], levels);
  }
  return levels;
}

// The cities of a day stand side by side.
BucketLevels levels_of_hours(const std::vector<const CityDay*>& days) {
  BucketLevels levels;
  for (auto first = days.begin(); first != days.end();) {
    const std::int64_t day = (*first)->day;
    const auto end = std::find_if(first, days.end(), [day](const CityDay* other) { return other->day != day; });
    for (std::uint32_t hour = 0; hour < 24; ++hour) {
      for (auto city = first; city != end; ++city) {
        if (((*city)->hours >> hour & 1) != 0) {
          add_level(day * 24 + hour, (*city)->levels[hour], levels);
        }
      }
    }
    first = end;
  }
  return levels;
}

// `at`: the first row that is not before the day. False: malformed.
bool add_day(std::span<const CityDay* const> cities, const Rows& rows, Rows::iterator at) {
  if (at == rows.end() || at->first != cities.front()->day) {
    return true;
  }
  StatisticsRow& row = at->second;
  for (const CityDay* day : cities) {
    for (std::size_t i = 0; i < kColumnCount; ++i) {
      row.sums[i] += day->sums[i];
    }
    if (!row.dwells.add(day->dwells)) {
      return false;
    }
  }
  row.settle_dwells();  // One day's histogram is held at a time.
  return true;
}

// `at` to `end`: the rows of those hours of the day that are on the page.
bool add_hours(const CityDay& day, Rows::iterator at, Rows::iterator end) {
  RowGroupReader hours(day.stored);
  while (hours.next()) {
    const std::int64_t hour = day.day * 24 + hours.member();
    while (at != end && at->first < hour) {
      ++at;
    }
    if (at == end || at->first != hour) {
      continue;
    }
    Bytes dwells;
    if (!read_city_hour(hours.body(), at->second.sums, dwells) || !at->second.dwells.add(dwells)) {
      return false;
    }
  }
  return !hours.malformed();
}

// Hours are added up for a day of which they are not known, and remembered if none was left out, as at a page's ends.
bool add_hours_of(CityDays& known, std::optional<std::uint32_t> city, std::span<const CityDay* const> cities,
                  Rows& rows, Rows::iterator at) {
  const std::int64_t first = cities.front()->day * 24;
  const auto end = std::find_if(at, rows.end(), [first](const auto& row) { return row.first >= first + 24; });
  if (const HoursOfDay* const hours = known.hours(city, cities)) {
    for (; at != end; ++at) {
      const HourFigures& hour = (*hours)[static_cast<std::size_t>(at->first - first)];
      at->second.sums = hour.sums;
      at->second.dwell_ms = hour.dwell_ms;
    }
    return true;
  }
  std::uint32_t left_out = 0;
  for (const CityDay* day : cities) {
    left_out |= day->hours;
    if (!add_hours(*day, at, end)) {
      return false;
    }
  }
  HoursOfDay found{};
  for (; at != end; ++at) {
    const auto hour = static_cast<std::size_t>(at->first - first);
    at->second.settle_dwells();
    found[hour] = {.sums = at->second.sums, .dwell_ms = at->second.dwell_ms};
    left_out &= ~(1U << hour);
  }
  if (left_out == 0) {
    known.remember(city, cities, found);
  }
  return true;
}

}  // namespace

bool StoreReader::gather_dwells(
    const StationInfo& station, std::int64_t from_day, std::int64_t to_day,
    const std::function<StatisticsRow*(std::uint32_t compartment, std::int64_t local_s)>& row) {
  const std::int64_t offset_s = std::int64_t{station.utc_offset_min} * 60;
  const std::int64_t from_utc_ms = std::max<std::int64_t>(0, (from_day * 86'400 - offset_s) * 1'000);
  std::vector<StatisticsRow*> touched;
  const ScanEnd end =
      scan_dwells(database_, station.id, static_cast<std::uint64_t>(from_utc_ms), [&](const DwellSeen& dwell) {
        const std::int64_t local_s = static_cast<std::int64_t>(dwell.utc_ms / 1'000) + offset_s;
        StatisticsRow* const into =
            local_s >= from_day * 86'400 && local_s < to_day * 86'400 ? row(dwell.compartment, local_s) : nullptr;
        if (into != nullptr) {
          into->dwells.add(dwell.bucket);
          touched.push_back(into);
        }
      });
  if (end == ScanEnd::kTooLong) {
    std::for_each(touched.begin(), touched.end(), [](StatisticsRow* into) { into->dwells.clear(); });
  }
  return end != ScanEnd::kFailed;
}

bool StoreReader::gather_days(std::uint32_t station, std::int64_t from_day, std::int64_t to_day,
                              std::map<std::int64_t, StatisticsRow>& rows) {
  std::array<std::int64_t, kColumnCount> before{};
  std::vector<std::byte> dwells_before;
  const auto remember = [&](TableRows& row) {
    before = {};
    row.add_to(before);
    dwells_before.assign(row.dwells().begin(), row.dwells().end());
  };
  const auto first_of = [](std::int64_t day) { return key::station_day(static_cast<std::uint64_t>(day), 0); };
  TableRows& last = range(Table::kStationDay, TableRows::Order::kLastDayOfStation);
  last.start(first_of(1), first_of(from_day), station);
  while (last.next()) {
    remember(last);
  }
  TableRows& days = range(Table::kStationDay, TableRows::Order::kDaysOfStation);
  days.start(first_of(from_day), first_of(to_day), station);
  while (days.next()) {
    StatisticsRow& row = rows[static_cast<std::int64_t>(days.row_key() >> key::kStationBits)];
    days.add_to(row.sums);
    for (std::size_t i = 0; i < kColumnCount; ++i) {
      row.sums[i] -= before[i];
    }
    if (!row.dwells.add(days.dwells()) || !row.dwells.subtract(dwells_before)) {
      days.end();
      return false;
    }
    remember(days);
  }
  return !last.failed() && !days.failed();
}

bool StoreReader::answer_by_time(const StatisticsQuery& query, const Scope& scope, StatisticsAnswer& answer) {
  const auto newest_day = static_cast<std::int64_t>(answer.watermark_utc_ms / 86'400'000) + 2;
  if (query.station.empty()) {
    return answer_by_time_of_cities(query, scope, newest_day, answer);
  }
  std::map<std::int64_t, StatisticsRow> rows;
  const StationInfo& station = scope.stations.front();
  const Table table = query.by == GroupBy::kHour ? Table::kStationHour : Table::kStationDay;
  mark_columns(table, answer);
  std::int64_t from_day = query.from_day.value_or(1);
  if (query.by == GroupBy::kDay) {
    return gather_days(station.id, from_day, newest_day, rows) &&
           finish_buckets(query, scope, levels_of(rows), rows, answer);
  }
  std::vector<std::int64_t> days;
  if (!begin_where_kept("station_hour_floor", 24, station, from_day, answer) ||
      !find_days(station.id, from_day, newest_day, days)) {
    return false;
  }
  for (const std::int64_t day : days) {
    const std::uint64_t first = key::station_hour(static_cast<std::uint64_t>(day) * 24, station.id);
    if (!gather(table, first, first + 24,
                [&](std::uint64_t row_key) { return &rows[day * 24 + static_cast<std::int64_t>(row_key - first)]; })) {
      return false;
    }
  }
  const auto row_of_hour = [&rows](std::uint32_t, std::int64_t local_s) {
    const auto found = rows.find(local_s / 3'600);
    return found == rows.end() ? nullptr : &found->second;
  };
  return gather_dwells(station, from_day, query.to_day.value_or(newest_day), row_of_hour) &&
         finish_buckets(query, scope, levels_of(rows), rows, answer);
}

// The days of one city lie among those of all: a few are looked for one by one.
bool StoreReader::read_city_days(const Scope& scope, std::int64_t from_day, std::int64_t to_day,
                                 std::vector<const CityDay*>& days) {
  if (!select_city_days_.ok() &&
      !select_city_days_.prepare(database_,
                                 "SELECT row_key, sums FROM stat_city_hour WHERE row_key >= ?1 AND row_key < ?2 AND "
                                 "row_key & ?3 = ?4 ORDER BY row_key")) {
    return false;
  }
  const auto read = [&](std::uint64_t from, std::uint64_t to) {
    Statement& select = select_city_days_;
    select.reset();
    select.bind(1, from).bind(2, to).bind(3, scope.city_id ? key::kCitiesMax : 0).bind(4, scope.city_id.value_or(0));
    while (select.row()) {
      days.push_back(city_days_.of(select.unsigned_number(0), select.blob(1)));
      if (days.back() == nullptr) {
        select.reset();
        return false;
      }
    }
    return !select.failed();
  };
  const auto first_of = [](std::int64_t day, std::uint64_t city) {
    return static_cast<std::uint64_t>(day) << 16 | city;
  };
  if (!scope.city_id || to_day - from_day > kSeeksMax) {
    return from_day >= to_day || read(first_of(from_day, 0), first_of(to_day, 0));
  }
  bool ok = true;
  for (std::int64_t day = from_day; ok && day < to_day; ++day) {
    ok = read(first_of(day, *scope.city_id), first_of(day, *scope.city_id + 1));
  }
  return ok;
}

// Of buckets beyond the page only the levels count.
bool StoreReader::answer_by_time_of_cities(const StatisticsQuery& query, const Scope& scope, std::int64_t newest_day,
                                           StatisticsAnswer& answer) {
  std::vector<const CityDay*> days;
  if (!read_city_days(scope, query.from_day.value_or(1), newest_day, days)) {
    return false;
  }
  mark_columns(Table::kCityHour, answer);
  const bool by_hour = query.by == GroupBy::kHour;
  const BucketLevels levels = by_hour ? levels_of_hours(days) : levels_of_days(days);
  const Page page = page_of(query, levels);
  std::map<std::int64_t, StatisticsRow> rows;
  for (std::size_t i = page.begin; i < page.end; ++i) {
    rows.emplace_hint(rows.end(), levels[i].first, StatisticsRow{});
  }
  auto at = rows.begin();
  for (std::span<const CityDay* const> rest(days); !rest.empty() && at != rows.end();) {
    const std::int64_t day = rest.front()->day;
    const auto of_day = static_cast<std::size_t>(
        std::find_if(rest.begin(), rest.end(), [day](const CityDay* other) { return other->day != day; }) -
        rest.begin());
    const std::int64_t first = by_hour ? day * 24 : day;
    at = rows.lower_bound(first);
    const bool ok = by_hour ? add_hours_of(city_days_, scope.city_id, rest.first(of_day), rows, at)
                            : add_day(rest.first(of_day), rows, at);
    if (!ok) {
      return false;
    }
    rest = rest.subspan(of_day);
  }
  return finish_buckets(query, scope, levels, rows, answer);
}

void StoreReader::remember_days() {
  StatisticsQuery query;
  query.by = GroupBy::kHour;
  query.sort = "dwell_p99_h";  // Every hour has to be looked at.
  query.limit = 1;
  statistics(query);
}

bool StoreReader::finish_buckets(const StatisticsQuery& query, const Scope& scope, const BucketLevels& levels,
                                 std::map<std::int64_t, StatisticsRow>& rows, StatisticsAnswer& answer) {
  const std::int64_t length_s = query.by == GroupBy::kHour ? 3'600 : 86'400;
  const std::int64_t buckets_a_day = 86'400 / length_s;
  std::int64_t level = scope.level;
  const Page page = page_of(query, levels);
  answer.total = page.total;
  auto at = page.begin < page.end ? rows.upper_bound(levels[page.end - 1].first) : rows.begin();
  for (std::size_t i = levels.size(); i-- > page.begin;) {
    const std::int64_t change = levels[i].second;
    if (i < page.end) {
      StatisticsRow& row = (--at)->second;
      row.occupied = level;
      row.mean_occupied = static_cast<double>(level - change) +
                          static_cast<double>(row.sum(Column::kLevelMomentS)) / static_cast<double>(length_s);
    }
    level -= change;
  }
  // Compartments that were there: those of the stations that had begun to report.
  std::map<std::int64_t, std::int64_t> joined;
  for (const StationInfo& station : scope.stations) {
    const auto local_s = static_cast<std::int64_t>(station.first_event_utc_ms / 1'000) + station.utc_offset_min * 60;
    joined[local_s / length_s] += station.compartments;
  }
  std::int64_t compartments = 0;
  auto next = joined.begin();
  answer.rows.reserve(page.end - page.begin);
  for (std::size_t i = page.begin; i < page.end; ++i) {
    const std::int64_t bucket = levels[i].first;
    StatisticsRow& row = (at++)->second;
    for (; next != joined.end() && next->first <= bucket; ++next) {
      compartments += next->second;
    }
    row.compartment_days = static_cast<double>(compartments) / static_cast<double>(buckets_a_day);
    if (row.dwells.count() > 0) {
      row.settle_dwells();
    }
    const std::int64_t hour = bucket % buckets_a_day;
    std::string label = day_text(bucket / buckets_a_day);
    if (query.by == GroupBy::kHour) {
      label += (hour < 10 ? "T0" : "T") + std::to_string(hour) + ":00";
    }
    row.labels.emplace_back(query.by == GroupBy::kHour ? "hour" : "day", std::move(label));
    answer.rows.push_back(std::move(row));
  }
  return true;
}

}  // namespace cubby::aggregator

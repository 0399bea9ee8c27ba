// Rows that are buckets of time, and what is read from the log for them.
#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "tools/aggregator/storage/dwell_scan.h"
#include "tools/aggregator/storage/store_reader_scope.h"

namespace cubby::aggregator {

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
  std::map<std::int64_t, StatisticsRow> rows;
  if (!query.station.empty()) {
    const StationInfo& station = scope.stations.front();
    const Table table = query.by == GroupBy::kHour ? Table::kStationHour : Table::kStationDay;
    mark_columns(table, answer);
    const std::int64_t days_kept = query.by == GroupBy::kHour ? kStationHourDays + 2 : kDaysLookedUpMax;
    const std::int64_t from_day = std::max(query.from_day.value_or(1), newest_day - days_kept);
    if (query.by == GroupBy::kDay) {
      return gather_days(station.id, from_day, newest_day, rows) && finish_buckets(query, scope, rows, answer);
    }
    for (std::int64_t day = from_day; day < newest_day; ++day) {
      const std::uint64_t first = key::station_hour(static_cast<std::uint64_t>(day) * 24, station.id);
      if (!gather(table, first, first + 24, [&](std::uint64_t row_key) {
            return &rows[day * 24 + static_cast<std::int64_t>(row_key - first)];
          })) {
        return false;
      }
    }
    const auto row_of_hour = [&rows](std::uint32_t, std::int64_t local_s) {
      const auto found = rows.find(local_s / 3'600);
      return found == rows.end() ? nullptr : &found->second;
    };
    return gather_dwells(station, from_day, query.to_day.value_or(newest_day), row_of_hour) &&
           finish_buckets(query, scope, rows, answer);
  }
  return answer_by_time_of_cities(query, scope, newest_day, rows, answer);
}

template <typename Group>
bool StoreReader::gather_city_hours(const Scope& scope, std::int64_t from, std::int64_t to, Group group) {
  const auto in_range = [&](std::uint64_t row_key) -> StatisticsRow* {
    const auto hour = static_cast<std::int64_t>(key::hour_of(row_key));
    return hour >= from && hour < to ? group(row_key) : nullptr;
  };
  const std::int64_t end_day = (to + 23) / 24;
  if (!scope.city_id) {
    return from >= to || gather(Table::kCityHour, key::city_day(static_cast<std::uint64_t>(from / 24), 0),
                                key::city_day(static_cast<std::uint64_t>(end_day), 0), in_range);
  }
  bool ok = true;
  for (std::int64_t day = from / 24; ok && from < to && day < end_day; ++day) {
    const std::uint64_t first = key::city_day(static_cast<std::uint64_t>(day), *scope.city_id);
    ok = gather(Table::kCityHour, first, first + 24, in_range);
  }
  return ok;
}

// Keys come in the order of days: one day's histograms are held at a time. Of buckets beyond the page only the levels
// count, which is one column.
bool StoreReader::answer_by_time_of_cities(const StatisticsQuery& query, const Scope& scope, std::int64_t newest_day,
                                           std::map<std::int64_t, StatisticsRow>& rows, StatisticsAnswer& answer) {
  const std::int64_t buckets_a_day = query.by == GroupBy::kHour ? 24 : 1;
  std::int64_t first_hour = query.from_day.value_or(1) * 24;
  std::int64_t end_hour = newest_day * 24;
  if (!find_page(query, scope, first_hour, end_hour, rows)) {
    return false;
  }
  mark_columns(Table::kCityHour, answer);
  StatisticsRow* row = nullptr;  // The row that an hour was added to last ...
  std::int64_t level_before = 0;
  std::int64_t rest_s = 0;  // ... and the time from that hour's end to the row's.
  std::int64_t day = -1;
  // A moment counts to the end of its own hour; what changed stays until the bucket ends.
  const auto finish_hour = [&] {
    if (row != nullptr) {
      const std::int64_t change = row->sum(Column::kLevelDelta) - level_before;
      row->sums[static_cast<std::size_t>(Column::kLevelMomentS)] += change * rest_s;
    }
  };
  const auto settle_day = [&] {
    for (auto at = rows.lower_bound(day * buckets_a_day); at != rows.end() && at->first < (day + 1) * buckets_a_day;
         ++at) {
      if (at->second.dwells.count() > 0) {
        at->second.settle_dwells();
      }
    }
  };
  const bool ok = gather_city_hours(scope, first_hour, end_hour, [&](std::uint64_t row_key) {
    finish_hour();
    const auto hour = static_cast<std::int64_t>(key::hour_of(row_key));
    if (hour / 24 != day) {
      settle_day();
      day = hour / 24;
    }
    row = &rows[hour * buckets_a_day / 24];
    level_before = row->sum(Column::kLevelDelta);
    rest_s = query.by == GroupBy::kDay ? 86'400 - (hour % 24 + 1) * 3'600 : 0;
    return row;
  });
  finish_hour();
  return ok && finish_buckets(query, scope, rows, answer);
}

// The rows of an answer by time without an order of its own: all with their level only, and `first_hour` to `end_hour`
// narrowed to those of the page, which have nothing yet.
bool StoreReader::find_page(const StatisticsQuery& query, const Scope& scope, std::int64_t& first_hour,
                            std::int64_t& end_hour, std::map<std::int64_t, StatisticsRow>& rows) {
  if (!query.sort.empty()) {
    return true;
  }
  const std::int64_t hours = query.by == GroupBy::kHour ? 1 : 24;  // Of a bucket.
  const std::uint64_t city = scope.city_id.value_or(0);
  TableRows& levels = range(Table::kCityHour);
  levels.start(key::city_day(static_cast<std::uint64_t>(first_hour / 24), 0),
               key::city_day(static_cast<std::uint64_t>(end_hour / 24), 0));
  StatisticsRow* row = nullptr;
  std::int64_t bucket = -1;
  while (levels.next()) {
    if (scope.city_id && (levels.row_key() >> 5 & key::kCitiesMax) != city) {
      continue;
    }
    if (const auto next = static_cast<std::int64_t>(key::hour_of(levels.row_key())) / hours; next != bucket) {
      bucket = next;
      row = &rows[bucket];
    }
    row->sums[static_cast<std::size_t>(Column::kLevelDelta)] += levels.value(Column::kLevelDelta);
  }
  if (levels.failed()) {
    return false;
  }
  if (query.offset >= rows.size()) {
    end_hour = first_hour;
    return true;
  }
  auto at = std::next(rows.begin(), static_cast<std::ptrdiff_t>(query.offset));
  first_hour = std::max(first_hour, at->first * hours);
  const std::int64_t last = query.to_day ? *query.to_day * 24 / hours : INT64_MAX;  // The first that is not asked for.
  const std::int64_t newest_hour = std::exchange(end_hour, first_hour);
  for (std::size_t left = query.limit; left > 0 && at != rows.end() && at->first < last; --left, ++at) {
    end_hour = std::min((at->first + 1) * hours, newest_hour);
    at->second = {};
  }
  return true;
}

bool StoreReader::finish_buckets(const StatisticsQuery& query, const Scope& scope,
                                 std::map<std::int64_t, StatisticsRow>& rows, StatisticsAnswer& answer) {
  const std::int64_t length_s = query.by == GroupBy::kHour ? 3'600 : 86'400;
  const std::int64_t buckets_a_day = 86'400 / length_s;
  std::int64_t level = 0;
  if (!sum_of_stations(Column::kLevelDelta, scope, level)) {
    return false;
  }
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    StatisticsRow& values = row->second;
    values.occupied = level;
    level -= values.sum(Column::kLevelDelta);
    values.mean_occupied = static_cast<double>(level) +
                           static_cast<double>(values.sum(Column::kLevelMomentS)) / static_cast<double>(length_s);
  }
  // Compartments that were there: those of the stations that had begun to report.
  std::map<std::int64_t, std::int64_t> joined;
  for (const StationInfo& station : scope.stations) {
    const auto local_s = static_cast<std::int64_t>(station.first_event_utc_ms / 1'000) + station.utc_offset_min * 60;
    joined[local_s / length_s] += station.compartments;
  }
  std::int64_t compartments = 0;
  auto next = joined.begin();
  const std::int64_t end = query.to_day ? *query.to_day * buckets_a_day : INT64_MAX;
  for (auto& [bucket, row] : rows) {
    for (; next != joined.end() && next->first <= bucket; ++next) {
      compartments += next->second;
    }
    if (bucket >= end) {
      break;
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

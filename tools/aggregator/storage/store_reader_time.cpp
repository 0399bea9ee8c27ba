// Rows that are buckets of time, and what is read from the log for them.
#include <algorithm>
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

bool StoreReader::answer_by_time(const StatisticsQuery& query, const Scope& scope, StatisticsAnswer& answer) {
  const std::int64_t buckets_a_day = query.by == GroupBy::kHour ? 24 : 1;
  const auto newest_day = static_cast<std::int64_t>(answer.watermark_utc_ms / 86'400'000) + 2;
  std::map<std::int64_t, StatisticsRow> rows;
  if (!query.station.empty()) {
    // A row a bucket, each found by its key: the tables are ordered by time, not by station.
    const Table table = query.by == GroupBy::kHour ? Table::kStationHour : Table::kStationDay;
    mark_columns(table, answer);
    const std::int64_t days_kept = query.by == GroupBy::kHour ? kStationHourDays + 2 : kDaysLookedUpMax;
    const std::int64_t from_day = std::max(query.from_day.value_or(1), newest_day - days_kept);
    for (std::int64_t bucket = from_day * buckets_a_day; bucket < newest_day * buckets_a_day; ++bucket) {
      const std::uint64_t row_key = key::station_hour(static_cast<std::uint64_t>(bucket), scope.stations.front().id);
      if (!gather(table, row_key, row_key + 1, [&](std::uint64_t) { return &rows[bucket]; })) {
        return false;
      }
    }
    // The station's days have histograms of their own.
    const auto row_of_hour = [&rows](std::uint32_t, std::int64_t local_s) {
      const auto found = rows.find(local_s / 3'600);
      return found == rows.end() ? nullptr : &found->second;
    };
    return (query.by == GroupBy::kDay ||
            gather_dwells(scope.stations.front(), from_day, query.to_day.value_or(newest_day), row_of_hour)) &&
           finish_buckets(query, scope, rows, answer);
  }
  return answer_by_time_of_cities(query, scope, newest_day, rows, answer);
}

// Keys come in the order of time: one hour of all cities, then the next; and one day's histogram is held at a time.
// Of buckets beyond the page only the levels count, which is one column.
bool StoreReader::answer_by_time_of_cities(const StatisticsQuery& query, const Scope& scope, std::int64_t newest_day,
                                           std::map<std::int64_t, StatisticsRow>& rows, StatisticsAnswer& answer) {
  const std::int64_t buckets_a_day = query.by == GroupBy::kHour ? 24 : 1;
  std::int64_t first_hour = query.from_day.value_or(1) * 24;
  std::int64_t end_hour = newest_day * 24;
  if (!find_page(query, scope, first_hour, end_hour, rows)) {
    return false;
  }
  mark_columns(Table::kCityHour, answer);
  StatisticsRow hour;
  StatisticsRow* former = nullptr;
  std::int64_t hour_number = -1;
  const auto book_hour = [&] {
    const std::int64_t bucket = hour_number * buckets_a_day / 24;
    if (former != nullptr && former != &rows[bucket]) {
      former->settle_dwells();
    }
    StatisticsRow& into = rows[bucket];
    former = &into;
    for (std::size_t i = 0; i < kColumnCount; ++i) {
      into.sums[i] += hour.sums[i];
    }
    // A moment counts to the end of its own hour; what changed stays until the bucket ends.
    const std::int64_t rest_s = query.by == GroupBy::kDay ? 86'400 - (hour_number % 24 + 1) * 3'600 : 0;
    into.sums[static_cast<std::size_t>(Column::kLevelMomentS)] += hour.sum(Column::kLevelDelta) * rest_s;
    into.dwells.add(hour.dwells);
    hour = {};
  };
  const bool ok =
      gather(Table::kCityHour, key::city_hour(static_cast<std::uint64_t>(first_hour), 0),
             key::city_hour(static_cast<std::uint64_t>(end_hour), 0), [&](std::uint64_t row_key) -> StatisticsRow* {
               if (scope.city_id && (row_key & key::kCitiesMax) != *scope.city_id) {
                 return nullptr;
               }
               const auto number = static_cast<std::int64_t>(row_key >> 16);
               if (hour_number != number && hour_number >= 0) {
                 book_hour();
               }
               hour_number = number;
               return &hour;
             });
  if (ok && hour_number >= 0) {
    book_hour();
  }
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
  Statement levels(database_, "SELECT row_key, level_delta FROM stat_city_hour WHERE row_key >= ?1 AND row_key < ?2");
  levels.bind(1, key::city_hour(static_cast<std::uint64_t>(first_hour), 0))
      .bind(2, key::city_hour(static_cast<std::uint64_t>(end_hour), 0));
  StatisticsRow* row = nullptr;
  std::int64_t bucket = -1;
  while (levels.row()) {
    const std::uint64_t row_key = levels.unsigned_number(0);
    if (scope.city_id && (row_key & key::kCitiesMax) != *scope.city_id) {
      continue;
    }
    if (const auto next = static_cast<std::int64_t>(row_key >> 16) / hours; next != bucket) {
      bucket = next;
      row = &rows[bucket];
    }
    row->sums[static_cast<std::size_t>(Column::kLevelDelta)] += levels.number(1);
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

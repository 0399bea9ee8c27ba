#include "tools/aggregator/storage/store_reader.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "cubby/v1/config.pb.h"
#include "tools/aggregator/storage/dwell_scan.h"
#include "tools/aggregator/storage/sqlite_schema.h"
#include "tools/aggregator/storage/standing_columns.h"

namespace cubby::aggregator {
namespace {

constexpr std::array<std::pair<std::string_view, GroupBy>, 7> kGroups = {{{"city", GroupBy::kCity},
                                                                          {"station", GroupBy::kStation},
                                                                          {"compartment", GroupBy::kCompartment},
                                                                          {"brand", GroupBy::kBrand},
                                                                          {"size", GroupBy::kSize},
                                                                          {"hour", GroupBy::kHour},
                                                                          {"day", GroupBy::kDay}}};

constexpr double kDayMs = 86'400'000;

void mark_columns(Table table, StatisticsAnswer& answer) {
  for (const Column column : spec(table).columns) {
    answer.has[static_cast<std::size_t>(column)] = true;
  }
}

void page(const StatisticsQuery& query, StatisticsAnswer& answer) {
  answer.total = answer.rows.size();
  const std::size_t first = std::min(query.offset, answer.rows.size());
  const std::size_t count = std::min(query.limit, answer.rows.size() - first);
  const auto begin = answer.rows.begin() + static_cast<std::ptrdiff_t>(first);
  answer.rows = std::vector<StatisticsRow>(std::make_move_iterator(begin),
                                           std::make_move_iterator(begin + static_cast<std::ptrdiff_t>(count)));
}

/// How long of what the query is about the station has been reporting, in milliseconds.
double span_ms(const StationInfo& station, const StatisticsQuery& query, std::uint64_t watermark_utc_ms) {
  if (station.first_event_utc_ms == 0) {
    return 0;
  }
  const auto utc_ms = [&station](std::int64_t day) { return (day * 86'400 - station.utc_offset_min * 60) * 1'000; };
  auto from = static_cast<std::int64_t>(station.first_event_utc_ms);
  auto to = static_cast<std::int64_t>(watermark_utc_ms);
  from = query.from_day ? std::max(from, utc_ms(*query.from_day)) : from;
  to = query.to_day ? std::min(to, utc_ms(*query.to_day)) : to;
  return static_cast<double>(std::max<std::int64_t>(0, to - from));
}

}  // namespace

std::optional<GroupBy> group_by_from_text(std::string_view text) {
  for (const auto& [name, by] : kGroups) {
    if (name == text) {
      return by;
    }
  }
  return std::nullopt;
}

bool parse_sort(std::string_view text, StatisticsQuery& query) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view order = text.substr(colon);
  query.sort = text.substr(0, colon);
  query.descending = order == ":desc";
  return order.empty() || (!query.sort.empty() && (order == ":asc" || order == ":desc"));
}

/// The stations that a query is about, and the names of things.
struct StoreReader::Scope {
  std::vector<StationInfo> stations;  // Those that the filters let through.
  std::unordered_set<std::uint32_t> station_ids;
  std::map<std::uint32_t, std::string> cities;  // All, by number.
  std::optional<std::uint32_t> city_id;         // Of the filter.
  bool all = true;                              // No filter.
};

std::string StoreReader::open(const std::string& path) {
  if (!database_.open(path, Database::Mode::kReadOnly)) {
    return database_.error();
  }
  bool empty = false;
  return check_schema(database_, empty);
}

Statement& StoreReader::range_statement(Table table) {
  Statement& statement = ranges_[static_cast<std::uint8_t>(table)];
  if (!statement.ok()) {
    std::string columns;
    for (const Column column : spec(table).columns) {
      columns += ", " + std::string(to_string(column));
    }
    if (spec(table).has_dwells) {
      columns += ", " + std::string(kDwellsName);
    }
    statement.prepare(database_, "SELECT row_key" + columns + " FROM " + std::string(spec(table).name) +
                                     " WHERE row_key >= ?1 AND row_key < ?2");
  }
  return statement;
}

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

bool StoreReader::stations(std::vector<StationInfo>& stations) {
  // The newest journal is the current one.
  Statement select(database_,
                   "SELECT s.station_id, s.name, ifnull(c.name, ''), s.city_id, s.utc_offset_min, s.config_version, "
                   "s.compartments, j.seq, j.last_event_utc_ms, j.boot, j.n, "
                   "ifnull(f.first_utc_ms, 0), j.uid, s.state, s.state_reason, s.state_since_utc_ms, "
                   "s.other_journal FROM stations s LEFT JOIN cities c ON "
                   "c.city_id = s.city_id LEFT JOIN (SELECT station_id, max(journal_id), seq, last_event_utc_ms, boot, "
                   "uid, count(*) AS n FROM journals GROUP BY station_id) j ON j.station_id = s.station_id LEFT JOIN "
                   "(SELECT station_id, min(first_event_utc_ms) AS first_utc_ms FROM journals WHERE "
                   "first_event_utc_ms > 0 GROUP BY station_id) f ON f.station_id = s.station_id ORDER BY s.name");
  while (select.row()) {
    StationInfo& station = stations.emplace_back();
    station.id = static_cast<std::uint32_t>(select.number(0));
    station.name = select.text(1);
    station.city = select.text(2);
    station.city_id = static_cast<std::uint32_t>(select.number(3));
    station.utc_offset_min = static_cast<std::int32_t>(select.number(4));
    station.config_version = static_cast<std::uint32_t>(select.number(5));
    station.compartments = static_cast<std::uint32_t>(select.number(6));
    station.high_water = select.unsigned_number(7);
    station.last_event_utc_ms = select.unsigned_number(8);
    station.boot = static_cast<std::uint32_t>(select.number(9));
    station.journals = static_cast<std::uint32_t>(select.number(10));
    station.first_event_utc_ms = select.unsigned_number(11);
    if (const Bytes uid = select.blob(12); uid.size() == sizeof(JournalUid)) {
      std::copy(uid.begin(), uid.end(), station.journal.emplace().begin());
    }
    if (!read_standing(select, 13, station.standing)) {
      return false;
    }
  }
  return !select.failed();
}

ReadStatus StoreReader::station(std::string_view name, StationInfo& info) {
  std::vector<StationInfo> all;
  if (!stations(all)) {
    return ReadStatus::kFailed;
  }
  const auto found = std::find_if(all.begin(), all.end(), [name](const StationInfo& s) { return s.name == name; });
  if (found == all.end()) {
    return ReadStatus::kUnknownStation;
  }
  info = *found;
  Statement select(database_, "SELECT config FROM stations WHERE station_id = ?1");
  if (!select.bind(1, info.id).row()) {
    return ReadStatus::kFailed;
  }
  const Bytes bytes = select.blob(0);
  info.config.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  v1::StationConfig config;
  if (config.ParseFromString(info.config)) {
    for (const int size : config.door_size()) {
      info.door_sizes.push_back(static_cast<std::uint8_t>(size));
    }
  }
  return ReadStatus::kOk;
}

bool StoreReader::totals(std::int64_t& gaps, std::uint64_t& watermark_utc_ms) {
  Statement select(database_,
                   "SELECT (SELECT count(*) FROM gaps), ifnull((SELECT max(last_event_utc_ms) FROM journals), 0)");
  if (!select.row()) {
    return false;
  }
  gaps = select.number(0);
  watermark_utc_ms = select.unsigned_number(1);
  return true;
}

bool StoreReader::make_scope(const StatisticsQuery& query, Scope& scope, StatisticsAnswer& answer) {
  std::vector<StationInfo> all;
  if (!stations(all)) {
    return false;
  }
  Statement cities(database_, "SELECT city_id, name FROM cities");
  while (cities.row()) {
    scope.cities[static_cast<std::uint32_t>(cities.number(0))] = cities.text(1);
  }
  scope.all = query.station.empty() && query.city.empty();
  for (const auto& [id, name] : scope.cities) {
    if (!query.city.empty() && name == query.city) {
      scope.city_id = id;
    }
  }
  if (!query.city.empty() && !scope.city_id) {
    answer.status = ReadStatus::kUnknownCity;
    answer.detail = "no station has reported from this city";
    return true;
  }
  for (StationInfo& station : all) {
    if (station.journals == 0) {
      continue;  // It has never reported: nothing to count.
    }
    if ((query.station.empty() || station.name == query.station) &&
        (!scope.city_id || station.city_id == *scope.city_id)) {
      answer.watermark_utc_ms = std::max(answer.watermark_utc_ms, station.last_event_utc_ms);
      scope.station_ids.insert(station.id);
      scope.stations.push_back(std::move(station));
    }
  }
  if (!query.station.empty() && scope.stations.empty()) {
    answer.status = ReadStatus::kUnknownStation;
    answer.detail = "no such station has reported";
  }
  return !cities.failed();
}

bool StoreReader::answer_by_station_or_city(const StatisticsQuery& query, const Scope& scope,
                                            StatisticsAnswer& answer) {
  const bool by_city = query.by == GroupBy::kCity;
  std::unordered_map<std::uint32_t, std::size_t> row_of_station;
  std::map<std::string, std::size_t> row_of_city;
  for (const StationInfo& station : scope.stations) {
    std::size_t row = answer.rows.size();
    if (by_city) {
      row = row_of_city.try_emplace(station.city, row).first->second;
    }
    if (row == answer.rows.size()) {
      answer.rows.emplace_back();
      if (!by_city) {
        answer.rows[row].labels.emplace_back("station", station.name);
      }
      answer.rows[row].labels.emplace_back("city", station.city);
    }
    answer.rows[row].stations += 1;
    answer.rows[row].compartments += station.compartments;
    const double span = span_ms(station, query, answer.watermark_utc_ms);
    answer.rows[row].station_ms += span;
    answer.rows[row].compartment_days += span / kDayMs * station.compartments;
    row_of_station.emplace(station.id, row);
  }
  const auto group = [&](std::uint64_t row_key) -> StatisticsRow* {
    const auto found = row_of_station.find(static_cast<std::uint32_t>(row_key & key::kStationsMax));
    return found == row_of_station.end() ? nullptr : &answer.rows[found->second];
  };
  const bool lifetime = !query.from_day && !query.to_day;
  bool ok = true;
  if (lifetime) {
    mark_columns(Table::kStation, answer);
    ok = gather(Table::kStation, 0, key::kStationsMax + 1, group);
    for (StatisticsRow& row : answer.rows) {
      row.occupied = row.sum(Column::kLevelDelta);
    }
  } else {
    mark_columns(Table::kStationDay, answer);
    ok = gather(Table::kStationDay, key::station_day(static_cast<std::uint64_t>(query.from_day.value_or(1)), 0),
                key::station_day(static_cast<std::uint64_t>(query.to_day.value_or(1 << 20)), 0), group);
  }
  std::sort(answer.rows.begin(), answer.rows.end(),
            [](const StatisticsRow& a, const StatisticsRow& b) { return a.labels < b.labels; });
  return ok;
}

bool StoreReader::answer_by_compartment(const StatisticsQuery& query, const Scope& scope, StatisticsAnswer& answer) {
  if (query.station.empty()) {
    answer.status = ReadStatus::kNotSupported;
    answer.detail = "by=compartment needs station=NAME";
    return true;
  }
  StationInfo info;
  if (station(scope.stations.front().name, info) != ReadStatus::kOk) {
    return false;
  }
  for (std::size_t i = 0; i < info.door_sizes.size(); ++i) {
    StatisticsRow& row = answer.rows.emplace_back();
    row.labels = {
        {"station", info.name}, {"compartment", std::to_string(i + 1)}, {"size", size_text(info.door_sizes[i])}};
    row.compartments = 1;
    row.compartment_days = span_ms(info, query, answer.watermark_utc_ms) / kDayMs;
  }
  const auto group = [&answer](std::uint64_t row_key) -> StatisticsRow* {
    const std::size_t number = row_key & 255;
    return number >= 1 && number <= answer.rows.size() ? &answer.rows[number - 1] : nullptr;
  };
  if (!query.from_day && !query.to_day) {
    mark_columns(Table::kCompartment, answer);
    const bool ok = gather(Table::kCompartment, key::compartment(info.id, 0),
                           key::compartment(std::uint64_t{info.id} + 1, 0), group);
    for (StatisticsRow& row : answer.rows) {
      row.occupied = row.sum(Column::kLevelDelta);
    }
    return ok;
  }
  mark_columns(Table::kCompartmentDay, answer);
  const auto newest = static_cast<std::int64_t>(answer.watermark_utc_ms / 86'400'000) + 2;
  const std::int64_t to = std::min(query.to_day.value_or(newest), newest);
  const std::int64_t from = std::max(query.from_day.value_or(1), to - kCompartmentDays - 2);
  for (std::int64_t day = from; day < to; ++day) {
    const auto bucket = static_cast<std::uint64_t>(day);
    if (!gather(Table::kCompartmentDay, key::compartment_day(bucket, info.id, 0),
                key::compartment_day(bucket, std::uint64_t{info.id} + 1, 0), group)) {
      return false;
    }
  }
  return gather_dwells(info, from, to, [&answer](std::uint32_t compartment, std::int64_t) {
    return compartment <= answer.rows.size() ? &answer.rows[compartment - 1] : nullptr;
  });
}

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

bool StoreReader::answer_by_brand_or_size(const StatisticsQuery& query, const Scope& scope, StatisticsAnswer& answer) {
  if (!query.station.empty()) {
    answer.status = ReadStatus::kNotSupported;
    answer.detail = "brands and sizes are kept by city, not by station";
    return true;
  }
  mark_columns(Table::kCityBrandSizeDay, answer);
  std::map<std::uint64_t, StatisticsRow> rows;
  const bool by_brand = query.by == GroupBy::kBrand;
  const bool ok = gather(Table::kCityBrandSizeDay,
                         key::city_brand_size_day(static_cast<std::uint64_t>(query.from_day.value_or(0)), 0, 0, 0),
                         key::city_brand_size_day(static_cast<std::uint64_t>(query.to_day.value_or(1 << 20)), 0, 0, 0),
                         [&](std::uint64_t row_key) -> StatisticsRow* {
                           if (scope.city_id && (row_key >> 16 & key::kCitiesMax) != *scope.city_id) {
                             return nullptr;
                           }
                           return &rows[by_brand ? row_key >> 4 & key::kBrandsMax : row_key & 15];
                         });
  Statement brands(database_, "SELECT name FROM brands WHERE brand_id = ?1");
  for (auto& [id, row] : rows) {
    if (by_brand) {
      row.labels.emplace_back("brand", brands.bind(1, id).row() ? std::string(brands.text(0)) : std::string());
      brands.reset();
    } else {
      row.labels.emplace_back("size", size_text(id));
    }
    answer.rows.push_back(std::move(row));
  }
  if (by_brand) {
    std::sort(answer.rows.begin(), answer.rows.end(),
              [](const StatisticsRow& a, const StatisticsRow& b) { return a.labels < b.labels; });
  }
  return ok;
}

bool StoreReader::answer_by_time(const StatisticsQuery& query, const Scope& scope, StatisticsAnswer& answer) {
  const std::int64_t buckets_a_day = query.by == GroupBy::kHour ? 24 : 1;
  const auto newest_day = static_cast<std::int64_t>(answer.watermark_utc_ms / 86'400'000) + 2;
  std::map<std::int64_t, StatisticsRow> rows;
  if (!query.station.empty()) {
    // A row a bucket, each found by its key: the tables are ordered by time, not by station.
    const Table table = query.by == GroupBy::kHour ? Table::kStationHour : Table::kStationDay;
    mark_columns(table, answer);
    const std::int64_t days_kept = query.by == GroupBy::kHour ? kStationHourDays + 2 : 3'660;
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
  mark_columns(Table::kCityHour, answer);
  StatisticsRow hour;
  std::int64_t hour_number = -1;
  // Keys come in the order of time: one hour of all cities, then the next; and one day's histogram is held at a time.
  const auto book_hour = [&] {
    const std::int64_t bucket = hour_number * buckets_a_day / 24;
    if (!rows.empty() && rows.rbegin()->first != bucket) {
      rows.rbegin()->second.settle_dwells();
    }
    StatisticsRow& into = rows[bucket];
    for (std::size_t i = 0; i < kColumnCount; ++i) {
      into.sums[i] += hour.sums[i];
    }
    // A moment counts to the end of its own hour; what changed stays until the bucket ends.
    const std::int64_t rest_s = query.by == GroupBy::kDay ? 86'400 - (hour_number % 24 + 1) * 3'600 : 0;
    into.sums[static_cast<std::size_t>(Column::kLevelMomentS)] += hour.sum(Column::kLevelDelta) * rest_s;
    into.dwells.add(hour.dwells);
    hour = {};
  };
  const bool ok = gather(
      Table::kCityHour, key::city_hour(static_cast<std::uint64_t>(query.from_day.value_or(1)) * 24, 0),
      key::city_hour(static_cast<std::uint64_t>(newest_day) * 24, 0), [&](std::uint64_t row_key) -> StatisticsRow* {
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

bool StoreReader::finish_buckets(const StatisticsQuery& query, const Scope& scope,
                                 std::map<std::int64_t, StatisticsRow>& rows, StatisticsAnswer& answer) {
  const std::int64_t length_s = query.by == GroupBy::kHour ? 3'600 : 86'400;
  const std::int64_t buckets_a_day = 86'400 / length_s;
  Sums now{};
  if (!gather(Table::kStation, 0, key::kStationsMax + 1, [&](std::uint64_t id) -> Sums* {
        return scope.station_ids.contains(static_cast<std::uint32_t>(id)) ? &now : nullptr;
      })) {
    return false;
  }
  std::int64_t level = now[static_cast<std::size_t>(Column::kLevelDelta)];
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

bool StoreReader::judge_completeness(const StatisticsQuery& query, const Scope& scope, StatisticsAnswer& answer) {
  Statement gaps(database_, "SELECT station_id FROM gaps");
  while (gaps.row()) {
    answer.gaps += scope.all || scope.station_ids.contains(static_cast<std::uint32_t>(gaps.number(0))) ? 1 : 0;
  }
  Sums lifetime{};
  Sums unplaced{};
  const auto in_scope = [&scope](Sums& sums) {
    return [&scope, &sums](std::uint64_t row_key) -> Sums* {
      return scope.station_ids.contains(static_cast<std::uint32_t>(row_key & key::kStationsMax)) ? &sums : nullptr;
    };
  };
  if (gaps.failed() || !gather(Table::kStation, 0, key::kStationsMax + 1, in_scope(lifetime)) ||
      !gather(Table::kStationDay, 0, key::station_day(1, 0), in_scope(unplaced))) {
    return false;
  }
  answer.opaque_events = lifetime[static_cast<std::size_t>(Column::kOpaqueEvents)];
  const bool bucketed = query.by == GroupBy::kHour || query.by == GroupBy::kDay || query.from_day || query.to_day;
  if (bucketed) {
    for (auto column = Column::kDeposits; column <= Column::kTurnedAwayFault;
         column = static_cast<Column>(static_cast<int>(column) + 1)) {
      answer.unplaced += unplaced[static_cast<std::size_t>(column)];
    }
  }
  answer.complete = answer.gaps == 0 && answer.opaque_events == 0 && answer.unplaced == 0;
  return true;
}

StatisticsAnswer StoreReader::statistics(const StatisticsQuery& query) {
  StatisticsAnswer answer;
  Scope scope;
  bool ok = database_.run("BEGIN") && make_scope(query, scope, answer);
  if (ok && answer.status == ReadStatus::kOk) {
    switch (query.by) {
      case GroupBy::kCity:
      case GroupBy::kStation:
        ok = answer_by_station_or_city(query, scope, answer);
        break;
      case GroupBy::kCompartment:
        ok = answer_by_compartment(query, scope, answer);
        break;
      case GroupBy::kBrand:
      case GroupBy::kSize:
        ok = answer_by_brand_or_size(query, scope, answer);
        break;
      case GroupBy::kHour:
      case GroupBy::kDay:
        ok = answer_by_time(query, scope, answer);
        break;
    }
    ok = ok && judge_completeness(query, scope, answer);
    for (StatisticsRow& row : answer.rows) {
      if (row.dwells.count() > 0) {
        row.settle_dwells();
      }
    }
    if (answer.status == ReadStatus::kOk && !query.sort.empty() &&
        !sort_rows(answer.rows, answer.has, query.sort, query.descending)) {
      answer.status = ReadStatus::kNoSuchColumn;
      answer.detail = "sort: these rows have no such column";
    }
    page(query, answer);
  }
  if (!ok) {
    answer = {};
    answer.status = ReadStatus::kFailed;
    answer.detail = database_.error();
  }
  database_.run("ROLLBACK");  // Nothing was written; ends the snapshot.
  return answer;
}

}  // namespace cubby::aggregator

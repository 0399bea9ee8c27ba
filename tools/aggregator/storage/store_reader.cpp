#include "tools/aggregator/storage/store_reader.h"

#include <algorithm>
#include <map>

#include "cubby/v1/config.pb.h"
#include "tools/aggregator/storage/certificate_rows.h"
#include "tools/aggregator/storage/sqlite_schema.h"
#include "tools/aggregator/storage/standing_columns.h"
#include "tools/aggregator/storage/store_reader_scope.h"

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
constexpr std::int64_t kDaysEnd = 1 << 20;  // Beyond every day; a multiple of kSpanDays.
static_assert(kDaysEnd % kSpanDays == 0);
constexpr std::int64_t kDaysScanned = 3;      // The newest day has not begun everywhere.
constexpr std::size_t kStationsSought = 100;  // So few are looked for one by one at once.
constexpr std::string_view kDwellQuantileNames = "dwell_p";

// Quantiles are worked out for rows that are given, or ordered by them.
void settle_dwells(std::vector<StatisticsRow>& rows) {
  for (StatisticsRow& row : rows) {
    if (row.dwells.count() > 0) {
      row.settle_dwells();
    }
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

std::string StoreReader::open(const std::string& path) {
  if (!database_.open(path, Database::Mode::kReadOnly)) {
    return database_.error();
  }
  database_.run("PRAGMA cache_size=-65536");  // The tables of a day; SQLite's own 2 MiB hold no one question's pages.
  bool empty = false;
  return check_schema(database_, empty);
}

TableRows& StoreReader::range(Table table, TableRows::Order order) {
  return ranges_.try_emplace({table, order}, database_, table, order).first->second;
}

bool StoreReader::stations(std::vector<StationInfo>& stations) {
  Statement select(database_,
                   "SELECT s.station_id, s.name, ifnull(c.name, ''), s.city_id, s.utc_offset_min, s.config_version, "
                   "s.compartments, s.state, s.state_reason, s.state_since_utc_ms, s.other_journal, s.key_version, "
                   "s.key_version_min FROM stations s LEFT JOIN cities c ON c.city_id = s.city_id ORDER BY s.name");
  std::unordered_map<std::uint32_t, std::size_t> places;
  while (select.row()) {
    if (is_vacant(select.text(1))) {
      continue;
    }
    StationInfo& station = stations.emplace_back();
    station.id = static_cast<std::uint32_t>(select.number(0));
    station.name = select.text(1);
    station.city = select.text(2);
    station.city_id = static_cast<std::uint32_t>(select.number(3));
    station.utc_offset_min = static_cast<std::int32_t>(select.number(4));
    station.config_version = static_cast<std::uint32_t>(select.number(5));
    station.compartments = static_cast<std::uint32_t>(select.number(6));
    if (!read_standing(select, 7, station.standing)) {
      return false;
    }
    station.identity = read_identity(select, 11);
    places.emplace(station.id, stations.size() - 1);
  }
  // Joined here: as a join of SQL's this took three times as long, in every answer. The newest journal is the current
  // one, and comes last.
  Statement journals(database_,
                     "SELECT station_id, seq, last_event_utc_ms, boot, first_event_utc_ms, uid FROM journals ORDER BY "
                     "journal_id");
  while (journals.row()) {
    const auto place = places.find(static_cast<std::uint32_t>(journals.number(0)));
    if (place == places.end()) {
      continue;  // Its station has come since.
    }
    StationInfo& station = stations[place->second];
    station.high_water = journals.unsigned_number(1);
    station.last_event_utc_ms = std::max(station.last_event_utc_ms, journals.unsigned_number(2));
    station.boot = static_cast<std::uint32_t>(journals.number(3));
    const std::uint64_t first = journals.unsigned_number(4);
    const std::uint64_t known = station.first_event_utc_ms;
    station.first_event_utc_ms = first == 0 || known == 0 ? std::max(first, known) : std::min(first, known);
    ++station.journals;
    if (const Bytes uid = journals.blob(5); uid.size() == sizeof(JournalUid)) {
      std::copy(uid.begin(), uid.end(), station.journal.emplace().begin());
    }
  }
  return !select.failed() && !journals.failed();
}

bool StoreReader::add_certificates(std::span<StationInfo> stations) {
  std::unordered_map<std::uint32_t, StationInfo*> by_id;
  for (StationInfo& station : stations) {
    by_id.emplace(station.id, &station);
  }
  return read_certificates(database_, [&by_id](std::uint32_t station_id, CertificateBinding binding) {
    if (const auto station = by_id.find(station_id); station != by_id.end()) {
      station->second->identity.certificate = std::move(binding);
    }
  });
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
  if (!add_certificates({&info, 1})) {
    return ReadStatus::kFailed;
  }
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
    answer.detail = query.city.empty() ? "no such station has reported" : "no such station of that city has reported";
  }
  return !cities.failed();
}

// Most stations have one the day before, where they lie side by side; only the others are looked for one by one.
bool StoreReader::visit_days_before(std::int64_t day, const Scope& scope,
                                    const std::function<bool(TableRows& row, std::uint32_t station)>& visit) {
  const auto first_of = [](std::int64_t of) { return key::station_day(static_cast<std::uint64_t>(of), 0); };
  std::unordered_set<std::uint32_t> missing = scope.station_ids;
  bool ok = true;
  TableRows& of_day = range(Table::kStationDay);
  for (std::int64_t back = 1; ok && back <= kDaysScanned && day - back >= 1 && missing.size() > kStationsSought;
       ++back) {
    of_day.start(first_of(day - back), first_of(day - back + 1));
    while (ok && of_day.next()) {
      const auto station = static_cast<std::uint32_t>(of_day.row_key() & key::kStationsMax);
      ok = missing.erase(station) == 0 || visit(of_day, station);
    }
    of_day.end();
    ok = ok && !of_day.failed();
  }
  TableRows& last = range(Table::kStationDay, TableRows::Order::kLastDayOfStation);
  for (const StationInfo& station : scope.stations) {
    if (!ok || !missing.contains(station.id)) {
      continue;
    }
    last.start(first_of(1), first_of(day), station.id);
    while (ok && last.next()) {
      ok = visit(last, station.id);
    }
    ok = ok && !last.failed();
  }
  return ok;
}

bool StoreReader::add_days_before(std::int64_t day, int sign, const Scope& scope,
                                  const std::function<StatisticsRow*(std::uint32_t station)>& group) {
  return visit_days_before(day, scope, [&](TableRows& row, std::uint32_t station) {
    StatisticsRow* const into = group(station);
    if (into == nullptr) {
      return true;
    }
    row.add_to(into->sums, sign);
    return sign > 0 ? into->dwells.add(row.dwells()) : into->dwells.subtract(row.dwells());
  });
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
  // Stations come in the order of the answer: without another one, those beyond the page are not added up.
  const bool all = by_city || !query.sort.empty();
  const auto group = [&](std::uint64_t station) -> StatisticsRow* {
    const auto found = row_of_station.find(static_cast<std::uint32_t>(station));
    const bool wanted = found != row_of_station.end() &&
                        (all || (found->second >= query.offset && found->second - query.offset < query.limit));
    return wanted ? &answer.rows[found->second] : nullptr;
  };
  const bool lifetime = !query.from_day && !query.to_day;
  bool ok = true;
  if (lifetime) {
    mark_columns(Table::kStationDay, answer);
    ok = add_days_before(scope.days_end, 1, scope, group) &&
         gather(Table::kStationDay, 0, key::station_day(1, 0), group);
    for (StatisticsRow& row : answer.rows) {
      row.occupied = row.sum(Column::kLevelDelta);
    }
  } else {
    mark_columns(Table::kStationDay, answer);
    const auto newest = static_cast<std::int64_t>(answer.watermark_utc_ms / 86'400'000) + 2;
    const std::int64_t to = std::min(query.to_day.value_or(newest), newest);
    const std::int64_t from = std::min(query.from_day.value_or(1), to);
    ok = add_days_before(to, 1, scope, group) && add_days_before(from, -1, scope, group);
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
  const std::int64_t to = query.to_day.value_or(kDaysEnd);
  std::int64_t from = query.from_day.value_or(1);
  std::vector<std::int64_t> days;
  if (!begin_where_kept("compartment_day_floor", 1, info, from, answer) || !find_days(info.id, from, to, days)) {
    return false;
  }
  for (const std::int64_t day : days) {
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

template <typename Group>
bool StoreReader::gather_brands(Table table, const Scope& scope, std::int64_t from, std::int64_t to, Group group) {
  const auto first_of = [](std::int64_t bucket, std::uint32_t city) {
    return key::city_brand_size_day(static_cast<std::uint64_t>(bucket), city, 0, 0);
  };
  if (!scope.city_id) {
    return gather(table, first_of(from, 0), first_of(to, 0), group);
  }
  if (to - from > kSeeksMax) {
    return gather(table, first_of(from, 0), first_of(to, 0), [&](std::uint64_t row_key) {
      return (row_key >> 16 & key::kCitiesMax) == *scope.city_id ? group(row_key) : nullptr;
    });
  }
  bool ok = true;
  for (std::int64_t bucket = from; ok && bucket < to; ++bucket) {
    ok = gather(table, first_of(bucket, *scope.city_id), first_of(bucket, *scope.city_id + 1), group);
  }
  return ok;
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
  const auto group = [&](std::uint64_t row_key) {
    return &rows[by_brand ? row_key >> 4 & key::kBrandsMax : row_key & 15];
  };
  const std::int64_t from = query.from_day.value_or(0);
  const std::int64_t to = std::max(from, query.to_day.value_or(kDaysEnd));
  // Whole spans, and days before and behind them.
  const std::int64_t first_span = std::min((from + kSpanDays - 1) / kSpanDays, to / kSpanDays + 1);
  const std::int64_t end_span = std::max(first_span, to / kSpanDays);
  const bool ok = gather_brands(Table::kCityBrandSizeDay, scope, from, std::min(to, first_span * kSpanDays), group) &&
                  gather_brands(Table::kCityBrandSizeSpan, scope, first_span, end_span, group) &&
                  gather_brands(Table::kCityBrandSizeDay, scope, std::max(end_span * kSpanDays, from), to, group);
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

// A few columns of each row: a tenth of what all of them take.
bool StoreReader::sum_up(Scope& scope) {
  Statement newest(database_, "SELECT ifnull(max(row_key), 0) FROM stat_station_day");
  if (!newest.row()) {
    return false;
  }
  scope.days_end = static_cast<std::int64_t>(newest.unsigned_number(0) >> key::kStationBits) + 1;
  const auto in_scope = [&](std::uint64_t row_key) -> Sums* {
    return scope.station_ids.contains(static_cast<std::uint32_t>(row_key)) ? &scope.unplaced : nullptr;
  };
  if (!gather(Table::kStationDay, 0, key::station_day(1, 0), in_scope)) {
    return false;
  }
  scope.level = scope.unplaced[static_cast<std::size_t>(Column::kLevelDelta)];
  scope.opaque_events = scope.unplaced[static_cast<std::size_t>(Column::kOpaqueEvents)];
  return visit_days_before(scope.days_end, scope, [&scope](TableRows& row, std::uint32_t) {
    scope.level += row.value(Column::kLevelDelta);
    scope.opaque_events += row.value(Column::kOpaqueEvents);
    return true;
  });
}

// Some rows below the floor may be there still, until a commit has the time to delete them.
bool StoreReader::begin_where_kept(std::string_view floor, std::int64_t units_a_day, const StationInfo& station,
                                   std::int64_t& from_day, StatisticsAnswer& answer) {
  Statement select(database_, "SELECT value FROM meta WHERE name = ?1");
  if (!select.bind(1, floor).row()) {
    return false;
  }
  const std::int64_t kept = select.number(0) / units_a_day;
  const auto first_s = static_cast<std::int64_t>(station.first_event_utc_ms / 1'000) + station.utc_offset_min * 60;
  if (from_day < kept && station.first_event_utc_ms != 0 && first_s / 86'400 < kept) {
    answer.kept_from_day = kept;
  }
  from_day = std::max(from_day, kept);
  return true;
}

bool StoreReader::find_days(std::uint32_t station, std::int64_t from_day, std::int64_t to_day,
                            std::vector<std::int64_t>& days) {
  Statement select(database_,
                   "SELECT row_key >> 24 FROM stat_station_day WHERE row_key & 16777215 = ?1 AND row_key >= ?2 << 24 "
                   "AND row_key < ?3 << 24 ORDER BY row_key");
  select.bind(1, station).bind(2, from_day).bind(3, to_day);
  while (select.row()) {
    days.push_back(select.number(0));
  }
  return !select.failed();
}

bool StoreReader::judge_completeness(const StatisticsQuery& query, const Scope& scope, StatisticsAnswer& answer) {
  Statement gaps(database_, "SELECT station_id FROM gaps");
  while (gaps.row()) {
    answer.gaps += scope.all || scope.station_ids.contains(static_cast<std::uint32_t>(gaps.number(0))) ? 1 : 0;
  }
  if (gaps.failed()) {
    return false;
  }
  answer.opaque_events = scope.opaque_events;
  const bool bucketed = query.by == GroupBy::kHour || query.by == GroupBy::kDay || query.from_day || query.to_day;
  if (bucketed) {
    for (auto column = Column::kDeposits; column <= Column::kTurnedAwayFault;
         column = static_cast<Column>(static_cast<int>(column) + 1)) {
      answer.unplaced += scope.unplaced[static_cast<std::size_t>(column)];
    }
  }
  answer.complete =
      answer.gaps == 0 && answer.opaque_events == 0 && answer.unplaced == 0 && !answer.kept_from_day.has_value();
  return true;
}

StatisticsAnswer StoreReader::statistics(const StatisticsQuery& query) {
  StatisticsAnswer answer;
  Scope scope;
  bool ok = database_.run("BEGIN") && make_scope(query, scope, answer);
  ok = ok && (answer.status != ReadStatus::kOk || sum_up(scope));
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
    if (query.sort.starts_with(kDwellQuantileNames)) {
      settle_dwells(answer.rows);
    }
    if (answer.status == ReadStatus::kOk && !query.sort.empty() &&
        !sort_rows(answer.rows, answer.has, query.sort, query.descending)) {
      answer.status = ReadStatus::kNoSuchColumn;
      answer.detail = "sort: these rows have no such column";
    }
    const bool by_time = query.by == GroupBy::kHour || query.by == GroupBy::kDay;
    if (!by_time || !query.sort.empty()) {
      page(query, answer);
    }
    settle_dwells(answer.rows);
  }
  if (!ok) {
    answer = {};
    answer.status = ReadStatus::kFailed;
    answer.detail = database_.error();
  }
  city_days_.trim();
  database_.run("ROLLBACK");  // Nothing was written; ends the snapshot.
  return answer;
}

}  // namespace cubby::aggregator

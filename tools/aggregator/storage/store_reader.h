#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tools/aggregator/core/standing.h"
#include "tools/aggregator/core/statistics.h"
#include "tools/aggregator/storage/city_days.h"
#include "tools/aggregator/storage/days.h"
#include "tools/aggregator/storage/event_tail.h"
#include "tools/aggregator/storage/figures.h"
#include "tools/aggregator/storage/sqlite.h"
#include "tools/aggregator/storage/table_rows.h"

namespace cubby::aggregator {

enum class GroupBy : std::uint8_t { kCity = 1, kStation, kCompartment, kBrand, kSize, kHour, kDay };
std::optional<GroupBy> group_by_from_text(std::string_view text);
inline constexpr std::string_view kGroupByNames = "city, station, compartment, brand, size, hour, day";

struct StatisticsQuery {
  GroupBy by = GroupBy::kCity;
  std::string station;                   // Empty: all.
  std::string city;                      // Empty: all.
  std::optional<std::int64_t> from_day;  // Local days since 1970-01-01; the first one ...
  std::optional<std::int64_t> to_day;    // ... and the one after the last. Neither: lifetime.
  std::string sort;                      // A label or figure; empty: by what the row is about.
  bool descending = false;
  std::size_t offset = 0;
  std::size_t limit = 1'000;
};

enum class ReadStatus : std::uint8_t { kOk = 0, kUnknownStation, kUnknownCity, kNotSupported, kNoSuchColumn, kFailed };

struct StatisticsAnswer {
  ReadStatus status = ReadStatus::kOk;
  std::string detail;  // Of anything but kOk: one line.
  std::vector<StatisticsRow> rows;
  ColumnsPresent has{};                // Columns that these rows have.
  std::size_t total = 0;               // Rows without offset and limit.
  std::uint64_t watermark_utc_ms = 0;  // Time of the newest event in the answer's scope.
  bool complete = false;               // Nothing in the scope is known to be missing or unreadable.
  std::int64_t gaps = 0;
  std::int64_t opaque_events = 0;
  std::int64_t unplaced = 0;  // Deliveries without a time; only where rows are buckets of time.
  // Days before it were asked for, and had been told of, and are not kept in such rows any more.
  std::optional<std::int64_t> kept_from_day;
};

/// What each bucket of time changed of the number of parcels inside, in the order of time.
using BucketLevels = std::vector<std::pair<std::int64_t, std::int64_t>>;

struct StationInfo {
  std::uint32_t id = 0;
  std::string name;
  std::string city;
  std::uint32_t city_id = 0;
  std::int32_t utc_offset_min = 0;
  std::uint32_t config_version = 0;
  std::uint32_t compartments = 0;
  std::uint64_t high_water = 0;
  std::uint64_t first_event_utc_ms = 0;  // Of any journal; 0: no event knew the time.
  std::uint64_t last_event_utc_ms = 0;
  std::uint32_t boot = 0;
  std::uint32_t journals = 0;
  Standing standing;
  StationIdentity identity;
  std::optional<JournalUid> journal;     // The current one; nullopt: it has never reported.
  std::vector<std::uint8_t> door_sizes;  // Size of config.proto; only from station().
  std::string config;                    // Encoded StationConfig; only from station(); empty: none yet.
};

/// Answers questions from a store that somebody else writes: a connection of its own, read-only, each
/// answer from one snapshot. One thread.
class StoreReader {
 public:
  /// Empty, or one line for a person.
  std::string open(const std::string& path);
  StatisticsAnswer statistics(const StatisticsQuery& query);
  /// Works out all that answers by time remember, so that the first of them finds it. Takes a quarter of a second for
  /// a year of a province; does nothing if the store fails.
  void remember_days();
  /// Ordered by name. False: the store failed.
  bool stations(std::vector<StationInfo>& stations);
  ReadStatus station(std::string_view name, StationInfo& info);
  bool totals(std::int64_t& gaps, std::uint64_t& watermark_utc_ms);
  /// Fills in what each is bound to; who asks for figures needs it not.
  bool add_certificates(std::span<StationInfo> stations);
  /// The event log's pages; not from a snapshot.
  EventTail& events() { return tail_; }
  const CityDays& city_days() const { return city_days_; }

 private:
  static constexpr std::size_t kCityDaysMax = std::size_t{128} << 20;  // Bytes: five years of a province.
  struct Scope;
  using Sums = std::array<std::int64_t, kColumnCount>;
  bool make_scope(const StatisticsQuery& query, Scope& scope, StatisticsAnswer& answer);
  bool answer_by_station_or_city(const StatisticsQuery& query, const Scope& scope, StatisticsAnswer& answer);
  bool answer_by_compartment(const StatisticsQuery& query, const Scope& scope, StatisticsAnswer& answer);
  bool answer_by_brand_or_size(const StatisticsQuery& query, const Scope& scope, StatisticsAnswer& answer);
  bool answer_by_time(const StatisticsQuery& query, const Scope& scope, StatisticsAnswer& answer);
  bool answer_by_time_of_cities(const StatisticsQuery& query, const Scope& scope, std::int64_t newest_day,
                                StatisticsAnswer& answer);
  /// Days [from_day, to_day) of the scope's cities, in the order of days, as city_days_ has them.
  bool read_city_days(const Scope& scope, std::int64_t from_day, std::int64_t to_day,
                      std::vector<const CityDay*>& days);
  /// Histograms of local days [from_day, to_day) of one station, from the log: into *row(compartment, local seconds),
  /// null: left out. Rows have none if the log is too long for that. False: the store failed.
  bool gather_dwells(const StationInfo& station, std::int64_t from_day, std::int64_t to_day,
                     const std::function<StatisticsRow*(std::uint32_t compartment, std::int64_t local_s)>& row);
  /// Time-weighted levels, quantiles and labels of the rows of the page, or of all if they have an order of their own;
  /// `rows` by bucket: those of the page at least.
  bool finish_buckets(const StatisticsQuery& query, const Scope& scope, const BucketLevels& levels,
                      std::map<std::int64_t, StatisticsRow>& rows, StatisticsAnswer& answer);
  /// Moves `from_day` of a question about a station to the first day that is kept, by the floor of that name in `meta`,
  /// which counts `units_a_day`.
  bool begin_where_kept(std::string_view floor, std::int64_t units_a_day, const StationInfo& station,
                        std::int64_t& from_day, StatisticsAnswer& answer);
  /// Those of [from_day, to_day) of which the station has told: however far apart they are, when its clock was wrong.
  bool find_days(std::uint32_t station, std::int64_t from_day, std::int64_t to_day, std::vector<std::int64_t>& days);
  /// Fills in what the scope's stations have done all in all.
  bool sum_up(Scope& scope);
  bool judge_completeness(const StatisticsQuery& query, const Scope& scope, StatisticsAnswer& answer);
  /// Adds the rows of `table` with keys in [from, to) to *group(key), which is a StatisticsRow or Sums; null: left out.
  template <typename Group>
  bool gather(Table table, std::uint64_t from, std::uint64_t to, Group group);
  /// Each station's newest row of a day before `day`, which has the sums of all days up to it; `visit` says whether to
  /// go on.
  bool visit_days_before(std::int64_t day, const Scope& scope,
                         const std::function<bool(TableRows& row, std::uint32_t station)>& visit);
  /// Adds `sign` times what each station of the scope had done in all days before `day` to *group(station's number);
  /// null: left out.
  bool add_days_before(std::int64_t day, int sign, const Scope& scope,
                       const std::function<StatisticsRow*(std::uint32_t station)>& group);
  /// What each day from `from_day` on added, of one station.
  bool gather_days(std::uint32_t station, std::int64_t from_day, std::int64_t to_day,
                   std::map<std::int64_t, StatisticsRow>& rows);
  /// Days [from, to) of the scope's cities by brand and size, or spans of days.
  template <typename Group>
  bool gather_brands(Table table, const Scope& scope, std::int64_t from, std::int64_t to, Group group);
  TableRows& range(Table table, TableRows::Order order = TableRows::Order::kByKey);

  Database database_;
  EventTail tail_{database_};
  std::map<std::pair<Table, TableRows::Order>, TableRows> ranges_;
  Statement select_city_days_;
  CityDays city_days_{kCityDaysMax};
};

/// Fills in the query's order from "COLUMN", "COLUMN:asc" or "COLUMN:desc"; empty: no order. False: another form.
bool parse_sort(std::string_view text, StatisticsQuery& query);

}  // namespace cubby::aggregator

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

/// Names and shapes of the statistics: integer columns that only ever grow by sums, so that the order in
/// which events of different stations are applied does not matter. docs/spec/store.md
namespace cubby::aggregator {

enum class Column : std::uint8_t {
  kDeposits,
  kCollections,
  kRecalls,
  kRefusals,
  kDropOffs,
  kDispatches,
  kOverdue,
  kCancellations,
  kTurnedAwayFull,
  kTurnedAwayNoSuchSize,
  kTurnedAwayShareUsedUp,
  kTurnedAwayWrongPass,
  kTurnedAwayJournalReserve,
  kTurnedAwayFault,
  kDwellCount,
  kDwellMs,
  kDoorCycles,
  kDoorOpenMs,
  kFirstOpenSuccess,
  kOpenFailedJammed,
  kOpenFailedBoardSilent,
  kOpenFailedNotSent,
  kOpenFailedRefused,
  kOpenFailedElsewhere,
  kWrongCodes,
  kLockouts,
  kCustodyUncertain,
  kForced,
  kLeftOpen,
  kLevelDelta,    // Change of the number of parcels inside.
  kLevelMomentS,  // Sum of change x seconds from the change to the end of its bucket.
  kUnaccounted,   // Part of level_delta that a Snapshot after a Gap had to correct.
  kBoots,
  kOutages,  // Boots that nobody ordered.
  kOffMs,    // How long the station was off before its boots, where its clock could say.
  kBoardSilent,
  kBoardSilentMs,  // Of lock boards that have answered again.
  kEvents,
  kOpaqueEvents,  // Kept, but not understood by this build.
};
inline constexpr std::size_t kColumnCount = 39;
static_assert(static_cast<std::size_t>(Column::kOpaqueEvents) + 1 == kColumnCount);

/// The column's name in SQL and JSON.
std::string_view to_string(Column column);

enum class Table : std::uint8_t {
  kCompartmentDay,  // The last kCompartmentDays.
  kCompartment,     // Lifetime. Stored without the day that is still open: docs/spec/store.md, "Open days".
  kStationDay,      // Stored as sums of all days so far; those of the newest and of bucket 0 are the lifetime.
  kStationHour,     // The last kStationHourDays.
  kCityHour,
  kCityBrandSizeDay,
  kCityBrandSizeSpan,  // kSpanDays of them in one; likewise.
};
inline constexpr std::size_t kTableCount = 7;

inline constexpr std::int64_t kCompartmentDays = 35;
inline constexpr std::int64_t kStationHourDays = 40;
inline constexpr std::int64_t kSpanDays = 32;  // Spans begin at 1970-01-01; a power of two, and about a month.

inline constexpr std::string_view kDwellsName = "dwell_histogram";

struct TableSpec {
  std::string_view name;
  std::span<const Column> columns;
  bool has_dwells;      // A row has a packed DwellHistogram, too: kDwellsName.
  unsigned group_bits;  // So many low bits of a key tell rows apart that are stored together in one; 0: each alone.
  std::array<std::int8_t, kColumnCount> slot;  // Index into `columns`, or -1.
};
const TableSpec& spec(Table table);

/// Row keys are packed integers. What a table's rows that are stored together share comes first: the SQLite rowid is
/// the key without its `group_bits` low bits. `day` and `hour` count local days and hours from 1970-01-01; 0 is the
/// bucket "unplaced", for events that do not know the time.
namespace key {
inline constexpr std::uint64_t kStationBits = 24;
inline constexpr std::uint64_t kStationsMax = (1U << kStationBits) - 1;
inline constexpr std::uint64_t kCitiesMax = 0xFFFF;
inline constexpr std::uint64_t kBrandsMax = 0xFFF;

constexpr std::uint64_t compartment(std::uint64_t station, std::uint64_t number) {
  return station << 8 | number;
}
constexpr std::uint64_t compartment_day(std::uint64_t day, std::uint64_t station, std::uint64_t number) {
  return day << 32 | station << 8 | number;
}
constexpr std::uint64_t station_day(std::uint64_t day, std::uint64_t station) {
  return day << 24 | station;
}
constexpr std::uint64_t station_hour(std::uint64_t hour, std::uint64_t station) {
  return (hour / 24 << kStationBits | station) << 5 | hour % 24;
}
constexpr std::uint64_t city_hour(std::uint64_t hour, std::uint64_t city) {
  return (hour / 24 << 16 | city) << 5 | hour % 24;
}
constexpr std::uint64_t hour_of(std::uint64_t city_hour) {
  return (city_hour >> 21) * 24 + (city_hour & 31);
}
/// Days [day, ...) of cities, as bounds of ranges.
constexpr std::uint64_t city_day(std::uint64_t day, std::uint64_t city) {
  return city_hour(day * 24, city);
}
/// `day`: or the number of a span.
constexpr std::uint64_t city_brand_size_day(std::uint64_t day, std::uint64_t city, std::uint64_t brand,
                                            std::uint64_t size) {
  return day << 32 | city << 16 | brand << 4 | size;
}
constexpr std::uint64_t span_of(std::uint64_t day) {
  return day / kSpanDays;
}
/// What sums a row of a day: the compartment, or the span.
constexpr std::uint64_t compartment_of(std::uint64_t compartment_day) {
  return compartment_day & 0xFFFF'FFFF;
}
constexpr std::uint64_t city_brand_size_span(std::uint64_t city_brand_size_day) {
  return span_of(city_brand_size_day >> 32) << 32 | (city_brand_size_day & 0xFFFF'FFFF);
}
}  // namespace key

}  // namespace cubby::aggregator

#include "tools/aggregator/core/statistics.h"

namespace cubby::aggregator {
namespace {

using enum Column;

constexpr std::array<std::string_view, kColumnCount> kNames = {"deposits",
                                                               "collections",
                                                               "recalls",
                                                               "refusals",
                                                               "drop_offs",
                                                               "dispatches",
                                                               "overdue",
                                                               "cancellations",
                                                               "turned_away_full",
                                                               "turned_away_no_such_size",
                                                               "turned_away_share_used_up",
                                                               "turned_away_wrong_pass",
                                                               "turned_away_journal_reserve",
                                                               "turned_away_fault",
                                                               "dwell_count",
                                                               "dwell_ms",
                                                               "door_cycles",
                                                               "door_open_ms",
                                                               "first_open_success",
                                                               "open_failed_jammed",
                                                               "open_failed_board_silent",
                                                               "open_failed_not_sent",
                                                               "open_failed_refused",
                                                               "open_failed_elsewhere",
                                                               "wrong_codes",
                                                               "lockouts",
                                                               "custody_uncertain",
                                                               "forced",
                                                               "left_open",
                                                               "level_delta",
                                                               "level_moment_s",
                                                               "unaccounted",
                                                               "boots",
                                                               "outages",
                                                               "off_ms",
                                                               "board_silent",
                                                               "board_silent_ms",
                                                               "events",
                                                               "opaque_events"};

constexpr auto kCompartmentColumns = std::to_array<Column>({kDeposits,
                                                            kCollections,
                                                            kRecalls,
                                                            kRefusals,
                                                            kDropOffs,
                                                            kDispatches,
                                                            kOverdue,
                                                            kCancellations,
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
                                                            kCustodyUncertain,
                                                            kForced,
                                                            kLeftOpen,
                                                            kLevelDelta,
                                                            kUnaccounted});
// All of those, and a moment. What nearly every day has comes first: a row begins with a bit for each column up to the
// last one that it has.
constexpr auto kCompartmentDayColumns = std::to_array<Column>({kDeposits,
                                                               kCollections,
                                                               kRecalls,
                                                               kRefusals,
                                                               kDropOffs,
                                                               kDispatches,
                                                               kDwellCount,
                                                               kDwellMs,
                                                               kDoorCycles,
                                                               kDoorOpenMs,
                                                               kFirstOpenSuccess,
                                                               kLevelDelta,
                                                               kLevelMomentS,
                                                               kOverdue,
                                                               kCancellations,
                                                               kOpenFailedJammed,
                                                               kOpenFailedBoardSilent,
                                                               kOpenFailedNotSent,
                                                               kOpenFailedRefused,
                                                               kOpenFailedElsewhere,
                                                               kCustodyUncertain,
                                                               kForced,
                                                               kLeftOpen,
                                                               kUnaccounted});
constexpr auto kStationColumns = std::to_array<Column>({kDeposits,
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
                                                        kLevelDelta,
                                                        kLevelMomentS,
                                                        kUnaccounted,
                                                        kBoots,
                                                        kOutages,
                                                        kOffMs,
                                                        kBoardSilent,
                                                        kBoardSilentMs,
                                                        kEvents,
                                                        kOpaqueEvents});
constexpr auto kCityHourColumns = std::to_array<Column>({kDeposits,
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
                                                         kLevelDelta,
                                                         kLevelMomentS,
                                                         kUnaccounted});
constexpr auto kBrandColumns =
    std::to_array<Column>({kDeposits, kCollections, kRecalls, kRefusals, kDropOffs, kDispatches, kCancellations,
                           kTurnedAwayFull, kTurnedAwayNoSuchSize, kTurnedAwayShareUsedUp, kTurnedAwayWrongPass,
                           kTurnedAwayJournalReserve, kTurnedAwayFault, kDwellCount, kDwellMs});

constexpr TableSpec make(std::string_view name, std::span<const Column> columns, bool has_dwells, unsigned group_bits) {
  TableSpec result{.name = name, .columns = columns, .has_dwells = has_dwells, .group_bits = group_bits, .slot = {}};
  result.slot.fill(-1);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    result.slot[static_cast<std::size_t>(columns[i])] = static_cast<std::int8_t>(i);
  }
  return result;
}

// A histogram is written once for each report at these; at a door it would be once for each parcel, which is a tenth
// of what a commit costs.
constexpr std::array<TableSpec, kTableCount> kTables = {
    make("stat_compartment_day", kCompartmentDayColumns, false, 8),
    make("stat_compartment", kCompartmentColumns, false, 8),
    make("stat_station_day", kStationColumns, true, 0),
    make("stat_station_hour", kCityHourColumns, false, 5),
    make("stat_city_hour", kCityHourColumns, true, 5),
    make("stat_city_brand_size_day", kBrandColumns, true, 4),
    make("stat_city_brand_size_span", kBrandColumns, true, 4),
};

}  // namespace

std::string_view to_string(Column column) {
  return kNames[static_cast<std::size_t>(column)];
}

const TableSpec& spec(Table table) {
  return kTables[static_cast<std::size_t>(table)];
}

}  // namespace cubby::aggregator

#include "tools/aggregator/core/fold.h"

#include <algorithm>

#include "firmware/base/limits.h"
#include "firmware/wire/framing/field_reader.h"
#include "tools/aggregator/core/dwell_histogram.h"

namespace cubby::aggregator {
namespace {

constexpr std::uint64_t kOffMsMax = kDwellMsMax;
constexpr std::uint32_t kSizesMax = 15;

// A parcel is believed to be inside. Nothing: the state does not say.
std::optional<std::int32_t> level_of(std::byte state) {
  switch (static_cast<v1::CompartmentState>(state)) {
    case v1::COMPARTMENT_STATE_VACANT:
    case v1::COMPARTMENT_STATE_RESERVED:
    case v1::COMPARTMENT_STATE_OPENING:
    case v1::COMPARTMENT_STATE_LOADING:
      return 0;
    case v1::COMPARTMENT_STATE_OCCUPIED:
    case v1::COMPARTMENT_STATE_OVERDUE:
    case v1::COMPARTMENT_STATE_COLLECTING:
    case v1::COMPARTMENT_STATE_UNLOADING:
      return 1;
    default:  // Disputed, out of service, or newer than this build.
      return std::nullopt;
  }
}

Column turned_away_column(std::uint32_t reason) {
  switch (reason) {
    case v1::TURNED_AWAY_REASON_FULL:
      return Column::kTurnedAwayFull;
    case v1::TURNED_AWAY_REASON_NO_SUCH_SIZE:
    case v1::TURNED_AWAY_REASON_NO_LOW_DOOR:
      return Column::kTurnedAwayNoSuchSize;
    case v1::TURNED_AWAY_REASON_SHARE_USED_UP:
      return Column::kTurnedAwayShareUsedUp;
    case v1::TURNED_AWAY_REASON_WRONG_PASS:
      return Column::kTurnedAwayWrongPass;
    case v1::TURNED_AWAY_REASON_JOURNAL_RESERVE:
      return Column::kTurnedAwayJournalReserve;
    case v1::TURNED_AWAY_REASON_FAULT:
      return Column::kTurnedAwayFault;
    default:
      return Column::kOpaqueEvents;
  }
}

Column open_failed_column(std::uint32_t cause) {
  switch (cause) {
    case v1::OPEN_FAILURE_JAMMED:
      return Column::kOpenFailedJammed;
    case v1::OPEN_FAILURE_BOARD_SILENT:
      return Column::kOpenFailedBoardSilent;
    case v1::OPEN_FAILURE_NOT_SENT:
      return Column::kOpenFailedNotSent;
    case v1::OPEN_FAILURE_REFUSED:
      return Column::kOpenFailedRefused;
    case v1::OPEN_FAILURE_OPENED_ELSEWHERE:
      return Column::kOpenFailedElsewhere;
    default:
      return Column::kOpaqueEvents;
  }
}

/// The item sensor disagrees with what an opening was for: nobody can know what is inside, as event.proto has it.
bool disputes(const EventView& event) {
  switch (event.kind) {
    case EventKind::kDeposited:
    case EventKind::kDroppedOff:
    case EventKind::kRefused:
      return event.item == v1::ITEM_READING_EMPTY;
    case EventKind::kCollected:
    case EventKind::kRecalled:
    case EventKind::kDispatched:
    case EventKind::kDepositCancelled:
      return event.item == v1::ITEM_READING_PRESENT;
    default:
      return false;
  }
}

bool needs_compartment(EventKind kind) {
  switch (kind) {
    case EventKind::kDeposited:
    case EventKind::kCollected:
    case EventKind::kRecalled:
    case EventKind::kRefused:
    case EventKind::kDroppedOff:
    case EventKind::kDispatched:
    case EventKind::kOverdue:
    case EventKind::kOpenFailed:
    case EventKind::kCustodyUncertain:
    case EventKind::kDoorForced:
    case EventKind::kDoorLeftOpen:
    case EventKind::kDepositCancelled:
    case EventKind::kCustodySettled:
    case EventKind::kDoorReserved:
    case EventKind::kReservationEnded:
      return true;
    default:
      return false;
  }
}

}  // namespace

RetentionFloor retention_floor(std::uint64_t now_utc_ms) {
  const auto today = static_cast<std::int64_t>(now_utc_ms / 86'400'000);
  return {.compartment_day = static_cast<std::uint64_t>(std::max<std::int64_t>(0, today - kCompartmentDays)),
          .station_hour = static_cast<std::uint64_t>(std::max<std::int64_t>(0, today - kStationHourDays)) * 24};
}

struct Fold::Place {
  std::size_t compartment = kNoRow;  // Only if its day is not kept.
  std::size_t compartment_day = kNoRow;
  std::size_t station_day = kNoRow;
  std::size_t station_hour = kNoRow;
  std::size_t city_hour = kNoRow;
  std::uint32_t number = 0;  // Of the compartment.
  std::uint64_t day = 0;     // 0: unplaced.
  std::int64_t to_day_end_s = 0;
  std::int64_t to_hour_end_s = 0;
};

Fold::Place Fold::place_of(const StationFacts& station, std::uint32_t compartment, std::uint64_t local_s) {
  Place place;
  const std::uint64_t hour = local_s / 3'600;
  place.number = compartment;
  place.day = local_s / 86'400;
  if (local_s != 0) {
    place.to_day_end_s = static_cast<std::int64_t>(86'400 - local_s % 86'400);
    place.to_hour_end_s = static_cast<std::int64_t>(3'600 - local_s % 3'600);
  }
  place.station_day = sums_.of(Table::kStationDay).row(key::station_day(place.day, station.id));
  place.city_hour = sums_.of(Table::kCityHour).row(key::city_hour(hour, station.city_id));
  if (hour == 0 || hour >= floor_.station_hour) {
    place.station_hour = sums_.of(Table::kStationHour).row(key::station_hour(hour, station.id));
  }
  if (compartment != 0 && (place.day == 0 || place.day >= floor_.compartment_day)) {
    place.compartment_day =
        sums_.of(Table::kCompartmentDay).row(key::compartment_day(place.day, station.id, compartment));
  } else if (compartment != 0) {
    place.compartment = sums_.of(Table::kCompartment).row(key::compartment(station.id, compartment));
  }
  return place;
}

void Fold::book_brand(const StationFacts& station, const EventView& event, const Place& place) {
  // Packed: the size of a carrier's name is at most 8 bytes; a longer one is no brand.
  std::uint64_t packed = 0;
  const std::string_view carrier = event.carrier.size() <= limits::kCarrierMax ? event.carrier : std::string_view{};
  // Not memcpy: an event without a carrier has no bytes to point at.
  std::copy(carrier.begin(), carrier.end(), reinterpret_cast<char*>(&packed));
  Brand& brand = recent_brands_[packed * 0x9E37'79B9'7F4A'7C15ULL >> kRecentShift];
  if (brand.carrier != packed || brand.id == 0) {
    brand = {.carrier = packed, .id = brands_.intern(carrier)};
  }
  const std::uint32_t size = event.size <= kSizesMax ? event.size : 0;
  TableDelta& table = sums_.of(Table::kCityBrandSizeDay);
  const std::size_t row = table.row(key::city_brand_size_day(place.day, station.city_id, brand.id, size));
  table.add(row, counted_);
  if (dwell_bucket_.has_value()) {
    table.add_dwell(row, *dwell_bucket_);
  }
}

void Fold::book(StationFacts& station, const EventView& event, const Place& place) {
  const auto moment_until = [&](std::int64_t bucket_end_s) {
    if (level_change_ != 0) {
      counted_.set(Column::kLevelMomentS, level_change_ * bucket_end_s);
    }
  };
  if (level_change_ != 0) {
    station.levels[place.number - 1] += level_change_;
    counted_.add(Column::kLevelDelta, level_change_);
  }
  // A newer station may turn somebody away for a reason that moves no sum; its brand has a number all the same, for the
  // log alone says which number each has.
  if (sums_.of(Table::kCityBrandSizeDay).has_any(counted_) || event.kind == EventKind::kTurnedAway) {
    book_brand(station, event, place);
  }
  // The moment belongs to the bucket, and days and hours end at different times.
  moment_until(place.to_day_end_s);
  sums_.of(Table::kStationDay).add(place.station_day, counted_);
  if (place.compartment_day != kNoRow) {
    sums_.of(Table::kCompartmentDay).add(place.compartment_day, counted_);
  } else if (place.compartment != kNoRow) {
    sums_.of(Table::kCompartment).add(place.compartment, counted_);
  }
  moment_until(place.to_hour_end_s);
  sums_.of(Table::kCityHour).add(place.city_hour, counted_);
  if (place.station_hour != kNoRow) {
    sums_.of(Table::kStationHour).add(place.station_hour, counted_);
  }
  if (dwell_bucket_.has_value()) {
    sums_.of(Table::kStationDay).add_dwell(place.station_day, *dwell_bucket_);
    sums_.of(Table::kCityHour).add_dwell(place.city_hour, *dwell_bucket_);
  }
  counted_.clear();
  level_change_ = 0;
  dwell_bucket_.reset();
}

/// An authorised opening that ended in `what`.
void Fold::door_cycle(const EventView& event, Column what) {
  counted_.add(what, 1);
  counted_.add(Column::kDoorCycles, 1);
  counted_.add(Column::kDoorOpenMs, event.open_ms);
  if (event.attempts <= 1) {
    counted_.add(Column::kFirstOpenSuccess, 1);
  }
}

/// Something went in or out, or else, if the item sensor saw it still there, an opening for nothing: a parcel that is
/// not known to be gone stays booked, as at the station.
void Fold::opening(const EventView& event, Column what, std::int32_t change) {
  door_cycle(event, what);
  if (change < 0 && disputes(event)) {
    return;
  }
  if (event.has_dwell && event.dwell_ms <= kDwellMsMax) {
    counted_.add(Column::kDwellCount, 1);
    counted_.add(Column::kDwellMs, static_cast<std::int64_t>(event.dwell_ms));
    dwell_bucket_ = dwell_bucket(event.dwell_ms);
  }
  level_change_ = change;
}

void Fold::count_boot(const EventView& event) {
  const v1::Booted& booted = event.message->booted();
  counted_.add(Column::kBoots, 1);
  if (booted.cause() != v1::BOOT_CAUSE_FIRST && booted.cause() != v1::BOOT_CAUSE_REQUESTED) {
    counted_.add(Column::kOutages, 1);
  }
  if (booted.off_ms() <= kOffMsMax) {
    counted_.add(Column::kOffMs, static_cast<std::int64_t>(booted.off_ms()));
  }
}

void Fold::count_rejection(const EventView& event) {
  counted_.add(Column::kWrongCodes, 1);
  if (event.lockout_s > 0 || event.hard_stop) {
    counted_.add(Column::kLockouts, 1);
  }
}

void Fold::count(const EventView& event) {
  switch (event.kind) {
    case EventKind::kRefused:
      door_cycle(event, Column::kRefusals);
      break;
    case EventKind::kOverdue:
      counted_.add(Column::kOverdue, 1);
      break;
    case EventKind::kTurnedAway:
      counted_.add(turned_away_column(event.reason), 1);
      break;
    case EventKind::kCodeRejected:
      count_rejection(event);
      break;
    case EventKind::kOpenFailed:
      counted_.add(open_failed_column(event.reason), 1);
      break;
    case EventKind::kBooted:
      count_boot(event);
      break;
    case EventKind::kCustodyUncertain:
      counted_.add(Column::kCustodyUncertain, 1);
      break;
    case EventKind::kDoorForced:
      counted_.add(Column::kForced, 1);
      break;
    case EventKind::kDoorLeftOpen:
      counted_.add(Column::kLeftOpen, 1);
      break;
    case EventKind::kBoardSilent:
      counted_.add(Column::kBoardSilent, 1);
      break;
    case EventKind::kBoardAnswered:
      counted_.add(Column::kBoardSilentMs, event.message->board_answered().silent_ms());
      break;
    case EventKind::kDepositCancelled:
      counted_.add(Column::kCancellations, 1);
      break;
    case EventKind::kNone:
      counted_.add(Column::kOpaqueEvents, 1);
      break;
    case EventKind::kCustodySettled:  // Moves a level only.
    case EventKind::kDeposited:       // opening() counts these.
    case EventKind::kCollected:
    case EventKind::kRecalled:
    case EventKind::kDroppedOff:
    case EventKind::kDispatched:
    case EventKind::kJournalOpened:  // The rest is kept in the log and moves no sum.
    case EventKind::kConfigApplied:
    case EventKind::kSnapshot:
    case EventKind::kDoorShutLate:
    case EventKind::kOutOfService:
    case EventKind::kInService:
    case EventKind::kCommandResult:
    case EventKind::kTechnicianCame:
    case EventKind::kServiced:
    case EventKind::kDoorReserved:
    case EventKind::kReservationEnded:
    case EventKind::kExtended:
    case EventKind::kCodeReissued:
    case EventKind::kItemSensorDoubtful:
    case EventKind::kPassRevoked:
    case EventKind::kFlashWorn:
      break;
  }
}

void Fold::apply_config(StationFacts& station, const EventView& event, Bytes payload) {
  const v1::StationConfig& config = event.message->config_applied().config();
  station.city_id = cities_.intern(std::string_view(config.city()).substr(0, limits::kCityNameMax));
  const std::int32_t offset = config.utc_offset_min();
  station.utc_offset_min = offset >= -720 && offset <= 840 ? offset : 0;
  station.config_version = config.version();
  const Bytes raw =
      wire::find_bytes(wire::find_bytes(payload, static_cast<std::uint32_t>(EventKind::kConfigApplied)), 1);
  station.config.assign(raw.begin(), raw.end());
}

void Fold::apply_snapshot(StationFacts& station, const EventView& event, std::uint64_t local_s) {
  const std::string& states = event.message->snapshot().states();
  for (std::size_t i = 0; i < states.size() && i < limits::kCompartmentsMax; ++i) {
    const auto level = level_of(static_cast<std::byte>(states[i]));
    if (!level || *level == station.levels[i]) {
      continue;
    }
    const auto compartment = static_cast<std::uint32_t>(i + 1);
    correct_level(station, compartment, *level);
    book(station, event, place_of(station, compartment, local_s));
  }
}

/// Somebody looked, and no event had told.
void Fold::correct_level(StationFacts& station, std::uint32_t compartment, std::int32_t level) {
  level_change_ = level - station.levels[compartment - 1];
  if (level_change_ != 0) {
    counted_.add(Column::kUnaccounted, level_change_);
  }
}

FoldResult Fold::apply(StationFacts& station, Bytes payload) {
  if (station.city_id == 0) {
    station.city_id = cities_.intern("");
  }
  if (station.levels.empty()) {
    station.levels.assign(limits::kCompartmentsMax, 0);
  }
  FoldResult result;
  EventView event;
  if (!parser_.parse(payload, event)) {
    counted_.add(Column::kEvents, 1);
    counted_.add(Column::kOpaqueEvents, 1);
    book(station, event, place_of(station, 0, 0));
    return result;
  }
  result.boot = event.boot;
  if (event.kind == EventKind::kConfigApplied) {
    apply_config(station, event, payload);  // First, so that the event itself falls into its own city.
    result.config_changed = true;
  }
  std::uint64_t local_s = 0;
  if (event.has_wall && event.wall_ms >= kUtcMsMin && event.wall_ms <= kUtcMsMax) {
    result.utc_ms = event.wall_ms;
    local_s = static_cast<std::uint64_t>(static_cast<std::int64_t>(event.wall_ms / 1'000) +
                                         static_cast<std::int64_t>(station.utc_offset_min) * 60);
  }
  const bool numbered = event.compartment >= 1 && event.compartment <= limits::kCompartmentsMax;
  if (needs_compartment(event.kind) && !numbered) {
    event.kind = EventKind::kNone;
  }
  counted_.add(Column::kEvents, 1);
  if (disputes(event)) {
    counted_.add(Column::kCustodyUncertain, 1);
  }
  if (event.kind == EventKind::kDeposited) {
    opening(event, Column::kDeposits, 1);
  } else if (event.kind == EventKind::kCollected) {
    opening(event, Column::kCollections, -1);
  } else if (event.kind == EventKind::kRecalled) {
    opening(event, Column::kRecalls, -1);
  } else if (event.kind == EventKind::kDroppedOff) {
    opening(event, Column::kDropOffs, 1);
  } else if (event.kind == EventKind::kDispatched) {
    opening(event, Column::kDispatches, -1);
  } else if (event.kind == EventKind::kCustodySettled) {
    correct_level(station, event.compartment, event.message->custody_settled().inside() ? 1 : 0);
  } else if (event.kind == EventKind::kCommandResult) {
    result.command_result = &event.message->command_result();
  } else {
    count(event);
  }
  book(station, event, place_of(station, needs_compartment(event.kind) ? event.compartment : 0, local_s));
  if (event.kind == EventKind::kSnapshot) {
    apply_snapshot(station, event, local_s);
  }
  return result;
}

}  // namespace cubby::aggregator

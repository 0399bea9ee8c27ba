#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"
#include "tools/aggregator/core/dictionary.h"
#include "tools/aggregator/core/event_parser.h"
#include "tools/aggregator/core/statistics_delta.h"

namespace cubby::aggregator {

/// Where and when, as statistics need it: a UTC that is not within these years is taken for none.
inline constexpr std::uint64_t kUtcMsMin = 946'684'800'000;    // 2000-01-01.
inline constexpr std::uint64_t kUtcMsMax = 7'258'118'400'000;  // 2200-01-01.

/// What a station's ConfigApplied events have told. Built from the log alone.
struct StationFacts {
  std::uint32_t id = 0;       // From 1.
  std::uint32_t city_id = 0;  // 0: no configuration seen yet.
  std::int32_t utc_offset_min = 0;
  std::uint32_t config_version = 0;
  std::vector<std::byte> config;     // Encoded StationConfig; empty: none yet.
  std::vector<std::int32_t> levels;  // Parcels inside; element i is compartment i + 1.
};

/// What one event did beside the sums.
struct FoldResult {
  bool config_changed = false;
  std::optional<std::uint64_t> utc_ms;                // The event's time, where it has one.
  std::uint32_t boot = 0;                             // 0: opaque.
  const v1::CommandResult* command_result = nullptr;  // Valid until the next event.
};

/// Days and hours below which the tables with an end are not written (retention). 0: no bound.
struct RetentionFloor {
  std::uint64_t compartment_day = 0;
  std::uint64_t station_hour = 0;
};

/// What is kept at this time.
RetentionFloor retention_floor(std::uint64_t now_utc_ms);

/// Turns events into sums. The one place that knows what an event means for which statistic: the
/// aggregator applies batches with it, `cubby verify` recomputes the tables from the log with it.
class Fold {
 public:
  Fold(Dictionary& cities, Dictionary& brands, StatisticsDelta& sums) : cities_(cities), brands_(brands), sums_(sums) {}

  /// Never fails: an event that cannot be read is counted as opaque.
  FoldResult apply(StationFacts& station, Bytes payload);
  void set_floor(const RetentionFloor& floor) { floor_ = floor; }

 private:
  struct Place;  // Of one event: the buckets that it falls into.
  struct Brand {
    std::uint64_t carrier = 0;  // Its bytes.
    std::uint32_t id = 0;       // 0: none.
  };
  static constexpr std::size_t kNoRow = SIZE_MAX;
  static constexpr unsigned kRecentShift = 58;  // The high bits of a product, as an index of 64.
  void count(const EventView& event);
  void count_rejection(const EventView& event);
  void count_boot(const EventView& event);
  void door_cycle(const EventView& event, Column what);
  void opening(const EventView& event, Column what, std::int32_t change);
  void correct_level(StationFacts& station, std::uint32_t compartment, std::int32_t level);
  /// Adds what was counted to all rows of the place.
  void book(StationFacts& station, const EventView& event, const Place& place);
  void book_brand(const StationFacts& station, const EventView& event, const Place& place);
  void apply_config(StationFacts& station, const EventView& event, Bytes payload);
  void apply_snapshot(StationFacts& station, const EventView& event, std::uint64_t local_s);
  Place place_of(const StationFacts& station, std::uint32_t compartment, std::uint64_t local_s);

  Dictionary& cities_;
  Dictionary& brands_;
  StatisticsDelta& sums_;
  EventParser parser_;
  RetentionFloor floor_;
  std::array<Brand, 64> recent_brands_{};
  EventSums counted_;              // Of the event that is applied.
  std::int32_t level_change_ = 0;  // Likewise, of its compartment.
  std::optional<std::uint16_t> dwell_bucket_;
};

}  // namespace cubby::aggregator

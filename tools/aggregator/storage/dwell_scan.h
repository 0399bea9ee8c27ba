#pragma once

#include <cstdint>
#include <functional>

#include "tools/aggregator/storage/sqlite.h"

namespace cubby::aggregator {

/// How long one parcel stayed, as statistics count it.
struct DwellSeen {
  std::uint32_t compartment = 0;
  std::uint64_t utc_ms = 0;  // When it left.
  std::uint16_t bucket = 0;  // dwell_bucket().
};

enum class ScanEnd : std::uint8_t { kWhole = 1, kTooLong, kFailed };

/// Reads the newest part of one station's log, backwards: for histograms that are not stored because a door would
/// rewrite one with each parcel. Ends a day before `from_utc_ms`, so that a clock that was set back by less misses
/// nothing. kTooLong: more batches than that may take the time for; what was seen so far is not all.
ScanEnd scan_dwells(Database& database, std::uint32_t station_id, std::uint64_t from_utc_ms,
                    const std::function<void(const DwellSeen&)>& see);

}  // namespace cubby::aggregator

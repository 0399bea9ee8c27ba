#include "tools/aggregator/storage/dwell_scan.h"

#include <vector>

#include "firmware/base/limits.h"
#include "tools/aggregator/core/dwell_histogram.h"
#include "tools/aggregator/core/event_log.h"
#include "tools/aggregator/core/event_parser.h"

namespace cubby::aggregator {
namespace {

// 40 days of a busy station that reports each event at once are 5,000.
constexpr int kBatchesMax = 20'000;
constexpr std::uint64_t kDayMs = 86'400'000;

bool left(const EventView& event) {
  const bool takes =
      event.kind == EventKind::kCollected || event.kind == EventKind::kRecalled || event.kind == EventKind::kDispatched;
  return takes && event.has_dwell && event.dwell_ms <= kDwellMsMax && event.has_wall && event.compartment >= 1 &&
         event.compartment <= limits::kCompartmentsMax && event.item != v1::ITEM_READING_PRESENT;
}

void scan_batch(Bytes payload, EventParser& parser, const std::function<void(const DwellSeen&)>& see) {
  PayloadReader reader(payload);
  Bytes bytes;
  EventView event;
  while (reader.next(bytes)) {
    if (parser.parse(bytes, event) && left(event)) {
      see({.compartment = event.compartment, .utc_ms = event.wall_ms, .bucket = dwell_bucket(event.dwell_ms)});
    }
  }
}

}  // namespace

ScanEnd scan_dwells(Database& database, std::uint32_t station_id, std::uint64_t from_utc_ms,
                    const std::function<void(const DwellSeen&)>& see) {
  std::vector<std::uint64_t> heads;
  Statement journals(database, "SELECT last_batch_id FROM journals WHERE station_id = ?1");
  journals.bind(1, station_id);
  while (journals.row()) {
    heads.push_back(journals.unsigned_number(0));
  }
  Statement batch(database, "SELECT previous_id, last_utc_ms, payload FROM event_batches WHERE batch_id = ?1");
  if (journals.failed() || !batch.ok()) {
    return ScanEnd::kFailed;
  }
  EventParser parser;
  int scanned = 0;
  for (std::uint64_t id : heads) {
    while (id != 0) {
      if (++scanned > kBatchesMax) {
        return ScanEnd::kTooLong;
      }
      if (!batch.bind(1, id).row()) {
        return ScanEnd::kFailed;
      }
      const std::uint64_t last_utc_ms = batch.unsigned_number(1);
      id = last_utc_ms != 0 && last_utc_ms + kDayMs < from_utc_ms ? 0 : batch.unsigned_number(0);
      scan_batch(batch.blob(2), parser, see);
      batch.reset();
    }
  }
  return ScanEnd::kWhole;
}

}  // namespace cubby::aggregator

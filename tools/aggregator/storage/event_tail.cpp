#include "tools/aggregator/storage/event_tail.h"

#include <algorithm>

#include "firmware/base/limits.h"
#include "tools/aggregator/core/event_log.h"
#include "tools/aggregator/storage/event_json.h"

namespace cubby::aggregator {

static_assert(limits::kBatchEventsMax <= 256);

std::uint64_t EventTail::newest(bool& ok) {
  Statement last(database_, "SELECT batch_id, last_seq - first_seq FROM event_batches ORDER BY batch_id DESC LIMIT 1");
  if (last.row()) {
    return id_of(last.unsigned_number(0), last.unsigned_number(1));
  }
  ok = ok && !last.failed();
  return 0;
}

const EventTail::Source* EventTail::source_of(std::uint32_t journal_id,
                                              std::unordered_map<std::uint32_t, Source>& known) {
  if (const auto found = known.find(journal_id); found != known.end()) {
    return &found->second;
  }
  if (!select_source_.ok() &&
      !select_source_.prepare(database_,
                              "SELECT s.name, j.uid FROM journals j JOIN stations s ON s.station_id = j.station_id "
                              "WHERE j.journal_id = ?1")) {
    return nullptr;
  }
  const bool found = select_source_.bind(1, journal_id).row();
  const Source* source = nullptr;
  if (found) {
    source = &known.emplace(journal_id, Source{std::string(select_source_.text(0)), to_hex(select_source_.blob(1))})
                  .first->second;
  }
  select_source_.reset();
  return source;
}

TailPage EventTail::page(std::uint64_t after, std::uint32_t station_id, std::size_t limit) {
  TailPage page;
  page.after = after;
  const std::uint64_t first_batch = after >> 8;
  const std::uint64_t last_batch = newest(page.ok) >> 8;
  const std::uint64_t to = std::min(last_batch, first_batch + kBatchesAPage);
  Statement batches(database_,
                    "SELECT batch_id, journal_id, first_seq, payload FROM event_batches WHERE batch_id >= ?1 AND "
                    "batch_id <= ?2 AND (?3 = 0 OR station_id = ?3) ORDER BY batch_id");
  batches.bind(1, first_batch).bind(2, to).bind(3, station_id);
  std::unordered_map<std::uint32_t, Source> sources;
  while (page.ok && batches.row()) {
    const Source* const source = source_of(static_cast<std::uint32_t>(batches.number(1)), sources);
    if (source == nullptr) {
      page.ok = false;
      return page;
    }
    PayloadReader reader(batches.blob(3));
    Bytes payload;
    for (std::uint64_t index = 0; reader.next(payload); ++index) {
      const std::uint64_t id = id_of(batches.unsigned_number(0), index);
      if (id <= after) {
        continue;
      }
      if (page.events.size() == limit) {
        return page;
      }
      TailEvent& event = page.events.emplace_back();
      event.id = id;
      event.station = source->station;
      event.journal = source->journal;
      event.seq = batches.unsigned_number(2) + index;
      event.event = event_json(payload, &event.kind);
      page.after = id;
    }
  }
  page.ok = page.ok && !batches.failed();
  page.after = std::max(page.after, id_of(to, 255));
  page.at_end = to == last_batch;
  return page;
}

}  // namespace cubby::aggregator

#include "tools/aggregator/storage/event_tail.h"
#include "tools/aggregator/core/hex.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "firmware/base/limits.h"
#include "tools/aggregator/core/event_log.h"
#include "tools/aggregator/storage/event_json.h"
#include "tools/aggregator/storage/sqlite_schema.h"

namespace cubby::aggregator {

static_assert(limits::kBatchEventsMax <= 256);

namespace {

// Of a row of `meta` that says from where on a restored store is another one.
std::optional<std::uint64_t> generation_of_restore(std::string_view name) {
  if (!name.starts_with(kRestoredPrefix)) {
    return std::nullopt;
  }
  name.remove_prefix(kRestoredPrefix.size());
  std::uint64_t generation = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), generation);
  return error == std::errc{} && end == name.data() + name.size() ? std::optional(generation) : std::nullopt;
}

}  // namespace

bool EventTail::origin(LogOrigin& origin) {
  Statement meta(database_, "SELECT name, value FROM meta");
  while (meta.row()) {
    const std::string_view name = meta.text(0);
    if (name == "store_uid") {
      origin.store_uid = to_hex(meta.blob(1));
    } else if (name == "generation") {
      origin.generation = meta.unsigned_number(1);
    } else if (const auto generation = generation_of_restore(name)) {
      origin.restores.push_back({.generation = *generation, .after = id_of(meta.unsigned_number(1), 255)});
    }
  }
  return !meta.failed() && !origin.store_uid.empty();
}

std::uint64_t EventTail::newest(bool& ok) {
  // Readers have seen numbers that a restored backup does not know.
  Statement floor(database_, "SELECT value FROM meta WHERE name = 'batch_floor'");
  const std::uint64_t from = floor.row() ? id_of(floor.unsigned_number(0), 255) : 0;
  Statement last(database_, "SELECT batch_id, last_seq - first_seq FROM event_batches ORDER BY batch_id DESC LIMIT 1");
  if (last.row()) {
    return std::max(from, id_of(last.unsigned_number(0), last.unsigned_number(1)));
  }
  ok = ok && !last.failed() && !floor.failed();
  return from;
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

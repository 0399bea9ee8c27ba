#include "tools/aggregator/storage/log_reader.h"

#include <algorithm>
#include <unordered_map>

#include "tools/aggregator/core/event_log.h"
#include "tools/aggregator/core/fold.h"
#include "tools/aggregator/storage/sqlite_schema.h"

namespace cubby::aggregator {
namespace {

constexpr std::int64_t kBatchesAPiece = 512;

}  // namespace

/// Stations and journals that the filter lets through.
struct LogReader::Sources {
  struct Station {
    std::string name;
    std::int32_t utc_offset_min = 0;  // As the log has told so far.
  };
  struct Journal {
    std::uint32_t station_id = 0;
    JournalUid uid{};
  };
  std::unordered_map<std::uint32_t, Station> stations;
  std::unordered_map<std::uint32_t, Journal> journals;
};

std::string LogReader::open(const std::string& path) {
  if (!database_.open(path, Database::Mode::kReadOnly)) {
    return database_.error();
  }
  bool empty = false;
  return check_schema(database_, empty);
}

std::string LogReader::load(const LogFilter& filter, Sources& sources) {
  Statement stations(database_, "SELECT station_id, name FROM stations WHERE ?1 = '' OR name = ?1");
  stations.bind(1, std::string_view(filter.station));
  while (stations.row()) {
    sources.stations[static_cast<std::uint32_t>(stations.number(0))].name = stations.text(1);
  }
  Statement journals(database_, "SELECT journal_id, station_id, uid FROM journals");
  while (journals.row()) {
    const auto station_id = static_cast<std::uint32_t>(journals.number(1));
    if (!sources.stations.contains(station_id)) {
      continue;
    }
    auto& journal = sources.journals[static_cast<std::uint32_t>(journals.number(0))];
    journal.station_id = station_id;
    std::copy_n(journals.blob(2).begin(), std::min(journals.blob(2).size(), journal.uid.size()), journal.uid.begin());
  }
  if (stations.failed() || journals.failed()) {
    return database_.error();
  }
  return sources.stations.empty() && !filter.station.empty() ? "no such station has reported" : std::string();
}

bool LogReader::visit_batch(Statement& batch, const LogFilter& filter, Sources& sources,
                            const std::function<bool(const LoggedEvent&)>& visit, bool& goes_on) {
  const auto journal = sources.journals.find(static_cast<std::uint32_t>(batch.number(1)));
  if (journal == sources.journals.end()) {
    return true;
  }
  Sources::Station& station = sources.stations[journal->second.station_id];
  LoggedEvent logged;
  logged.station = station.name;
  logged.journal = journal->second.uid;
  logged.journal_id = journal->first;
  logged.seq = batch.unsigned_number(2);
  PayloadReader reader(batch.blob(3));
  for (; goes_on && reader.next(logged.payload); ++logged.seq) {
    const bool parses = scratch_.ParseFromArray(logged.payload.data(), static_cast<int>(logged.payload.size()));
    logged.event = parses ? &scratch_ : nullptr;
    if (parses && scratch_.has_config_applied()) {
      const std::int32_t offset = scratch_.config_applied().config().utc_offset_min();
      station.utc_offset_min = offset >= -720 && offset <= 840 ? offset : 0;
    }
    const bool placed =
        parses && scratch_.has_wall_ms() && scratch_.wall_ms() >= kUtcMsMin && scratch_.wall_ms() <= kUtcMsMax;
    logged.utc_ms = placed ? std::optional<std::uint64_t>(scratch_.wall_ms()) : std::nullopt;
    logged.utc_offset_min = station.utc_offset_min;
    const std::int64_t local_s =
        placed ? static_cast<std::int64_t>(scratch_.wall_ms() / 1'000) + station.utc_offset_min * 60 : -1;
    logged.wanted = (!filter.from_day || local_s >= *filter.from_day * 86'400) &&
                    (!filter.to_day || (placed && local_s < *filter.to_day * 86'400));
    goes_on = visit(logged);
  }
  return !reader.broken();
}

std::string LogReader::read(const LogFilter& filter, const std::function<bool(const LoggedEvent&)>& visit) {
  Sources sources;
  if (std::string wrong = load(filter, sources); !wrong.empty()) {
    return wrong;
  }
  Statement last(database_, "SELECT ifnull(max(batch_id), 0) FROM event_batches");
  if (!last.row()) {
    return database_.error();
  }
  const std::int64_t last_id = last.number(0);
  last.reset();
  // A piece each, so that no snapshot stays open while somebody reads slowly: the write-ahead log could not be merged.
  Statement batches(database_,
                    "SELECT batch_id, journal_id, first_seq, payload FROM event_batches WHERE batch_id > ?1 AND "
                    "batch_id <= ?2 ORDER BY batch_id LIMIT ?3");
  bool goes_on = true;
  for (std::int64_t at = 0; goes_on && at < last_id;) {
    const std::int64_t piece = at;
    batches.bind(1, piece).bind(2, last_id).bind(3, kBatchesAPiece);
    while (goes_on && batches.row()) {
      at = batches.number(0);
      if (!visit_batch(batches, filter, sources, visit, goes_on)) {
        return "batch " + std::to_string(at) + " of the log cannot be read; `cubby verify` says more";
      }
    }
    if (batches.failed()) {
      return database_.error();
    }
    batches.reset();
    if (at == piece) {
      break;
    }
  }
  return {};
}

}  // namespace cubby::aggregator

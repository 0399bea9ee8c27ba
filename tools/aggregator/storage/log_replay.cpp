#include "tools/aggregator/storage/log_replay.h"

#include <algorithm>

#include "tools/aggregator/core/event_log.h"

namespace cubby::aggregator {

std::string LogReplay::where(const Journal& journal, std::uint64_t seq) const {
  const auto name = station_names_.find(journal.station_id);
  return "station " + (name == station_names_.end() ? std::to_string(journal.station_id) : name->second) + ", event " +
         std::to_string(seq) + ": ";
}

std::string LogReplay::load() {
  Statement floors(database_, "SELECT name, value FROM meta");
  while (floors.row()) {
    if (floors.text(0) == "compartment_day_floor") {
      floor_.compartment_day = floors.unsigned_number(1);
    } else if (floors.text(0) == "station_hour_floor") {
      floor_.station_hour = floors.unsigned_number(1);
    }
  }
  fold_.set_floor(floor_);
  Statement stations(database_, "SELECT station_id, name FROM stations");
  while (stations.row()) {
    const auto id = static_cast<std::uint32_t>(stations.number(0));
    station_names_[id] = stations.text(1);
    facts_[id].id = id;
  }
  Statement journals(database_,
                     "SELECT journal_id, station_id, uid, seq, chain, last_batch_id, first_event_utc_ms, "
                     "last_event_utc_ms FROM journals");
  while (journals.row()) {
    Journal& journal = journals_[static_cast<std::uint32_t>(journals.number(0))];
    journal.station_id = static_cast<std::uint32_t>(journals.number(1));
    JournalUid uid{};
    std::copy_n(journals.blob(2).begin(), std::min(journals.blob(2).size(), uid.size()), uid.begin());
    journal.chain = chain_start(uid);
    journal.stored_seq = journals.unsigned_number(3);
    journal.stored_chain = journals.unsigned_number(4);
    journal.stored_last_batch_id = journals.unsigned_number(5);
    journal.stored_first_event_utc_ms = journals.unsigned_number(6);
    journal.stored_last_event_utc_ms = journals.unsigned_number(7);
    if (!facts_.contains(journal.station_id)) {
      return "journal " + std::to_string(journals.number(0)) + " belongs to no station";
    }
  }
  Statement gaps(database_, "SELECT journal_id, from_seq, to_seq, new_chain FROM gaps ORDER BY gap_id");
  while (gaps.row()) {
    const auto journal = journals_.find(static_cast<std::uint32_t>(gaps.number(0)));
    if (journal == journals_.end()) {
      return "a gap belongs to no journal";
    }
    journal->second.gaps.push_back(
        {.from = gaps.unsigned_number(1), .to = gaps.unsigned_number(2), .new_chain = gaps.unsigned_number(3)});
    ++gaps_by_station_[journal->second.station_id];
    ++gaps_;
  }
  const bool failed = floors.failed() || stations.failed() || journals.failed() || gaps.failed();
  return failed ? database_.error() : std::string();
}

void LogReplay::pass_gaps(Journal& journal) {
  while (journal.gaps_passed < journal.gaps.size() && journal.gaps[journal.gaps_passed].from == journal.seq + 1) {
    const Gap& gap = journal.gaps[journal.gaps_passed++];
    journal.seq = gap.to;
    journal.chain = gap.new_chain;
  }
}

// Straight from the event, by libprotobuf and plain additions: shares no code with the fold.
void LogReplay::count_plainly(std::uint32_t station_id, Bytes event) {
  if (!scratch_.ParseFromArray(event.data(), static_cast<int>(event.size()))) {
    return;
  }
  count_dwell_plainly(station_id);
  const auto at = [&](std::uint32_t compartment) -> Plain& {
    return plain_[std::uint64_t{station_id} * 256 + compartment];
  };
  const auto exists = [](std::uint32_t compartment) { return compartment >= 1 && compartment <= 192; };
  if (scratch_.has_deposited() && exists(scratch_.deposited().compartment())) {
    ++at(scratch_.deposited().compartment()).counts.of[kDepositKind];
  } else if (scratch_.has_collected() && exists(scratch_.collected().compartment())) {
    ++at(scratch_.collected().compartment()).counts.of[kCollectionKind];
  } else if (scratch_.has_recalled() && exists(scratch_.recalled().compartment())) {
    ++at(scratch_.recalled().compartment()).counts.of[kRecallKind];
  } else if (scratch_.has_refused() && exists(scratch_.refused().compartment())) {
    ++at(scratch_.refused().compartment()).counts.of[kRefusalKind];
  } else if (scratch_.has_dropped_off() && exists(scratch_.dropped_off().compartment())) {
    ++at(scratch_.dropped_off().compartment()).counts.of[kDropOffKind];
  } else if (scratch_.has_dispatched() && exists(scratch_.dispatched().compartment())) {
    ++at(scratch_.dispatched().compartment()).counts.of[kDispatchKind];
  } else if (scratch_.has_custody_uncertain() && exists(scratch_.custody_uncertain().compartment())) {
    ++at(scratch_.custody_uncertain().compartment()).uncertain;
  }
}

// The same, of how long parcels stayed.
void LogReplay::count_dwell_plainly(std::uint32_t station_id) {
  const auto book = [&](const auto& body) {
    if (!body.has_dwell_ms() || body.dwell_ms() > std::uint64_t{1} << 40 || body.item() == v1::ITEM_READING_PRESENT ||
        body.compartment() < 1 || body.compartment() > 192) {
      return;
    }
    for (std::uint64_t bound = 1'000; dwell_bounds_.empty() || dwell_bounds_.back() <= std::uint64_t{1} << 40;
         bound += bound / 25) {
      dwell_bounds_.push_back(bound);
    }
    PlainDwells& dwells = plain_dwells_[station_id];
    dwells.buckets.resize(dwell_bounds_.size(), 0);
    const auto bucket = std::upper_bound(dwell_bounds_.begin(), dwell_bounds_.end(), body.dwell_ms());
    ++dwells.buckets[static_cast<std::size_t>(bucket - dwell_bounds_.begin())];
    ++dwells.count;
    dwells.sum_ms += static_cast<std::int64_t>(body.dwell_ms());
  };
  if (scratch_.has_collected()) {
    book(scratch_.collected());
  } else if (scratch_.has_recalled()) {
    book(scratch_.recalled());
  } else if (scratch_.has_dispatched()) {
    book(scratch_.dispatched());
  }
}

std::string LogReplay::replay_batch(Statement& batch) {
  const auto found = journals_.find(static_cast<std::uint32_t>(batch.number(3)));
  if (found == journals_.end()) {
    return "batch " + std::to_string(batch.number(0)) + " belongs to no journal";
  }
  Journal& journal = found->second;
  pass_gaps(journal);
  if (static_cast<std::uint32_t>(batch.number(2)) != journal.station_id) {
    return where(journal, journal.seq + 1) + "the batch names another station";
  }
  if (batch.unsigned_number(4) != journal.seq + 1 || batch.unsigned_number(1) != journal.last_batch_id) {
    return where(journal, journal.seq + 1) + "missing in the log; the next batch begins at " +
           std::to_string(batch.unsigned_number(4));
  }
  if (batch.unsigned_number(6) != journal.chain) {
    return where(journal, journal.seq + 1) + "the hash chain does not join";
  }
  PayloadReader reader(batch.blob(8));
  StationFacts& facts = facts_[journal.station_id];
  Bytes event;
  while (reader.next(event)) {
    journal.chain = chain_next(journal.chain, ++journal.seq, event);
    if (const FoldResult folded = fold_.apply(facts, event); folded.utc_ms) {
      journal.first_event_utc_ms = journal.first_event_utc_ms == 0 ? *folded.utc_ms : journal.first_event_utc_ms;
      journal.last_event_utc_ms = std::max(journal.last_event_utc_ms, *folded.utc_ms);
    }
    count_plainly(journal.station_id, event);
    ++events_;
  }
  if (reader.broken() || batch.unsigned_number(5) != journal.seq || batch.unsigned_number(7) != journal.chain) {
    return where(journal, batch.unsigned_number(4)) +
           "the bytes of the batch that begins here do not match its hash chain";
  }
  journal.last_batch_id = batch.unsigned_number(0);
  ++batches_;
  return {};
}

std::string LogReplay::replay_batches() {
  Statement batches(database_,
                    "SELECT batch_id, previous_id, station_id, journal_id, first_seq, last_seq, previous_chain, chain, "
                    "payload FROM event_batches ORDER BY batch_id");
  while (batches.row()) {
    if (std::string wrong = replay_batch(batches); !wrong.empty()) {
      return wrong;
    }
  }
  return batches.failed() ? database_.error() : std::string();
}

std::string LogReplay::check_marks() {
  for (auto& [id, journal] : journals_) {
    pass_gaps(journal);
    if (journal.gaps_passed != journal.gaps.size()) {
      return where(journal, journal.gaps[journal.gaps_passed].from) + "a gap is booked where the log has none";
    }
    if (journal.seq != journal.stored_seq || journal.chain != journal.stored_chain ||
        journal.last_batch_id != journal.stored_last_batch_id) {
      return where(journal, journal.seq) + "the log ends here, the mark says " + std::to_string(journal.stored_seq) +
             (journal.seq == journal.stored_seq ? " with another chain" : "");
    }
  }
  return {};
}

std::string LogReplay::check_times() {
  for (const auto& [id, journal] : journals_) {
    if (journal.first_event_utc_ms != journal.stored_first_event_utc_ms ||
        journal.last_event_utc_ms != journal.stored_last_event_utc_ms) {
      return where(journal, journal.seq) + "times of the first and the newest event differ from the journal's row";
    }
  }
  return {};
}

std::vector<std::pair<std::uint32_t, std::uint64_t>> LogReplay::first_times() const {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> times;
  for (const auto& [id, journal] : journals_) {
    times.emplace_back(id, journal.first_event_utc_ms);
  }
  return times;
}

std::string LogReplay::check_names() {
  for (const auto& [table, names] : {std::pair{"cities", &cities_}, std::pair{"brands", &brands_}}) {
    Statement rows(database_, std::string("SELECT name FROM ") + table + " ORDER BY rowid");
    std::uint32_t id = 0;
    while (rows.row()) {
      if (++id > names->size() || names->name(id) != rows.text(0)) {
        return std::string(table) + ": number " + std::to_string(id) + " is '" + std::string(rows.text(0)) +
               "', the log has another there";
      }
    }
    if (id != names->size()) {
      return std::string(table) + ": the log names " + std::to_string(names->size()) + ", the table " +
             std::to_string(id);
    }
  }
  Statement stations(database_, "SELECT station_id, city_id, utc_offset_min, config_version, config FROM stations");
  while (stations.row()) {
    const StationFacts& facts = facts_[static_cast<std::uint32_t>(stations.number(0))];
    if (facts.config.empty() && stations.blob(4).empty()) {
      continue;
    }
    if (stations.number(1) != facts.city_id || stations.number(2) != facts.utc_offset_min ||
        stations.number(3) != facts.config_version || !std::ranges::equal(stations.blob(4), Bytes(facts.config))) {
      return "station " + station_names_[facts.id] + ": its configuration differs from the log's";
    }
  }
  return {};
}

std::string LogReplay::replay() {
  std::string wrong = load();
  if (wrong.empty()) {
    wrong = replay_batches();
  }
  return wrong.empty() ? check_marks() : wrong;
}

std::string LogReplay::run() {
  std::string wrong = replay();
  if (wrong.empty()) {
    sums_.add_days();
    wrong = check_times();
  }
  return wrong.empty() ? check_names() : wrong;
}

}  // namespace cubby::aggregator

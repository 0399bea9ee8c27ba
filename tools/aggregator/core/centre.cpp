#include "tools/aggregator/core/centre.h"

#include <algorithm>

#include "firmware/base/assert.h"
#include "firmware/wire/framing/field_reader.h"
#include "firmware/wire/framing/frame.h"
#include "tools/aggregator/core/connection_protocol.h"
#include "tools/aggregator/core/event_log.h"

namespace cubby::aggregator {

Centre::Centre(CentreOptions options) : options_(std::move(options)), fold_(cities_, brands_, changes_.sums) {}

void Centre::load_city(std::string_view name) {
  cities_.load(name);
  changes_.first_new_city = cities_.size() + 1;
}

void Centre::load_brand(std::string_view name) {
  brands_.load(name);
  changes_.first_new_brand = brands_.size() + 1;
}

void Centre::load_station(StationRecord station) {
  CUBBY_ASSERT(station.facts.id == stations_.size() + 1);
  station.in_store = true;
  station.journal_in_store = station.journal.id != 0;
  station.facts.levels.assign(limits::kCompartmentsMax, 0);
  StationRecord& kept = stations_.emplace_back(std::move(station));
  ++stations_in_[static_cast<std::size_t>(kept.standing.state) - 1];
  by_name_.emplace(kept.name, &kept);
}

void Centre::load_vacant() {
  StationRecord& vacant = stations_.emplace_back();
  vacant.facts.id = static_cast<std::uint32_t>(stations_.size());
  vacant_.push_back(vacant.facts.id);
}

void Centre::load_level(std::uint32_t station_id, std::uint32_t compartment, std::int64_t level) {
  CUBBY_ASSERT(station_id >= 1 && station_id <= stations_.size());
  CUBBY_ASSERT(compartment >= 1 && compartment <= limits::kCompartmentsMax);
  stations_[station_id - 1].facts.levels[compartment - 1] = static_cast<std::int32_t>(level);
}

void Centre::load_counters(std::uint64_t next_batch_id, std::uint32_t next_journal_id) {
  next_batch_id_ = next_batch_id;
  next_journal_id_ = next_journal_id;
}

StationRecord* Centre::find(std::string_view name) {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

void Centre::start_journal(StationRecord& station, const JournalUid& uid) {
  if (station.journal.id != 0) {
    if (station.journal_dirty) {
      changes_.retired.push_back({.journal = station.journal, .in_store = station.journal_in_store});
    }
    station.former_journals.push_back(station.journal.uid);
    station.former_events = station.former_events || station.journal.seq != 0;
  }
  station.journal = {};
  station.journal.id = next_journal_id_++;
  station.journal.station_id = station.facts.id;
  station.journal.uid = uid;
  station.journal.chain = chain_start(uid);
  station.journal_in_store = false;
  touch_journal(station);
}

void Centre::touch_journal(StationRecord& station) {
  if (!station.journal_dirty) {
    station.journal_dirty = true;
    changes_.journals.push_back(&station);
  }
}

void Centre::touch_station(StationRecord& station) {
  if (!station.station_dirty) {
    station.station_dirty = true;
    changes_.stations.push_back(&station);
  }
}

bool Centre::chain_at(const JournalRecord& journal, std::uint64_t seq, Chain& chain) {
  JournalRecord durable = journal;  // The head of the list as the store has it.
  for (auto batch = changes_.batches.rbegin(); batch != changes_.batches.rend(); ++batch) {
    if (batch->journal_id != journal.id) {
      continue;
    }
    if (seq >= batch->first_seq && seq <= batch->last_seq) {
      const Bytes payload = Bytes(changes_.payload).subspan(batch->payload_offset, batch->payload_size);
      chain = chain_inside(payload, batch->previous_chain, batch->first_seq, seq);
      return true;
    }
    durable.last_batch_id = batch->previous_id;
  }
  return history_ != nullptr && history_->chain_at(durable, seq, chain) == ChainHistory::Answer::kFound;
}

// Compares what the batch repeats with what is known. kNew: everything agrees and something is new.
Centre::Applied Centre::check_known_part(StationRecord& station, const BatchView& batch) {
  const JournalRecord& journal = station.journal;
  const std::uint64_t last_seq = batch.first_seq + batch.count - 1;
  const std::uint64_t known_end = std::min(last_seq, journal.seq);
  Chain chain = batch.previous_chain;
  std::uint64_t seq = batch.first_seq;
  wire::FieldReader reader(batch.message);
  while (seq <= known_end && reader.next()) {
    if (reader.is(4, wire::FieldReader::Wire::kBytes)) {
      chain = chain_next(chain, seq++, reader.bytes());
    }
  }
  if (last_seq >= journal.seq) {
    if (chain != journal.chain) {
      return Applied::kConflict;
    }
    return last_seq == journal.seq ? Applied::kDuplicate : Applied::kNew;
  }
  Chain known = 0;
  if (!chain_at(journal, last_seq, known)) {
    return Applied::kSequence;  // Too old to compare: back to SYNC, which tells the station the mark.
  }
  return known == chain ? Applied::kDuplicate : Applied::kConflict;
}

void Centre::append(StationRecord& station, const BatchView& batch) {
  JournalRecord& journal = station.journal;
  BatchRecord record{.id = next_batch_id_++,
                     .previous_id = journal.last_batch_id,
                     .station_id = station.facts.id,
                     .journal_id = journal.id,
                     .first_seq = journal.seq + 1,
                     .previous_chain = journal.chain,
                     .payload_offset = changes_.payload.size()};
  std::uint64_t seq = batch.first_seq;
  wire::FieldReader reader(batch.message);
  while (reader.next()) {
    if (!reader.is(4, wire::FieldReader::Wire::kBytes)) {
      continue;
    }
    if (seq++ <= journal.seq) {
      continue;
    }
    const Bytes event = reader.bytes();
    journal.chain = chain_next(journal.chain, ++journal.seq, event);
    std::array<std::byte, 10> length;
    const std::size_t length_size = wire::encode_varint(event.size(), length.data());
    changes_.payload.insert(changes_.payload.end(), length.begin(),
                            length.begin() + static_cast<std::ptrdiff_t>(length_size));
    changes_.payload.insert(changes_.payload.end(), event.begin(), event.end());
    const FoldResult folded = fold_.apply(station.facts, event);
    if (folded.utc_ms) {
      record.first_utc_ms = record.first_utc_ms == 0 ? *folded.utc_ms : record.first_utc_ms;
      record.last_utc_ms = *folded.utc_ms;
      journal.first_event_utc_ms = journal.first_event_utc_ms == 0 ? *folded.utc_ms : journal.first_event_utc_ms;
      journal.last_event_utc_ms = std::max(journal.last_event_utc_ms, *folded.utc_ms);
    }
    journal.boot = folded.boot == 0 ? journal.boot : folded.boot;
    if (folded.command_result != nullptr && options_.on_command_result) {
      results_.push_back(*folded.command_result);
    }
    if (folded.config_changed) {
      touch_station(station);
    }
    ++changes_.events;
    ++counters_.events;
  }
  record.last_seq = journal.seq;
  record.chain = journal.chain;
  record.payload_size = changes_.payload.size() - record.payload_offset;
  journal.last_batch_id = record.id;
  changes_.batches.push_back(record);
}

Centre::Applied Centre::apply(StationRecord& station, const BatchView& batch) {
  ++counters_.batches;
  if (batch.first_seq > station.journal.seq + 1) {
    return Applied::kSequence;
  }
  const Applied known = check_known_part(station, batch);
  if (known == Applied::kDuplicate) {
    ++counters_.duplicates;
  }
  if (known != Applied::kNew) {
    return known;
  }
  append(station, batch);
  touch_journal(station);
  return Applied::kNew;
}

Centre::Applied Centre::apply(StationRecord& station, const GapRecord& gap) {
  JournalRecord& journal = station.journal;
  if (gap.from_seq == 0 || gap.to_seq < gap.from_seq || gap.to_seq > kSeqMax) {
    return Applied::kMalformed;
  }
  if (gap.from_seq > journal.seq + 1) {
    return Applied::kSequence;
  }
  if (gap.to_seq <= journal.seq) {
    Chain known = journal.chain;
    const bool is_known = gap.to_seq == journal.seq || chain_at(journal, gap.to_seq, known);
    if (is_known && known != gap.new_chain) {
      return Applied::kConflict;
    }
    ++counters_.duplicates;
    return Applied::kDuplicate;
  }
  GapRecord booked = gap;  // What is known already is not lost.
  booked.from_seq = journal.seq + 1;
  booked.station_id = station.facts.id;
  booked.journal_id = journal.id;
  changes_.gaps.push_back(booked);
  journal.seq = gap.to_seq;
  journal.chain = gap.new_chain;
  ++counters_.gaps;
  touch_journal(station);
  return Applied::kNew;
}

CommandSink::Sent Centre::send_command(const std::string& station, const v1::Command& command, std::uint64_t utc_ms,
                                       std::uint64_t life_ms) {
  const StationRecord* record = find(station);
  if (record == nullptr) {
    return CommandSink::Sent::kUnknownStation;
  }
  if (record->owner == nullptr) {
    return CommandSink::Sent::kOffline;
  }
  return record->owner->send_command(record->channel, command, utc_ms, life_ms);
}

void Centre::wait_for_commit(ConnectionProtocol& connection) {
  waiting_.push_back(&connection);
}

void Centre::forget(ConnectionProtocol& connection) {
  std::erase(waiting_, &connection);
}

void Centre::committed() {
  for (StationRecord* station : changes_.stations) {
    station->station_dirty = false;
    station->in_store = true;
  }
  for (StationRecord* station : changes_.journals) {
    station->journal_dirty = false;
    station->journal_in_store = true;
  }
  changes_.stations.clear();
  changes_.journals.clear();
  changes_.retired.clear();
  changes_.vacated.clear();
  changes_.batches.clear();
  changes_.payload.clear();
  changes_.gaps.clear();
  changes_.sums.clear();
  changes_.events = 0;
  changes_.first_new_city = cities_.size() + 1;
  changes_.first_new_brand = brands_.size() + 1;
  ++counters_.commits;
  for (const v1::CommandResult& result : results_) {
    options_.on_command_result(result);
  }
  results_.clear();
  // Letting go may make the owner write, never read: nobody is added to the list meanwhile.
  std::vector<ConnectionProtocol*> waiting;
  waiting.swap(waiting_);
  for (ConnectionProtocol* connection : waiting) {
    connection->on_commit();
  }
}

}  // namespace cubby::aggregator

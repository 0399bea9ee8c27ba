// Who may open a session: what is decided between a good Proof and Welcome. docs/spec/wire.md, 3.6 and 6.1.
#include <algorithm>
#include <utility>

#include "tools/aggregator/core/connection_protocol.h"

namespace cubby::aggregator {

// Whether a station of this name may report at all. False: refused.
bool ConnectionProtocol::admit(std::uint32_t number, Channel& channel) {
  if (channel.station != nullptr) {
    if (!centre_.admits(*channel.station, holder(), utc_ms_)) {
      refuse(number, v1::REFUSE_CODE_CERTIFICATE, false, "it is bound to another certificate's key");
      return false;
    }
    return admit_known(number, channel);
  }
  const bool open = centre_.options().enrolment == Enrolment::kOpen;
  const StationState state = open ? StationState::kActive : StationState::kPending;
  channel.station = centre_.add_station(channel.name, state, utc_ms_);
  if (channel.station == nullptr) {
    refuse(number, v1::REFUSE_CODE_UNAVAILABLE, false, "there is no room for another station");
    return false;
  }
  if (!open) {
    centre_.bind(*channel.station, holder(), utc_ms_);  // A person approves what the list shows.
    refuse(number, v1::REFUSE_CODE_UNKNOWN_STATION, false, "it waits for somebody's approval");
  }
  return open;
}

bool ConnectionProtocol::admit_known(std::uint32_t number, Channel& channel) {
  StationRecord& station = *channel.station;
  switch (station.standing.state) {
    case StationState::kActive:
      return true;
    case StationState::kPending:
      if (centre_.options().enrolment == Enrolment::kApproved) {
        refuse(number, v1::REFUSE_CODE_UNKNOWN_STATION, false, "it waits for somebody's approval");
        return false;
      }
      break;
    case StationState::kApproved:
      break;
    case StationState::kQuarantined: {
      const auto& former = station.former_journals;
      const bool is_new = channel.journal_uid != station.journal.uid &&
                          std::find(former.begin(), former.end(), channel.journal_uid) == former.end();
      const bool ordered = station.standing.reason == QuarantineReason::kOrdered;
      if (ordered || !is_new || !channel.announces_new_journal) {
        refuse(number, v1::REFUSE_CODE_CONFLICT, true, "the station is quarantined");
        return false;
      }
      station.take_overs = {};  // Who announces a journal has been there.
      break;
    }
  }
  centre_.set_standing(station, {.state = StationState::kActive, .since_utc_ms = utc_ms_, .other_journal = {}});
  return true;
}

// A mark falls only with a new generation. Where it did not, the station is served all the same: it sends again what it
// keeps and books the rest as a Gap, and refusing would lose more. But somebody has to hear of it.
void ConnectionProtocol::notice_forgotten_ack(const Channel& channel) {
  const CentreOptions& options = centre_.options();
  const std::uint64_t mark_seq = channel.station->journal.seq;
  if (channel.last_ack_generation < options.generation ||
      (channel.last_ack_generation == options.generation && channel.last_ack_seq <= mark_seq)) {
    return;
  }
  ++centre_.counters().forgotten_acks;
  if (options.on_forgotten_ack) {
    options.on_forgotten_ack(channel.name, channel.last_ack_seq, mark_seq);
  }
}

// Decides whether the journal that Hello named may speak for the station. False: refused.
bool ConnectionProtocol::adopt_journal(std::uint32_t number, Channel& channel) {
  StationRecord& station = *channel.station;
  if (station.journal.id == 0) {
    centre_.start_journal(station, channel.journal_uid);
    return true;
  }
  if (station.journal.uid == channel.journal_uid) {
    return true;
  }
  // Which of the two is the true one has been decided, so this is no reason to keep the other out.
  const auto& former = station.former_journals;
  if (std::find(former.begin(), former.end(), channel.journal_uid) != former.end()) {
    ++centre_.counters().conflicts;
    refuse(number, v1::REFUSE_CODE_CONFLICT, true, "a journal that was replaced came back");
    return false;
  }
  if (!channel.announces_new_journal) {
    const JournalUid other = channel.journal_uid;
    refuse(number, v1::REFUSE_CODE_NEW_JOURNAL, true, "known with another journal; announce a new one");
    centre_.quarantine(station, QuarantineReason::kNewJournal, utc_ms_, other);
    return false;
  }
  fence_older(station);
  centre_.start_journal(station, channel.journal_uid);
  return true;
}

// Whether what Hello says of the journal agrees with the mark. False: refused.
bool ConnectionProtocol::fits_mark(std::uint32_t number, Channel& channel) {
  StationRecord& station = *channel.station;
  if (channel.next_seq <= station.journal.seq) {
    conflict(number, station, QuarantineReason::kRolledBack, "the mark lies beyond the journal's end");
    return false;
  }
  if (channel.has_last_ack && channel.last_ack_seq == station.journal.seq &&
      channel.last_ack_chain != station.journal.chain) {
    conflict(number, station, QuarantineReason::kChain, "another chain at the mark");
    return false;
  }
  return true;
}

// A station that goes on names the session in which it spoke last. One that names an older one has missed what was said
// in its name. False: that has happened too often; refused.
bool ConnectionProtocol::is_alone(std::uint32_t number, Channel& channel) {
  StationRecord& station = *channel.station;
  const bool missed =
      channel.previous_session != 0 && station.session_spoke && channel.previous_session != station.session;
  if (!missed || !station.take_overs.add(utc_ms_)) {
    return true;
  }
  conflict(number, station, QuarantineReason::kTakeOvers, "two take the session from each other");
  return false;
}

// Nobody can say here which of two is the true one: from now on neither may report, until a person has decided.
void ConnectionProtocol::conflict(std::uint32_t number, StationRecord& station, QuarantineReason reason,
                                  const char* detail, const std::optional<JournalUid>& other_journal) {
  ++centre_.counters().conflicts;
  refuse(number, v1::REFUSE_CODE_CONFLICT, true, detail);
  centre_.quarantine(station, reason, utc_ms_, other_journal);
}

void ConnectionProtocol::expel(const StationRecord& station, const Expulsion& why) {
  refuse(station.channel, why.code, why.permanent, why.detail);
  owner_.on_output();
}

void ConnectionProtocol::fence_older(StationRecord& station) {
  if (station.owner == nullptr) {
    return;
  }
  ConnectionProtocol& older = *std::exchange(station.owner, nullptr);
  older.refuse(station.channel, v1::REFUSE_CODE_FENCED, false, "a newer session took over");
  if (&older != this) {
    older.owner_.on_output();
  }
}

}  // namespace cubby::aggregator

// Who may report: enrolment, quarantine, and what people decide.
#include <algorithm>

#include "firmware/base/assert.h"
#include "tools/aggregator/core/centre.h"
#include "tools/aggregator/core/connection_protocol.h"

namespace cubby::aggregator {

StationRecord* Centre::add_station(std::string_view name, StationState state, std::uint64_t utc_ms) {
  const bool is_full = vacant_.empty() && stations_.size() >= key::kStationsMax;
  if (is_full || (state == StationState::kPending && stations_in(state) >= kPendingMax)) {
    return nullptr;
  }
  if (vacant_.empty()) {
    load_vacant();
  }
  StationRecord& station = stations_[vacant_.back() - 1];
  vacant_.pop_back();
  station.name = name;
  station.standing = {.state = state, .since_utc_ms = utc_ms, .other_journal = {}};
  ++stations_in_[static_cast<std::size_t>(state) - 1];
  by_name_.emplace(station.name, &station);
  touch_station(station);
  return &station;
}

void Centre::set_standing(StationRecord& station, const Standing& standing) {
  CUBBY_ASSERT((standing.state == StationState::kQuarantined) == (standing.reason != QuarantineReason::kNone));
  --stations_in_[static_cast<std::size_t>(station.standing.state) - 1];
  ++stations_in_[static_cast<std::size_t>(standing.state) - 1];
  station.standing = standing;
  touch_station(station);
}

void Centre::quarantine(StationRecord& station, QuarantineReason reason, std::uint64_t utc_ms,
                        const std::optional<JournalUid>& other_journal) {
  if (station.standing.state == StationState::kQuarantined) {
    return;  // What was seen first is what a person has to know.
  }
  ++counters_.quarantines[static_cast<std::size_t>(reason)];
  set_standing(
      station,
      {.state = StationState::kQuarantined, .reason = reason, .since_utc_ms = utc_ms, .other_journal = other_journal});
  if (options_.on_quarantine) {
    options_.on_quarantine(station.name, reason);
  }
  if (station.owner != nullptr) {
    station.owner->expel(station,
                         {.code = v1::REFUSE_CODE_CONFLICT, .permanent = true, .detail = "the station is quarantined"});
  }
}

std::optional<QuarantineReason> Centre::contradiction(const StationRecord& station, std::uint64_t seq, Chain chain) {
  const JournalRecord& journal = station.journal;
  if (seq > journal.seq || (seq == journal.seq && chain == journal.chain)) {
    return std::nullopt;
  }
  Chain known = journal.chain;
  const bool differs = (seq == journal.seq || chain_at(journal, seq, known)) && known != chain;
  return differs ? QuarantineReason::kChain : QuarantineReason::kRolledBack;
}

void Centre::note_key(StationRecord& station, std::uint32_t version) {
  if (station.identity.key_version != version) {
    station.identity.key_version = version;
    touch_station(station);
  }
}

bool Centre::admits(StationRecord& station, const CertificateHolder* holder, std::uint64_t utc_ms) {
  if (station.identity.certificate.admits(holder)) {
    return true;
  }
  ++counters_.other_certificates;
  if (station.identity.certificate.note_refused(holder, utc_ms)) {
    touch_station(station);
  }
  if (options_.on_other_certificate) {
    options_.on_other_certificate(station.name, holder);
  }
  return false;
}

void Centre::bind(StationRecord& station, const CertificateHolder* holder, std::uint64_t utc_ms) {
  if (holder != nullptr && station.identity.certificate.bind(*holder, utc_ms)) {
    touch_station(station);
  }
}

// Nothing that was acknowledged is lost: there is no event, and a mark of 0 promises nothing. Readers may have its
// number in hand, so it goes to nobody else before the store is opened anew.
StationRegister::Outcome Centre::forget_station(StationRecord& station) {
  if (station.journal.seq != 0 || station.former_events) {
    return StationRegister::Outcome::kHasEvents;
  }
  if (station.owner != nullptr) {
    station.owner->expel(station, {.code = v1::REFUSE_CODE_UNKNOWN_STATION, .detail = "it was forgotten"});
  }
  const std::uint32_t id = station.facts.id;
  std::erase(changes_.stations, &station);
  std::erase(changes_.journals, &station);
  std::erase_if(changes_.retired, [id](const RetiredJournal& retired) { return retired.journal.station_id == id; });
  changes_.vacated.push_back(id);
  --stations_in_[static_cast<std::size_t>(station.standing.state) - 1];
  by_name_.erase(station.name);
  station = {};
  station.facts.id = id;
  return StationRegister::Outcome::kDone;
}

StationRegister::Outcome Centre::rebind(StationRecord& station, const StationDecision& decision) {
  using Next = CertificateBinding::Next;
  CertificateBinding& binding = station.identity.certificate;
  if (decision.next == Next::kAny && !binding.bound) {
    return StationRegister::Outcome::kWrongState;  // Whoever comes is let in already.
  }
  const bool has_it = decision.next == Next::kNamed && binding.bound && binding.bound->holder.key == decision.next_key;
  binding.next = has_it ? Next::kNone : decision.next;
  binding.next_key = binding.next == Next::kNamed ? decision.next_key : CertificateKey{};
  touch_station(station);
  return StationRegister::Outcome::kDone;
}

void Centre::require_key(StationRecord& station, std::uint32_t version) {
  station.identity.key_version_min = version;
  touch_station(station);
  if (station.owner != nullptr && station.identity.key_version < version) {
    station.owner->expel(station, {.code = v1::REFUSE_CODE_KEY_VERSION, .detail = "older keys are not taken any more"});
  }
}

// The journal that is not the true one has lost for good: whoever comes with it is refused, and nobody else suffers.
StationRegister::Outcome Centre::release(StationRecord& station, const std::optional<JournalUid>& journal,
                                         std::uint64_t utc_ms) {
  if (station.standing.state != StationState::kQuarantined) {
    return StationRegister::Outcome::kWrongState;
  }
  if (journal && (station.journal.id == 0 || *journal != station.journal.uid)) {
    const auto& former = station.former_journals;
    if (std::find(former.begin(), former.end(), *journal) != former.end()) {
      return StationRegister::Outcome::kReplacedJournal;
    }
    start_journal(station, *journal);
  }
  station.take_overs = {};
  set_standing(station, {.state = station.journal.id == 0 ? StationState::kApproved : StationState::kActive,
                         .since_utc_ms = utc_ms,
                         .other_journal = {}});
  return StationRegister::Outcome::kDone;
}

StationRegister::Decided Centre::import(const std::vector<std::string>& names, std::uint64_t utc_ms) {
  StationRegister::Decided decided{.outcome = StationRegister::Outcome::kDone};
  for (const std::string& name : names) {
    StationRecord* const station = find(name);
    if (station == nullptr) {
      if (add_station(name, StationState::kApproved, utc_ms) == nullptr) {
        decided.outcome = StationRegister::Outcome::kFull;
        return decided;
      }
      ++decided.changed;
    } else if (station->standing.state == StationState::kPending) {
      set_standing(*station, {.state = StationState::kApproved, .since_utc_ms = utc_ms, .other_journal = {}});
      ++decided.changed;
    }
  }
  return decided;
}

StationRegister::Decided Centre::decide(const StationDecision& decision, std::uint64_t utc_ms) {
  using Outcome = StationRegister::Outcome;
  if (decision.kind == StationDecision::Kind::kImport) {
    return import(decision.stations, utc_ms);
  }
  CUBBY_ASSERT(decision.stations.size() == 1);
  StationRecord* const station = find(decision.stations.front());
  if (station == nullptr) {
    return {.outcome = Outcome::kUnknownStation};
  }
  switch (decision.kind) {
    case StationDecision::Kind::kImport:
      break;
    case StationDecision::Kind::kApprove:
      if (station->standing.state != StationState::kPending) {
        return {.outcome = Outcome::kWrongState};
      }
      set_standing(*station, {.state = StationState::kApproved, .since_utc_ms = utc_ms, .other_journal = {}});
      break;
    case StationDecision::Kind::kQuarantine:
      if (station->standing.state == StationState::kQuarantined) {
        return {.outcome = Outcome::kWrongState};
      }
      quarantine(*station, QuarantineReason::kOrdered, utc_ms);
      break;
    case StationDecision::Kind::kRelease:
      return {.outcome = release(*station, decision.journal, utc_ms), .changed = 1};
    case StationDecision::Kind::kRequireKey:
      require_key(*station, decision.key_version);
      break;
    case StationDecision::Kind::kRebind:
      return {.outcome = rebind(*station, decision), .changed = 1};
    case StationDecision::Kind::kForget:
      return {.outcome = forget_station(*station), .changed = 1};
  }
  return {.outcome = Outcome::kDone, .changed = 1};
}

}  // namespace cubby::aggregator

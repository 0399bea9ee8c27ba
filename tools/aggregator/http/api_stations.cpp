// Stations over HTTP: who they are, where they stand, and what people decide about them.
#include <boost/json.hpp>

#include "cubby/v1/config.pb.h"
#include "firmware/base/bytes.h"
#include "firmware/base/limits.h"
#include "firmware/base/names.h"
#include "tools/aggregator/core/hex.h"
#include "tools/aggregator/http/api.h"
#include "tools/aggregator/http/json_members.h"
#include "tools/aggregator/http/rules_request.h"

namespace cubby::aggregator {
namespace {

namespace json = boost::json;

constexpr std::size_t kOffsetMax = 100'000'000;

void put_standing(const StationInfo& station, json::object& object) {
  object["state"] = to_text(station.standing.state);
  object["state_since_utc_ms"] = station.standing.since_utc_ms;
  if (station.standing.state == StationState::kQuarantined) {
    object["reason"] = to_text(station.standing.reason);
  }
  if (station.journal) {
    object["journal"] = to_hex(*station.journal);
  }
  if (station.standing.other_journal) {
    object["other_journal"] = to_hex(*station.standing.other_journal);
  }
}

void put_certificate(const CertificateBinding& binding, json::object& object) {
  if (binding.bound) {
    object["certificate_holder"] = binding.bound->holder.words;
    object["certificate_key"] = to_hex(binding.bound->holder.key);
    object["certificate_since_utc_ms"] = binding.bound->since_utc_ms;
  }
  if (binding.refused) {
    const bool had_one = !binding.refused->holder.words.empty();
    object["refused_holder"] = had_one ? std::string_view(binding.refused->holder.words) : "no certificate";
    object["refused_utc_ms"] = binding.refused->since_utc_ms;
    if (had_one) {
      object["refused_key"] = to_hex(binding.refused->holder.key);
    }
  }
  if (binding.next != CertificateBinding::Next::kNone) {
    object["rebind"] = binding.next == CertificateBinding::Next::kAny ? "any" : to_hex(binding.next_key);
  }
}

json::object to_json(const StationInfo& station) {
  json::object object;
  object["station"] = station.name;
  object["city"] = station.city;
  object["utc_offset_min"] = station.utc_offset_min;
  object["config_version"] = station.config_version;
  object["compartments"] = station.compartments;
  object["high_water"] = station.high_water;
  object["first_event_utc_ms"] = station.first_event_utc_ms;
  object["last_event_utc_ms"] = station.last_event_utc_ms;
  object["boot"] = station.boot;
  object["journals"] = station.journals;
  put_standing(station, object);
  object["key_version"] = station.identity.key_version;
  object["key_version_min"] = station.identity.key_version_min;
  put_certificate(station.identity.certificate, object);
  return object;
}

// A session is live only: it is not in the log.
void put_presence(const Presence& presence, const std::string& station, json::object& object) {
  const auto seen = presence.find(station);
  object["online"] = seen && seen->online;
  if (seen) {
    object[seen->online ? "online_since_utc_ms" : "last_seen_utc_ms"] = seen->since_utc_ms;
  }
}

std::optional<StationState> state_from_text(std::string_view text) {
  for (std::size_t i = 0; i < kStationStates; ++i) {
    const auto state = static_cast<StationState>(i + 1);
    if (to_text(state) == text) {
      return state;
    }
  }
  return std::nullopt;
}

bool is_journal(std::string_view text) {
  JournalUid uid;
  return from_hex(text, uid);
}

void read_rebind(Members& members, StationDecision& decision) {
  const std::string key = members.text_or_none("key", is_certificate_key, "64 digits of 0-9, a-f");
  if (!key.empty()) {
    from_hex(key, decision.next_key);
    decision.next = CertificateBinding::Next::kNamed;
  }
  if (members.flag_or_no("withdraw")) {
    members.note(key.empty() ? "" : "key and withdraw exclude each other");
    decision.next = CertificateBinding::Next::kNone;
  }
}

// Empty: `decision` has what the body says. A body may be left out.
std::string read_decision(std::string_view body, StationDecision& decision) {
  if (decision.kind == StationDecision::Kind::kRebind) {
    decision.next = CertificateBinding::Next::kAny;
  }
  if (body.empty() && decision.kind != StationDecision::Kind::kRequireKey) {
    return {};
  }
  boost::system::error_code error;
  const json::value value = json::parse(body, error);
  if (error || !value.is_object()) {
    return "the body must be a JSON object, or empty if nothing has to be said";
  }
  Members members(value.as_object());
  if (decision.kind == StationDecision::Kind::kRelease) {
    const std::string journal = members.text_or_none("journal", is_journal, "32 digits of 0-9, a-f");
    if (!journal.empty()) {
      from_hex(journal, decision.journal.emplace());
    }
  }
  if (decision.kind == StationDecision::Kind::kRequireKey) {
    decision.key_version = static_cast<std::uint32_t>(members.number("key_version", 1, limits::kKeyVersionMax));
  }
  if (decision.kind == StationDecision::Kind::kRebind) {
    read_rebind(members, decision);
  }
  return members.problem();
}

std::string read_import(std::string_view body, StationDecision& decision) {
  boost::system::error_code error;
  const json::value value = json::parse(body, error);
  if (error || !value.is_object()) {
    return "the body must be a JSON object";
  }
  Members members(value.as_object());
  if (const json::array* names = members.array("stations", StationDecision::kImportMax)) {
    for (const json::value& name : *names) {
      if (!name.is_string() || !is_station_name(std::string_view(name.as_string()))) {
        return "stations must be names of 1 to 32 of A-Z, 0-9, -";
      }
      decision.stations.emplace_back(name.as_string());
    }
  }
  return members.problem();
}

// nullopt: it is done.
std::optional<ApiResponse> to_problem(StationRegister::Outcome outcome) {
  switch (outcome) {
    case StationRegister::Outcome::kDone:
      return std::nullopt;
    case StationRegister::Outcome::kUnknownStation:
      return Api::problem(404, "unknown_station", "no such station is known");
    case StationRegister::Outcome::kWrongState:
      return Api::problem(409, "wrong_state", "the station is not in a state for it");
    case StationRegister::Outcome::kHasEvents:
      return Api::problem(409, "has_events", "it has reported: its events and marks stay; quarantine keeps it out");
    case StationRegister::Outcome::kReplacedJournal:
      return Api::problem(409, "replaced_journal", "that journal was replaced by a newer one and stays out");
    case StationRegister::Outcome::kFull:
      return Api::problem(503, "full", "no station number is left");
    case StationRegister::Outcome::kUnavailable:
      break;
  }
  return Api::problem(503, "store_unavailable", "the store cannot commit now; look up what holds");
}

}  // namespace

ApiResponse Api::stations(const QueryParameters& parameters) {
  std::optional<StationState> state;
  std::size_t limit = kPageMax;
  std::size_t offset = 0;
  for (const auto& [name, value] : parameters) {
    const bool is_limit = name == "limit";
    if (name == "state") {
      state = state_from_text(value);
      if (!state) {
        return problem(400, "bad_parameter", "state must be one of pending, approved, active, quarantined");
      }
      continue;
    }
    const auto number = number_from(value, is_limit ? 1 : 0, is_limit ? kPageMax : kOffsetMax);
    if (!number) {
      return problem(400, "bad_parameter", is_limit ? "limit must be 1..1000" : "offset must be 0..100000000");
    }
    (is_limit ? limit : offset) = *number;
  }
  std::vector<StationInfo> all;
  std::int64_t gaps = 0;
  std::uint64_t watermark = 0;
  if (!reader_.stations(all) || !reader_.totals(gaps, watermark)) {
    return problem(503, "store_unavailable", "the store cannot be read now");
  }
  std::erase_if(all, [state](const StationInfo& station) { return state && station.standing.state != *state; });
  const std::span page = std::span(all).subspan(std::min(offset, all.size()));
  if (!reader_.add_certificates(page.first(std::min(limit, page.size())))) {
    return problem(503, "store_unavailable", "the store cannot be read now");
  }
  json::array rows;
  for (std::size_t i = offset; i < all.size() && i - offset < limit; ++i) {
    json::object& row = rows.emplace_back(to_json(all[i])).as_object();
    put_presence(presence_, all[i].name, row);
  }
  json::object body;
  body["watermark_utc_ms"] = watermark;
  body["complete"] = gaps == 0;
  body["total"] = all.size();
  body["rows"] = std::move(rows);
  return ok(body);
}

ApiResponse Api::station(const std::string& name) {
  StationInfo info;
  const ReadStatus found = reader_.station(name, info);
  if (found != ReadStatus::kOk) {
    return found == ReadStatus::kUnknownStation ? problem(404, "unknown_station", "no such station is known")
                                                : problem(503, "store_unavailable", "the store cannot be read now");
  }
  StatisticsQuery query;
  query.by = GroupBy::kStation;
  query.station = name;
  const StatisticsAnswer answer = reader_.statistics(query);
  json::object body = to_json(info);
  put_presence(presence_, name, body);
  body["watermark_utc_ms"] = answer.watermark_utc_ms;
  body["complete"] = answer.complete;
  body["gaps"] = answer.gaps;
  body["door_sizes"] = json::array(info.door_sizes.begin(), info.door_sizes.end());
  if (v1::StationConfig config; config.ParseFromString(info.config) && config.version() != 0) {
    body["rules"] = to_json(rules_of(config));
  }
  if (!answer.rows.empty()) {
    body["statistics"] = to_json(answer.rows.front(), answer, body.storage());
  }
  return ok(body);
}

ApiResponse Api::import(std::string_view body) {
  StationDecision decision{.kind = StationDecision::Kind::kImport, .stations = {}, .journal = {}, .next_key = {}};
  if (const std::string wrong = read_import(body, decision); !wrong.empty()) {
    return problem(400, "bad_decision", wrong);
  }
  const StationRegister::Decided decided = register_.decide(decision);
  if (auto error = to_problem(decided.outcome)) {
    return *std::move(error);
  }
  return ok({{"stations", decision.stations.size()}, {"approved", decided.changed}});
}

ApiResponse Api::decide(StationDecision::Kind kind, const std::string& name, std::string_view body) {
  StationDecision decision{.kind = kind, .stations = {name}, .journal = {}, .next_key = {}};
  if (const std::string wrong = read_decision(body, decision); !wrong.empty()) {
    return problem(400, "bad_decision", wrong);
  }
  if (auto error = to_problem(register_.decide(decision).outcome)) {
    return *std::move(error);
  }
  if (kind == StationDecision::Kind::kForget) {
    return ok({{"station", name}, {"forgotten", true}});
  }
  StationInfo info;
  if (reader_.station(name, info) != ReadStatus::kOk) {
    return problem(503, "store_unavailable", "the store cannot be read now; the decision holds");
  }
  json::object row = to_json(info);
  put_presence(presence_, name, row);
  return ok(row);
}

}  // namespace cubby::aggregator

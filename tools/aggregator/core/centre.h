#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "firmware/base/fleet_keys.h"
#include "firmware/base/limits.h"
#include "tools/aggregator/core/batch.h"
#include "tools/aggregator/core/budget.h"
#include "tools/aggregator/core/changes.h"
#include "tools/aggregator/core/command_sink.h"
#include "tools/aggregator/core/live_status.h"
#include "tools/aggregator/core/presence_sink.h"
#include "tools/aggregator/core/standing.h"
#include "tools/aggregator/core/station_register.h"

namespace cubby::aggregator {

class ConnectionProtocol;

/// One station: what the store knows, and the session that speaks for it.
struct StationRecord {
  std::string name;
  StationFacts facts;
  Standing standing;
  StationIdentity identity;
  JournalRecord journal;  // The current one; id 0: it has never reported.
  std::vector<JournalUid> former_journals;
  bool former_events = false;  // Of a former journal something is stored.
  bool in_store = false;       // The rows exist; set by the commit.
  bool journal_in_store = false;
  bool station_dirty = false;           // Listed in Changes::stations.
  bool journal_dirty = false;           // Listed in Changes::journals: the mark is not durable yet.
  ConnectionProtocol* owner = nullptr;  // Connection of the newest session; null: none.
  std::uint32_t channel = 0;
  std::uint64_t session = 0;   // The newest one; stays when it has ended.
  bool session_spoke = false;  // Something came in it, so whoever holds it knows its number.
  TakeOvers take_overs;
  Budget budget;  // Of all its sessions since the start.
};

struct CentreOptions {
  FleetKeys fleet_keys;
  StoreUid store_uid{};
  std::uint64_t generation = 1;
  std::uint64_t session_epoch = 1;  // Grows with each opening of the store.
  std::uint32_t window = limits::kWindowMax;
  Enrolment enrolment = Enrolment::kOpen;
  Budget::Rates budget;
  std::function<void(MutableBytes)> fill_random;
  std::function<void(const v1::CommandResult&)> on_command_result;  // Once it is durable; may be empty.
  // A station holds an acknowledgement of this store, `acked_seq`, that this store has not given, `mark_seq`: an older
  // copy of its file was put back, and not by a restore. May be empty.
  std::function<void(const std::string& station, std::uint64_t acked_seq, std::uint64_t mark_seq)> on_forgotten_ack;
  std::function<void(const std::string& station, QuarantineReason)> on_quarantine;  // May be empty.
  // Somebody with the station's key and a certificate that it is not bound to was refused. May be empty.
  std::function<void(const std::string& station, const CertificateHolder* other)> on_other_certificate;
  LiveStatus* live = nullptr;        // Told of refusals; may be null.
  PresenceSink* presence = nullptr;  // Told of sessions; may be null.
};

/// Counted since the start; for /v1/status and the report.
struct CentreCounters {
  std::uint64_t events = 0;
  std::uint64_t batches = 0;
  std::uint64_t duplicates = 0;  // Batches that held nothing new.
  std::uint64_t gaps = 0;
  std::uint64_t frames = 0;
  std::uint64_t commits = 0;
  std::uint64_t sessions = 0;  // Opened.
  std::uint64_t refusals = 0;  // Refuse sent, for any reason.
  std::uint64_t conflicts = 0;
  std::uint64_t pauses = 0;              // Stations that were over their budget.
  std::uint64_t forgotten_acks = 0;      // Stations that knew of a higher mark of this store.
  std::uint64_t other_stations = 0;      // Hellos of stations that the certificate does not name.
  std::uint64_t other_certificates = 0;  // Proofs of stations that are bound to another certificate's key.
  std::array<std::uint64_t, kQuarantineReasons> quarantines{};
  std::int64_t live_sessions = 0;
};

/// The stations and the transaction in the making. Knows no socket, no clock and no database: sessions
/// (ConnectionProtocol) bring bytes and time, the owner takes changes() to the store and calls
/// committed() when they are durable. One thread.
class Centre {
 public:
  static constexpr std::size_t kPendingMax = 10'000;  // Stations that wait for a person.

  explicit Centre(CentreOptions options);
  Centre(const Centre&) = delete;
  Centre& operator=(const Centre&) = delete;

  // --- Filled once, by the store.
  void load_city(std::string_view name);
  void load_brand(std::string_view name);
  /// Takes the station over; `in_store` is set here.
  void load_station(StationRecord station);
  /// The next number is no station's: one was forgotten. It goes to the next new station.
  void load_vacant();
  void load_level(std::uint32_t station_id, std::uint32_t compartment, std::int64_t level);
  void load_counters(std::uint64_t next_batch_id, std::uint32_t next_journal_id);
  void set_history(ChainHistory* history) { history_ = history; }

  // --- Sessions.
  StationRecord* find(std::string_view name);
  /// Registers a station that nobody has heard of before, without a journal. Null: there is no room for it.
  StationRecord* add_station(std::string_view name, StationState state, std::uint64_t utc_ms);
  void set_standing(StationRecord& station, const Standing& standing);
  /// Keeps everybody out who speaks for this station, durably, and ends its session. No effect if it is so already.
  void quarantine(StationRecord& station, QuarantineReason reason, std::uint64_t utc_ms,
                  const std::optional<JournalUid>& other_journal = std::nullopt);
  /// A session was opened with a key of that version.
  void note_key(StationRecord& station, std::uint32_t version);
  /// Whether who has this certificate (null: none) may speak for the station; false: it is noted and told.
  bool admits(StationRecord& station, const CertificateHolder* holder, std::uint64_t utc_ms);
  /// It does speak for the station from now on.
  void bind(StationRecord& station, const CertificateHolder* holder, std::uint64_t utc_ms);
  /// A person's decision; it holds at once and is durable with the next commit.
  StationRegister::Decided decide(const StationDecision& decision, std::uint64_t utc_ms);
  std::size_t stations_in(StationState state) const { return stations_in_[static_cast<std::size_t>(state) - 1]; }
  void start_journal(StationRecord& station, const JournalUid& uid);
  std::uint64_t next_session() { return options_.session_epoch << 32 | ++sessions_opened_; }
  /// Some session's time; the newest is retention's clock.
  void mark_time(std::uint64_t utc_ms) {
    if (utc_ms > changes_.now_utc_ms) {
      changes_.now_utc_ms = utc_ms;
      fold_.set_floor(retention_floor(utc_ms));
    }
  }

  /// See CommandSink::send().
  CommandSink::Sent send_command(const std::string& station, const v1::Command& command, std::uint64_t utc_ms,
                                 std::uint64_t life_ms);

  enum class Applied : std::uint8_t { kNew, kDuplicate, kSequence, kConflict, kMalformed };
  Applied apply(StationRecord& station, const BatchView& batch);
  Applied apply(StationRecord& station, const GapRecord& gap);
  /// What a journal that has `chain` behind event `seq` says about the mark. nullopt: nothing is wrong with it.
  std::optional<QuarantineReason> contradiction(const StationRecord& station, std::uint64_t seq, Chain chain);

  // --- The transaction.
  Changes& changes() { return changes_; }
  /// The changes are durable: forgets them and lets go of every answer that waited for them.
  void committed();
  void wait_for_commit(ConnectionProtocol& connection);
  void forget(ConnectionProtocol& connection);

  const CentreOptions& options() const { return options_; }
  CentreCounters& counters() { return counters_; }
  Dictionary& cities() { return cities_; }
  Dictionary& brands() { return brands_; }
  std::size_t station_count() const { return by_name_.size(); }

 private:
  void touch_journal(StationRecord& station);
  void touch_station(StationRecord& station);
  Applied check_known_part(StationRecord& station, const BatchView& batch);
  void append(StationRecord& station, const BatchView& batch);
  StationRegister::Outcome release(StationRecord& station, const std::optional<JournalUid>& journal,
                                   std::uint64_t utc_ms);
  StationRegister::Outcome forget_station(StationRecord& station);
  StationRegister::Outcome rebind(StationRecord& station, const StationDecision& decision);
  void require_key(StationRecord& station, std::uint32_t version);
  StationRegister::Decided import(const std::vector<std::string>& names, std::uint64_t utc_ms);
  bool chain_at(const JournalRecord& journal, std::uint64_t seq, Chain& chain);

  CentreOptions options_;
  Dictionary cities_{key::kCitiesMax};
  Dictionary brands_{key::kBrandsMax};
  Changes changes_;
  Fold fold_;
  std::deque<StationRecord> stations_;  // Element i has the number i + 1.
  std::vector<std::uint32_t> vacant_;   // Numbers that were no station's when the store was opened.
  std::unordered_map<std::string_view, StationRecord*> by_name_;
  std::array<std::size_t, kStationStates> stations_in_{};
  std::vector<ConnectionProtocol*> waiting_;
  std::vector<v1::CommandResult> results_;  // Applied, not durable yet.
  ChainHistory* history_ = nullptr;
  std::uint64_t next_batch_id_ = 1;
  std::uint32_t next_journal_id_ = 1;
  std::uint64_t sessions_opened_ = 0;
  CentreCounters counters_;
};

}  // namespace cubby::aggregator

#include <algorithm>
#include <unordered_map>

#include "cubby/v1/config.pb.h"
#include "tools/aggregator/core/event_log.h"
#include "tools/aggregator/storage/certificate_rows.h"
#include "tools/aggregator/storage/event_store.h"
#include "tools/aggregator/storage/file_lock.h"
#include "tools/aggregator/storage/sqlite.h"
#include "tools/aggregator/storage/sqlite_schema.h"
#include "tools/aggregator/storage/standing_columns.h"
#include "tools/aggregator/storage/sums_writer.h"
#include "tools/aggregator/storage/table_rows.h"

namespace cubby::aggregator {
namespace {

constexpr int kBatchesWalkMax = 10'000;  // Rows looked at for one old chain.
// Twice what is merged at a time. What a long reader, as a backup is one, let the write-ahead log grow to is given
// back.
constexpr const char* kLogSizeLimit = "PRAGMA journal_size_limit=67108864";
constexpr int kRetentionRowsACommit = 200;  // Each of all doors of a station, or of all hours of its day.

std::uint64_t group_key(Table table, std::uint64_t row_key) {
  return row_key >> spec(table).group_bits;
}

class SqliteEventStore final : public EventStore {
 public:
  std::string open(const std::string& path, const std::function<void(MutableBytes)>& fill_random);
  StoreIdentity identity() const override { return identity_; }
  std::string load(Centre& centre) override;
  std::string commit(const Changes& changes, const Dictionary& cities, const Dictionary& brands) override;
  void merge() override { database_.run("PRAGMA wal_checkpoint(TRUNCATE)"); }
  Answer chain_at(const JournalRecord& journal, std::uint64_t seq, Chain& chain) override;

 private:
  bool create(const std::function<void(MutableBytes)>& fill_random);
  bool load_identity();
  bool prepare();
  std::string load_stations(Centre& centre);  // Empty, or what is wrong.
  bool put_meta(std::string_view name, std::uint64_t value);
  std::uint64_t meta(std::string_view name);
  bool write(const Changes& changes, const Dictionary& cities, const Dictionary& brands);
  bool write_stations(const Changes& changes);
  bool vacate(std::uint32_t station_id);
  bool write_journal(const JournalRecord& journal, bool in_store);
  bool write_batches(const Changes& changes);
  bool write_gaps(const Changes& changes);
  bool retire_old_rows(std::uint64_t now_utc_ms);

  FileLock lock_;  // Released after the database is closed.
  Database database_;
  StoreIdentity identity_;
  SumsWriter sums_{database_};
  CertificateRows certificates_{database_};
  Statement insert_city_, insert_brand_, put_station_, insert_journal_, update_journal_, insert_batch_, insert_gap_,
      select_batch_;
  std::uint64_t compartment_day_floor_ = 0;
  std::uint64_t station_hour_floor_ = 0;
  bool retiring_ = true;  // Rows below the floors may be left ...
  bool closing_ = true;   // ... and of those some that are open days.
};

std::string SqliteEventStore::open(const std::string& path, const std::function<void(MutableBytes)>& fill_random) {
  if (std::string error = lock_.take(path); !error.empty()) {
    return error;
  }
  if (!database_.open(path, Database::Mode::kGathering)) {
    return database_.error();
  }
  bool empty = false;
  std::string problem = check_schema(database_, empty);
  if (!problem.empty() && !empty) {
    return problem;
  }
  if (!database_.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=8192;"
                     "PRAGMA cache_size=-131072; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF")) {
    return database_.error();
  }
  if (!database_.run(kLogSizeLimit)) {
    return database_.error();
  }
  if (empty && !create(fill_random)) {
    return database_.error();
  }
  // What an earlier process wrote may be in the page cache only: a sync that failed has forgotten that it must be
  // written, and later ones say nothing of it. Merging writes all of it anew, before a station hears of a mark.
  if (!database_.run("PRAGMA wal_checkpoint(TRUNCATE)")) {
    return database_.error();
  }
  if (!load_identity() || !prepare()) {
    return database_.error();
  }
  return {};
}

bool SqliteEventStore::create(const std::function<void(MutableBytes)>& fill_random) {
  StoreUid uid;
  fill_random(uid);
  if (!database_.run("BEGIN IMMEDIATE") || !create_schema(database_)) {
    return false;
  }
  Statement insert(database_, "INSERT INTO meta(name, value) VALUES('store_uid', ?1)");
  return insert.bind(1, Bytes(uid)).done() && put_meta("generation", 1) && put_meta("session_epoch", 0) &&
         put_meta("compartment_day_floor", 0) && put_meta("station_hour_floor", 0) && database_.run("COMMIT");
}

bool SqliteEventStore::put_meta(std::string_view name, std::uint64_t value) {
  Statement put(database_, "INSERT OR REPLACE INTO meta(name, value) VALUES(?1, ?2)");
  return put.bind(1, name).bind(2, value).done();
}

std::uint64_t SqliteEventStore::meta(std::string_view name) {
  Statement get(database_, "SELECT value FROM meta WHERE name = ?1");
  return get.bind(1, name).row() ? get.unsigned_number(0) : 0;
}

bool SqliteEventStore::load_identity() {
  Statement uid(database_, "SELECT value FROM meta WHERE name = 'store_uid'");
  if (!uid.row() || uid.blob(0).size() != identity_.uid.size()) {
    return false;
  }
  std::copy_n(uid.blob(0).begin(), identity_.uid.size(), identity_.uid.begin());
  uid.reset();
  identity_.generation = meta("generation");
  identity_.session_epoch = meta("session_epoch") + 1;
  compartment_day_floor_ = meta("compartment_day_floor");
  station_hour_floor_ = meta("station_hour_floor");
  return put_meta("session_epoch", identity_.session_epoch);
}

bool SqliteEventStore::prepare() {
  return sums_.prepare() && certificates_.prepare() &&
         insert_city_.prepare(database_, "INSERT INTO cities(city_id, name) VALUES(?1, ?2)") &&
         insert_brand_.prepare(database_, "INSERT INTO brands(brand_id, name) VALUES(?1, ?2)") &&
         put_station_.prepare(
             database_,
             "INSERT INTO stations(station_id, name, city_id, utc_offset_min, config_version, "
             "compartments, config, state, state_reason, state_since_utc_ms, other_journal, key_version, "
             "key_version_min) "
             "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT(station_id) DO "
             "UPDATE SET name=?2, city_id=?3, utc_offset_min=?4, config_version=?5, compartments=?6, config=?7, "
             "state=?8, "
             "state_reason=?9, state_since_utc_ms=?10, other_journal=?11, key_version=?12, key_version_min=?13") &&
         insert_journal_.prepare(
             database_,
             "INSERT INTO journals(journal_id, station_id, uid, seq, chain, last_batch_id, "
             "last_event_utc_ms, boot, first_event_utc_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)") &&
         update_journal_.prepare(database_,
                                 "UPDATE journals SET seq=?2, chain=?3, last_batch_id=?4, last_event_utc_ms=?5, "
                                 "boot=?6, first_event_utc_ms=?7 WHERE journal_id=?1") &&
         insert_batch_.prepare(database_,
                               "INSERT INTO event_batches(batch_id, previous_id, station_id, journal_id, first_seq, "
                               "last_seq, first_utc_ms, last_utc_ms, previous_chain, chain, payload) "
                               "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)") &&
         insert_gap_.prepare(database_,
                             "INSERT INTO gaps(station_id, journal_id, from_seq, to_seq, cause, new_chain, "
                             "received_utc_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)") &&
         select_batch_.prepare(database_,
                               "SELECT previous_id, first_seq, last_seq, previous_chain, chain, payload FROM "
                               "event_batches WHERE batch_id = ?1");
}

std::string SqliteEventStore::load_stations(Centre& centre) {
  Statement stations(
      database_,
      "SELECT station_id, name, city_id, utc_offset_min, config_version, config, state, state_reason, "
      "state_since_utc_ms, other_journal, key_version, key_version_min FROM stations ORDER BY station_id");
  Statement journals(database_,
                     "SELECT journal_id, uid, seq, chain, last_batch_id, last_event_utc_ms, boot, station_id, "
                     "first_event_utc_ms FROM "
                     "journals ORDER BY station_id, journal_id");
  std::unordered_map<std::uint32_t, CertificateBinding> certificates;
  if (!read_certificates(database_, [&](std::uint32_t station_id, CertificateBinding binding) {
        certificates.insert_or_assign(station_id, std::move(binding));
      })) {
    return "station_certificates cannot be read";
  }
  bool more = journals.row();
  while (stations.row()) {
    if (is_vacant(stations.text(1))) {
      centre.load_vacant();
      continue;
    }
    StationRecord station;
    station.facts.id = static_cast<std::uint32_t>(stations.number(0));
    station.name = stations.text(1);
    station.facts.city_id = static_cast<std::uint32_t>(stations.number(2));
    station.facts.utc_offset_min = static_cast<std::int32_t>(stations.number(3));
    station.facts.config_version = static_cast<std::uint32_t>(stations.number(4));
    station.facts.config.assign(stations.blob(5).begin(), stations.blob(5).end());
    if (!read_standing(stations, 6, station.standing)) {
      return "station " + station.name + " is in a state that this program does not know";
    }
    station.identity = read_identity(stations, 10);
    if (const auto certificate = certificates.find(station.facts.id); certificate != certificates.end()) {
      station.identity.certificate = std::move(certificate->second);
    }
    for (; more && journals.number(7) == stations.number(0); more = journals.row()) {
      if (station.journal.id != 0) {
        station.former_journals.push_back(station.journal.uid);
        station.former_events = station.former_events || station.journal.seq != 0;
      }
      JournalRecord& journal = station.journal;
      journal.id = static_cast<std::uint32_t>(journals.number(0));
      journal.station_id = station.facts.id;
      std::copy_n(journals.blob(1).begin(), std::min(journals.blob(1).size(), journal.uid.size()), journal.uid.begin());
      journal.seq = journals.unsigned_number(2);
      journal.chain = journals.unsigned_number(3);
      journal.last_batch_id = journals.unsigned_number(4);
      journal.last_event_utc_ms = journals.unsigned_number(5);
      journal.boot = static_cast<std::uint32_t>(journals.number(6));
      journal.first_event_utc_ms = journals.unsigned_number(8);
    }
    centre.load_station(std::move(station));
  }
  return stations.failed() || journals.failed() ? database_.error() : std::string();
}

std::string SqliteEventStore::load(Centre& centre) {
  Statement cities(database_, "SELECT name FROM cities ORDER BY city_id");
  while (cities.row()) {
    centre.load_city(cities.text(0));
  }
  Statement brands(database_, "SELECT name FROM brands ORDER BY brand_id");
  while (brands.row()) {
    centre.load_brand(brands.text(0));
  }
  if (cities.failed() || brands.failed()) {
    return database_.error();
  }
  if (std::string wrong = load_stations(centre); !wrong.empty()) {
    return wrong;
  }
  TableRows doors(database_, Table::kCompartment);
  doors.start(0, key::compartment(key::kStationsMax + 1, 0));
  while (doors.next()) {
    std::array<std::int64_t, kColumnCount> sums{};
    doors.add_to(sums);
    if (const std::int64_t level = sums[static_cast<std::size_t>(Column::kLevelDelta)]; level != 0) {
      centre.load_level(static_cast<std::uint32_t>(doors.row_key() >> 8),
                        static_cast<std::uint32_t>(doors.row_key() & 255), level);
    }
  }
  if (doors.failed()) {
    return "stat_compartment cannot be read";
  }
  // Readers of the log have seen numbers that a restored backup does not know: `batch_floor`.
  Statement last(database_,
                 "SELECT max(ifnull((SELECT max(batch_id) FROM event_batches), 0), "
                 "ifnull((SELECT value FROM meta WHERE name = 'batch_floor'), 0)), "
                 "ifnull((SELECT max(journal_id) FROM journals), 0)");
  if (!last.row()) {
    return database_.error();
  }
  centre.load_counters(last.unsigned_number(0) + 1, static_cast<std::uint32_t>(last.number(1)) + 1);
  centre.set_history(this);
  return {};
}

bool SqliteEventStore::write_stations(const Changes& changes) {
  for (const StationRecord* station : changes.stations) {
    const StationFacts& facts = station->facts;
    v1::StationConfig config;
    const bool readable = config.ParseFromArray(facts.config.data(), static_cast<int>(facts.config.size()));
    if (!put_station_.bind(1, facts.id)
             .bind(2, station->name)
             .bind(3, facts.city_id)
             .bind(4, facts.utc_offset_min)
             .bind(5, facts.config_version)
             .bind(6, readable ? config.door_size_size() : 0)
             .bind(7, Bytes(facts.config))
             .bind(8, static_cast<std::int32_t>(station->standing.state))
             .bind(9, static_cast<std::int32_t>(station->standing.reason))
             .bind(10, station->standing.since_utc_ms)
             .bind(11, station->standing.other_journal ? Bytes(*station->standing.other_journal) : Bytes())
             .bind(12, station->identity.key_version)
             .bind(13, station->identity.key_version_min)
             .done()) {
      return false;
    }
    if (!certificates_.write(facts.id, station->identity.certificate)) {
      return false;
    }
  }
  return true;
}

// Numbers have no holes: the row stays, under a name that no station has.
bool SqliteEventStore::vacate(std::uint32_t station_id) {
  Statement put(
      database_,
      "INSERT INTO stations(station_id, name, city_id, utc_offset_min, config_version, compartments, config, "
      "state, state_reason, state_since_utc_ms, other_journal, key_version, key_version_min) VALUES(?1, ?2, 0, "
      "0, 0, 0, x'', 4, 5, 0, x'', 1, 1) ON CONFLICT(station_id) DO UPDATE SET name=?2, city_id=0, "
      "utc_offset_min=0, config_version=0, compartments=0, config=x'', state=4, state_reason=5, "
      "state_since_utc_ms=0, other_journal=x'', key_version=1, key_version_min=1");
  static_assert(static_cast<int>(StationState::kQuarantined) == 4 && static_cast<int>(QuarantineReason::kOrdered) == 5);
  Statement journals(database_, "DELETE FROM journals WHERE station_id = ?1");
  const std::string name = vacant_name(station_id);
  return put.bind(1, station_id).bind(2, std::string_view(name)).done() && journals.bind(1, station_id).done() &&
         certificates_.remove(station_id);
}

bool SqliteEventStore::write_journal(const JournalRecord& journal, bool in_store) {
  if (in_store) {
    return update_journal_.bind(1, journal.id)
        .bind(2, journal.seq)
        .bind(3, journal.chain)
        .bind(4, journal.last_batch_id)
        .bind(5, journal.last_event_utc_ms)
        .bind(6, journal.boot)
        .bind(7, journal.first_event_utc_ms)
        .done();
  }
  return insert_journal_.bind(1, journal.id)
      .bind(2, journal.station_id)
      .bind(3, Bytes(journal.uid))
      .bind(4, journal.seq)
      .bind(5, journal.chain)
      .bind(6, journal.last_batch_id)
      .bind(7, journal.last_event_utc_ms)
      .bind(8, journal.boot)
      .bind(9, journal.first_event_utc_ms)
      .done();
}

bool SqliteEventStore::write_batches(const Changes& changes) {
  for (const BatchRecord& batch : changes.batches) {
    if (!insert_batch_.bind(1, batch.id)
             .bind(2, batch.previous_id)
             .bind(3, batch.station_id)
             .bind(4, batch.journal_id)
             .bind(5, batch.first_seq)
             .bind(6, batch.last_seq)
             .bind(7, batch.first_utc_ms)
             .bind(8, batch.last_utc_ms)
             .bind(9, batch.previous_chain)
             .bind(10, batch.chain)
             .bind(11, Bytes(changes.payload).subspan(batch.payload_offset, batch.payload_size))
             .done()) {
      return false;
    }
  }
  return true;
}

bool SqliteEventStore::write_gaps(const Changes& changes) {
  for (const GapRecord& gap : changes.gaps) {
    if (!insert_gap_.bind(1, gap.station_id)
             .bind(2, gap.journal_id)
             .bind(3, gap.from_seq)
             .bind(4, gap.to_seq)
             .bind(5, gap.cause)
             .bind(6, gap.new_chain)
             .bind(7, gap.received_utc_ms)
             .done()) {
      return false;
    }
  }
  return true;
}

// A few rows with every commit, so that no commit is long. The floors say what is out of force at once. A day that is
// still open is part of a lifetime: it is closed first, and stays until it is.
bool SqliteEventStore::retire_old_rows(std::uint64_t now_utc_ms) {
  const RetentionFloor floor = retention_floor(now_utc_ms);
  if (floor.compartment_day > compartment_day_floor_ || floor.station_hour > station_hour_floor_) {
    compartment_day_floor_ = std::max(compartment_day_floor_, floor.compartment_day);
    station_hour_floor_ = std::max(station_hour_floor_, floor.station_hour);
    retiring_ = true;
    closing_ = true;
    if (!put_meta("compartment_day_floor", compartment_day_floor_) ||
        !put_meta("station_hour_floor", station_hour_floor_)) {
      return false;
    }
  }
  if (!retiring_) {
    return true;
  }
  if (closing_) {
    const std::optional<int> closed = sums_.close_days_before(compartment_day_floor_, kRetentionRowsACommit);
    if (!closed) {
      return false;
    }
    closing_ = *closed == kRetentionRowsACommit;
  }
  Statement days(
      database_,
      "DELETE FROM stat_compartment_day WHERE row_key IN (SELECT row_key FROM stat_compartment_day day WHERE "
      "row_key >= ?1 AND row_key < ?2 AND NOT EXISTS (SELECT 1 FROM stat_compartment c WHERE c.row_key = "
      "day.row_key & 16777215 AND c.open_day = day.row_key >> 24) LIMIT ?3)");
  Statement hours(database_,
                  "DELETE FROM stat_station_hour WHERE row_key IN (SELECT row_key FROM stat_station_hour WHERE "
                  "row_key >= ?1 AND row_key < ?2 LIMIT ?3)");
  days.bind(1, group_key(Table::kCompartmentDay, key::compartment_day(1, 0, 0)))
      .bind(2, group_key(Table::kCompartmentDay, key::compartment_day(compartment_day_floor_, 0, 0)));
  hours.bind(1, group_key(Table::kStationHour, key::station_hour(24, 0)))
      .bind(2, group_key(Table::kStationHour, key::station_hour(station_hour_floor_, 0)));
  if (!days.bind(3, kRetentionRowsACommit).done()) {
    return false;
  }
  const int retired_days = sqlite3_changes(database_.handle());
  if (!hours.bind(3, kRetentionRowsACommit).done()) {
    return false;
  }
  retiring_ =
      closing_ || retired_days == kRetentionRowsACommit || sqlite3_changes(database_.handle()) == kRetentionRowsACommit;
  return true;
}

bool SqliteEventStore::write(const Changes& changes, const Dictionary& cities, const Dictionary& brands) {
  for (std::uint32_t id = changes.first_new_city; id <= cities.size(); ++id) {
    if (!insert_city_.bind(1, id).bind(2, cities.name(id)).done()) {
      return false;
    }
  }
  for (std::uint32_t id = changes.first_new_brand; id <= brands.size(); ++id) {
    if (!insert_brand_.bind(1, id).bind(2, brands.name(id)).done()) {
      return false;
    }
  }
  for (const std::uint32_t station_id : changes.vacated) {
    if (!vacate(station_id)) {
      return false;
    }
  }
  if (!write_stations(changes)) {
    return false;
  }
  for (const RetiredJournal& retired : changes.retired) {
    if (!write_journal(retired.journal, retired.in_store)) {
      return false;
    }
  }
  for (const StationRecord* station : changes.journals) {
    if (!write_journal(station->journal, station->journal_in_store)) {
      return false;
    }
  }
  return write_batches(changes) && write_gaps(changes) && sums_.write(changes.sums) &&
         retire_old_rows(changes.now_utc_ms);
}

std::string SqliteEventStore::commit(const Changes& changes, const Dictionary& cities, const Dictionary& brands) {
  if (database_.run("BEGIN IMMEDIATE") && write(changes, cities, brands) && database_.run("COMMIT")) {
    return {};
  }
  std::string error = database_.error();
  database_.run("ROLLBACK");
  return error;
}

ChainHistory::Answer SqliteEventStore::chain_at(const JournalRecord& journal, std::uint64_t seq, Chain& chain) {
  std::uint64_t id = journal.last_batch_id;
  for (int walked = 0; id != 0 && walked < kBatchesWalkMax; ++walked) {
    if (!select_batch_.bind(1, id).row()) {
      select_batch_.reset();
      return Answer::kUnknown;
    }
    const std::uint64_t first = select_batch_.unsigned_number(1);
    const std::uint64_t last = select_batch_.unsigned_number(2);
    if (seq <= last && seq >= first) {
      chain = select_batch_.unsigned_number(4);
      if (seq != last) {
        chain = chain_inside(select_batch_.blob(5), select_batch_.unsigned_number(3), first, seq);
      }
      select_batch_.reset();
      return Answer::kFound;
    }
    id = select_batch_.unsigned_number(0);
    select_batch_.reset();
    if (seq > last) {
      break;  // In a Gap.
    }
  }
  return Answer::kUnknown;
}

}  // namespace

OpenedStore open_sqlite_store(const std::string& path, const std::function<void(MutableBytes)>& fill_random) {
  auto store = std::make_unique<SqliteEventStore>();
  std::string error = store->open(path, fill_random);
  if (!error.empty()) {
    return {.store = nullptr, .error = std::move(error)};
  }
  return {.store = std::move(store), .error = {}};
}

}  // namespace cubby::aggregator

#include "tools/emulator/state_store.h"

#include <sqlite3.h>

#include <filesystem>

#include "tools/emulator/snapshot_file.h"

namespace cubby::tools {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS stations(station INTEGER PRIMARY KEY, state BLOB NOT NULL);"
    // For whoever reads one station's flash without this program: at that byte of its state it begins.
    "CREATE TABLE IF NOT EXISTS flash(station INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, place INTEGER NOT NULL);";

}  // namespace

StateStore::~StateStore() {
  sqlite3_finalize(put_station_);
  sqlite3_finalize(put_flash_);
  sqlite3_finalize(put_meta_);
  sqlite3_close(database_);
}

bool StateStore::execute(const char* sql) {
  return sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

std::string StateStore::read_meta(const char* key) {
  sqlite3_stmt* statement = nullptr;
  std::string value;
  if (sqlite3_prepare_v2(database_, "SELECT value FROM meta WHERE key = ?", -1, &statement, nullptr) == SQLITE_OK) {
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW) {
      value = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    }
  }
  sqlite3_finalize(statement);
  return value;
}

bool StateStore::write_meta(const char* key, const std::string& value) {
  sqlite3_reset(put_meta_);
  sqlite3_bind_text(put_meta_, 1, key, -1, SQLITE_STATIC);
  sqlite3_bind_text(put_meta_, 2, value.c_str(), -1, SQLITE_TRANSIENT);
  return sqlite3_step(put_meta_) == SQLITE_DONE;
}

bool StateStore::prepare(const std::string& file) {
  return sqlite3_open(file.c_str(), &database_) == SQLITE_OK && execute("PRAGMA locking_mode = EXCLUSIVE") &&
         execute("PRAGMA journal_mode = WAL") && execute("PRAGMA synchronous = FULL") && execute(kSchema) &&
         sqlite3_prepare_v2(database_, "INSERT OR REPLACE INTO stations VALUES(?, ?)", -1, &put_station_, nullptr) ==
             SQLITE_OK &&
         sqlite3_prepare_v2(database_, "INSERT OR REPLACE INTO flash VALUES(?, ?, ?)", -1, &put_flash_, nullptr) ==
             SQLITE_OK &&
         sqlite3_prepare_v2(database_, "INSERT OR REPLACE INTO meta VALUES(?, ?)", -1, &put_meta_, nullptr) ==
             SQLITE_OK;
}

std::unique_ptr<StateStore> StateStore::open(RunOptions& options, std::string& error) {
  std::unique_ptr<StateStore> store(new StateStore);
  std::error_code code;
  std::filesystem::create_directories(options.state_dir, code);
  if (code) {
    error = "--state " + options.state_dir + ": " + code.message();
    return nullptr;
  }
  const std::string file = options.state_dir + "/state.db";
  if (!store->prepare(file)) {
    const bool locked = sqlite3_errcode(store->database_) == SQLITE_BUSY;
    error = "--state: " + file + ": " + (locked ? "another emulator is using it" : sqlite3_errmsg(store->database_));
    return nullptr;
  }
  if (const std::string seed = store->read_meta("seed"); options.seed_drawn && !seed.empty()) {
    options.seed = std::stoull(seed);
  }
  if (const std::string run = store->read_meta("run_id"); !run.empty()) {
    options.run_id = std::stoull(run);
  }
  for (const auto& [key, value] : fleet_identity(options)) {
    const std::string known = store->read_meta(key.c_str());
    if (known.empty()) {
      if (!store->write_meta(key.c_str(), value)) {
        error = "--state: " + file + ": cannot be written: " + sqlite3_errmsg(store->database_);
        return nullptr;
      }
    } else if (known != value) {
      error = "--state " + options.state_dir + ": holds a fleet with " + key + " " + known + ", not " + value +
              "; use the same options or another folder";
      return nullptr;
    }
  }
  const std::string saved = store->read_meta("now_us");
  store->saved_us_ = saved.empty() ? 0 : std::stoll(saved);
  return store;
}

bool StateStore::restore(emulator::Fleet& fleet, std::string& error) {
  sqlite3_stmt* statement = nullptr;
  bool good =
      sqlite3_prepare_v2(database_, "SELECT station, state FROM stations", -1, &statement, nullptr) == SQLITE_OK;
  while (good && sqlite3_step(statement) == SQLITE_ROW) {
    const auto index = static_cast<std::size_t>(sqlite3_column_int64(statement, 0));
    const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(statement, 1));
    const Bytes blob(data, static_cast<std::size_t>(sqlite3_column_bytes(statement, 1)));
    const Status status = index < fleet.station_count() ? fleet.station(index).load(blob) : Status::kCorrupt;
    if (status != Status::kOk) {
      error = "state of station " + std::to_string(index + 1) + ": " + std::string(to_string(status));
      good = false;
    }
  }
  sqlite3_finalize(statement);
  return good;
}

bool StateStore::save(const emulator::Fleet& fleet, const std::vector<std::size_t>& stations, std::int64_t now_us) {
  bool good = execute("BEGIN");
  std::vector<std::byte> blob;
  for (const std::size_t index : stations) {
    blob.clear();
    const std::size_t flash_place = fleet.station(index).save(blob);
    sqlite3_reset(put_station_);
    sqlite3_bind_int64(put_station_, 1, static_cast<sqlite3_int64>(index));
    sqlite3_bind_blob64(put_station_, 2, blob.data(), blob.size(), SQLITE_STATIC);
    good = good && sqlite3_step(put_station_) == SQLITE_DONE;
    const std::string name(fleet.station(index).name());
    sqlite3_reset(put_flash_);
    sqlite3_bind_int64(put_flash_, 1, static_cast<sqlite3_int64>(index));
    sqlite3_bind_text(put_flash_, 2, name.c_str(), -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(put_flash_, 3, static_cast<sqlite3_int64>(flash_place));
    good = good && sqlite3_step(put_flash_) == SQLITE_DONE;
  }
  good = good && write_meta("now_us", std::to_string(now_us));
  return execute("COMMIT") && good;
}

}  // namespace cubby::tools

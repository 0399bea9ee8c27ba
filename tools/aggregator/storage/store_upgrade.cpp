#include "tools/aggregator/storage/store_upgrade.h"

#include <array>
#include <filesystem>

#include "tools/aggregator/core/standing.h"
#include "tools/aggregator/storage/file_lock.h"
#include "tools/aggregator/storage/file_sync.h"
#include "tools/aggregator/storage/log_replay.h"
#include "tools/aggregator/storage/sqlite_schema.h"
#include "tools/aggregator/storage/sums_writer.h"

namespace cubby::aggregator {
namespace {

// From this one on the log has all that statistics need.
constexpr int kOldestVersion = 3;

// A copy that is whole and on the disk before anything is changed. Empty, or what went wrong.
std::string make_backup(Database& database, const std::string& backup) {
  if (std::filesystem::exists(backup)) {
    return "'" + backup + "' exists already; move it away first";
  }
  Statement copy(database, "VACUUM INTO ?1");
  if (!copy.bind(1, std::string_view(backup)).done()) {
    return "no backup can be made: " + database.error();
  }
  std::string error = sync_file(backup);
  return error.empty() ? sync_folder_of(backup) : error;
}

// What version 4 has more than version 3: times, which the log says. Inside the caller's transaction. Empty, or what
// went wrong.
std::string to_version_4(Database& database) {
  return database.run("ALTER TABLE journals ADD COLUMN first_event_utc_ms INTEGER NOT NULL DEFAULT 0")
             ? std::string()
             : database.error();
}

// Version 5: where each station stands. All that an older aggregator knows have reported. Likewise.
std::string to_version_5(Database& database) {
  static_assert(static_cast<int>(StationState::kActive) == 3);
  const bool good = database.run(
      "ALTER TABLE stations ADD COLUMN state INTEGER NOT NULL DEFAULT 3;"
      "ALTER TABLE stations ADD COLUMN state_reason INTEGER NOT NULL DEFAULT 0;"
      "ALTER TABLE stations ADD COLUMN state_since_utc_ms INTEGER NOT NULL DEFAULT 0;"
      "ALTER TABLE stations ADD COLUMN other_journal BLOB NOT NULL DEFAULT x''");
  return good ? std::string() : database.error();
}

// Version 6: what each station proves itself with. There were no other keys before. Likewise.
std::string to_version_6(Database& database) {
  return database.run(
             "ALTER TABLE stations ADD COLUMN key_version INTEGER NOT NULL DEFAULT 1;"
             "ALTER TABLE stations ADD COLUMN key_version_min INTEGER NOT NULL DEFAULT 1")
             ? std::string()
             : database.error();
}

// Versions 6 and 7 keep statistics in other shapes than those before. Likewise; all are worked out from the log.
// Version 8 needs no log for what is new.
std::string work_out_statistics(Database& database) {
  if (!drop_statistics(database) || !create_statistics(database)) {
    return database.error();
  }
  LogReplay log(database);
  if (std::string wrong = log.replay(); !wrong.empty()) {
    return wrong;
  }
  SumsWriter sums(database);
  if (!sums.prepare() || !sums.write(log.sums())) {
    return database.error();
  }
  Statement put(database, "UPDATE journals SET first_event_utc_ms = ?2 WHERE journal_id = ?1");
  for (const auto& [id, first_utc_ms] : log.first_times()) {
    if (!put.bind(1, id).bind(2, first_utc_ms).done()) {
      return database.error();
    }
  }
  return {};
}

std::string bring_up_to_date(Database& database, int from_version) {
  constexpr std::array kSteps = {to_version_4, to_version_5, to_version_6};
  for (auto step = static_cast<std::size_t>(from_version - kOldestVersion); step < kSteps.size(); ++step) {
    if (std::string error = kSteps[step](database); !error.empty()) {
      return error;
    }
  }
  if (from_version == 7) {
    if (!bring_statistics_to_version_8(database)) {
      return database.error();
    }
  } else if (std::string error = work_out_statistics(database); !error.empty()) {
    return error;
  }
  return database.run(("PRAGMA user_version=" + std::to_string(kSchemaVersion)).c_str()) ? std::string()
                                                                                         : database.error();
}

}  // namespace

StoreUpgrade upgrade_sqlite_store(const std::string& path) {
  StoreUpgrade result;
  const auto failed = [&result](std::string error) {
    result.error = std::move(error);
    return result;
  };
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    return failed("there is no such file");
  }
  FileLock lock;
  Database database;
  if (std::string error = lock.take(path); !error.empty()) {
    return failed(std::move(error));
  }
  if (!database.open(path, Database::Mode::kReadWriteCreate)) {
    return failed(database.error());
  }
  bool empty = false;
  std::string problem = check_schema(database, empty, &result.from_version);
  if (problem.empty()) {
    return result;
  }
  if (result.from_version < kOldestVersion || result.from_version > kSchemaVersion) {
    return failed(std::move(problem));
  }
  const std::string backup = path + ".v" + std::to_string(result.from_version) + ".backup";
  if (std::string error = make_backup(database, backup); !error.empty()) {
    return failed(std::move(error));
  }
  result.backup = backup;
  if (!database.run("PRAGMA synchronous=FULL; BEGIN IMMEDIATE")) {
    return failed(database.error());
  }
  if (std::string error = bring_up_to_date(database, result.from_version); !error.empty()) {
    database.run("ROLLBACK");
    return failed(error + "; the store is left as it was");
  }
  return database.run("COMMIT") ? result : failed(database.error());
}

}  // namespace cubby::aggregator

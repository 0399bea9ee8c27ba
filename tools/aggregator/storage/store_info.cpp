#include "tools/aggregator/storage/store_info.h"

#include <algorithm>
#include <filesystem>

#include "tools/aggregator/storage/file_lock.h"
#include "tools/aggregator/storage/sqlite_schema.h"

namespace cubby::aggregator {
namespace {

std::uint64_t size_of(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

std::string read_identity(Database& database, StoreIdentity& identity) {
  Statement meta(database, "SELECT name, value FROM meta");
  bool has_uid = false;
  while (meta.row()) {
    if (meta.text(0) == "store_uid" && meta.blob(1).size() == identity.uid.size()) {
      std::copy_n(meta.blob(1).begin(), identity.uid.size(), identity.uid.begin());
      has_uid = true;
    } else if (meta.text(0) == "generation") {
      identity.generation = meta.unsigned_number(1);
    } else if (meta.text(0) == "session_epoch") {
      identity.session_epoch = meta.unsigned_number(1);
    }
  }
  if (meta.failed()) {
    return database.error();
  }
  return has_uid ? std::string() : "the store has no identity";
}

}  // namespace

std::string read_tables(Database& database, StoreInfo& info) {
  if (std::string wrong = read_identity(database, info.identity); !wrong.empty()) {
    return wrong;
  }
  Statement counts(database,
                   "SELECT (SELECT count(*) FROM stations WHERE substr(name, 1, 1) <> '#'), (SELECT count(*) FROM "
                   "journals), (SELECT count(*) FROM "
                   "gaps), ifnull((SELECT sum(seq) FROM journals), 0) - ifnull((SELECT sum(to_seq - from_seq + 1) FROM "
                   "gaps), 0), max(ifnull((SELECT max(batch_id) FROM event_batches), 0), ifnull((SELECT value FROM "
                   "meta WHERE name = 'batch_floor'), 0)), ifnull((SELECT max(last_event_utc_ms) FROM journals), 0)");
  if (!counts.row()) {
    return database.error();
  }
  info.stations = counts.unsigned_number(0);
  info.journals = counts.unsigned_number(1);
  info.gaps = counts.unsigned_number(2);
  info.events = counts.unsigned_number(3);
  info.last_batch_id = counts.unsigned_number(4);
  info.last_event_utc_ms = counts.unsigned_number(5);
  return {};
}

std::string check_pages(Database& database) {
  Statement check(database, "PRAGMA integrity_check(1)");
  if (!check.row()) {
    return database.error();
  }
  return check.text(0) == "ok" ? std::string() : "damaged: " + std::string(check.text(0));
}

StoreInfo read_store_info(const std::string& path, bool full) {
  StoreInfo info;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    info.error = "there is no such file";
    return info;
  }
  info.in_use = FileLock::is_taken(path);  // Before SQLite opens it: closing any descriptor ends SQLite's own locks.
  info.file_bytes = size_of(path);
  info.log_bytes = size_of(path + "-wal");
  Database database;
  const bool at_rest = !info.in_use && info.log_bytes == 0;
  if (!database.open(path, at_rest ? Database::Mode::kUntouched : Database::Mode::kReadOnly)) {
    info.error = database.error();
    return info;
  }
  bool empty = false;
  info.error = check_schema(database, empty, &info.version);
  if (info.error.empty() && full) {
    info.error = check_pages(database);
  }
  if (info.error.empty()) {
    info.error = read_tables(database, info);
  }
  return info;
}

}  // namespace cubby::aggregator

#include "tools/aggregator/storage/store_backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "tools/aggregator/storage/file_lock.h"
#include "tools/aggregator/storage/file_sync.h"
#include "tools/aggregator/storage/sqlite_schema.h"

namespace cubby::aggregator {
namespace {

constexpr std::uint64_t kGenerationMax = std::uint64_t{1} << 62U;  // Beyond is damage; SQLite's integers have a sign.

/// A file in the making; removed unless it got its name. What a killed one has left is taken over.
class PartialFile {
 public:
  explicit PartialFile(const std::string& to) : path_(to + ".partial") {}
  ~PartialFile() {
    if (mine_) {
      ::unlink(path_.c_str());
      ::unlink((path_ + "-journal").c_str());
    }
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  /// Empty, or what went wrong. Whoever may read `like` may read this.
  std::string make(const std::string& like) {
    struct stat status {};
    if (::stat(like.c_str(), &status) != 0) {
      return std::strerror(errno);
    }
    if (const std::string error = lock_.take(path_); !error.empty()) {
      return "'" + path_ + "': " + (FileLock::is_taken(path_) ? "somebody is writing it" : error);
    }
    mine_ = true;
    ::unlink((path_ + "-journal").c_str());
    return ::truncate(path_.c_str(), 0) == 0 && ::chmod(path_.c_str(), status.st_mode & 0777U) == 0
               ? std::string()
               : "'" + path_ + "': " + std::strerror(errno);
  }
  const std::string& path() const { return path_; }
  void named() { mine_ = false; }

 private:
  std::string path_;
  FileLock lock_;  // Nobody opens it under its new name either before all is done.
  bool mine_ = false;
};

// One read transaction of `from`: a moment of it, whoever writes meanwhile.
std::string copy_into(Database& from, const std::string& path) {
  Statement copy(from, "VACUUM INTO ?1");
  return copy.bind(1, std::string_view(path)).done() ? std::string() : from.error();
}

// Empty, or why the file is no store that can be relied on.
std::string examine(const std::string& path, StoreInfo& info) {
  Database database;
  bool empty = false;
  if (!database.open(path, Database::Mode::kReadOnly)) {
    return database.error();
  }
  std::string wrong = check_schema(database, empty, &info.version);
  if (wrong.empty()) {
    wrong = check_pages(database);
  }
  if (wrong.empty()) {
    wrong = read_tables(database, info);
  }
  if (wrong.empty()) {
    std::error_code ignored;
    info.file_bytes = std::filesystem::file_size(path, ignored);
  }
  return wrong;
}

struct Former {
  StoreInfo info;  // Of what could be read.
  bool exists = false;
  bool readable = false;
};

// What lies where the store shall be. Its write-ahead log becomes part of it, so that it is whole when it is put
// aside, and so that no log is left that SQLite would take for the new store's. Empty, or why it must stay.
std::string look_at_former(const std::string& store, const StoreIdentity& backup, Former& former) {
  Database database;
  if (!database.open(store, Database::Mode::kReadWriteCreate)) {
    return database.error();
  }
  bool empty = false;
  const std::string wrong = check_schema(database, empty, &former.info.version);
  const int code = database.error_code() & 0xFF;
  if (!wrong.empty() && !empty && former.info.version == 0 && code != SQLITE_NOTADB && code != SQLITE_CORRUPT) {
    return "what is there is no store: " + wrong;
  }
  former.readable = former.info.version != 0 && read_tables(database, former.info).empty();
  if (former.readable && former.info.identity.uid != backup.uid) {
    return "what is there is another store than the backup's; move it away first";
  }
  database.run("PRAGMA wal_checkpoint(TRUNCATE)");  // What is damaged is put aside with its log.
  return {};
}

std::string give_identity(const std::string& path, const StoreInfo& backup, const Former& former,
                          std::uint64_t utc_ms) {
  const std::uint64_t generation = std::max({backup.identity.generation, former.info.identity.generation, utc_ms}) + 1;
  if (generation > kGenerationMax) {
    return "its generation is " + std::to_string(generation - 1) + ", which no store has";
  }
  Database database;
  if (!database.open(path, Database::Mode::kReadWriteCreate)) {
    return database.error();
  }
  Statement put(database, "INSERT OR REPLACE INTO meta(name, value) VALUES(?1, ?2)");
  const auto set = [&put](std::string_view name, std::uint64_t value) {
    return put.bind(1, name).bind(2, value).done();
  };
  const std::uint64_t batch_floor = std::max(backup.last_batch_id, former.info.last_batch_id);
  const std::string restored = std::string(kRestoredPrefix) + std::to_string(generation);
  const bool good = database.run("PRAGMA synchronous=FULL; BEGIN IMMEDIATE") && set("generation", generation) &&
                    set("session_epoch", std::max(backup.identity.session_epoch, former.info.identity.session_epoch)) &&
                    set("batch_floor", batch_floor) && set(restored, batch_floor) && database.run("COMMIT");
  return good ? std::string() : database.error();
}

// The former store gets a second name, then the new one takes its first: there is always one. A log that could not be
// merged goes with it.
std::string put_aside(const std::string& store, const std::string& aside) {
  std::error_code ignored;
  if (std::filesystem::exists(store + "-wal", ignored) &&
      ::rename((store + "-wal").c_str(), (aside + "-wal").c_str()) != 0) {
    return "its write-ahead log cannot be put aside: " + std::string(std::strerror(errno));
  }
  ::unlink((store + "-shm").c_str());
  return {};
}

std::string replace(PartialFile& made, const std::string& store, bool exists, const std::string& aside) {
  if (!exists) {
    if (std::string error = put_aside(store, aside); !error.empty()) {
      return error;
    }
    return publish_file(made.path(), store);
  }
  if (::link(store.c_str(), aside.c_str()) != 0) {
    return "'" + aside + "' cannot be made: " + std::strerror(errno);
  }
  if (std::string error = put_aside(store, aside); !error.empty()) {
    return error;
  }
  if (::rename(made.path().c_str(), store.c_str()) != 0) {
    return std::strerror(errno);
  }
  return sync_folder_of(store);
}

std::string take_former(const std::string& store, const StoreIdentity& backup, FileLock& lock, Former& former) {
  std::error_code ignored;
  former.info.identity.generation = 0;
  former.info.identity.session_epoch = 0;
  former.exists = std::filesystem::exists(store, ignored);
  if (!former.exists) {
    return {};
  }
  if (!std::filesystem::is_regular_file(store, ignored)) {
    return "'" + store + "' is no file";
  }
  std::string error = lock.take(store);
  if (error.empty()) {
    error = look_at_former(store, backup, former);
  }
  return error.empty() ? error : "'" + store + "': " + error;
}

// Inside restore_store(), whose lock outlives it. Empty, or what went wrong.
std::string restore(const std::string& backup, const std::string& store, std::uint64_t utc_ms, FileLock& lock,
                    StoreRestore& result) {
  const auto of_backup = [&backup](const std::string& error) { return "'" + backup + "': " + error; };
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(backup, ignored)) {
    return of_backup("there is no such file");
  }
  if (std::filesystem::equivalent(backup, store, ignored)) {
    return of_backup("it is the store itself");
  }
  Database database;
  bool empty = false;
  if (!database.open(backup, Database::Mode::kReadOnly)) {
    return of_backup(database.error());
  }
  StoreInfo info;
  if (const std::string wrong = check_schema(database, empty); !wrong.empty()) {
    return of_backup(wrong);
  }
  if (const std::string wrong = read_tables(database, info); !wrong.empty()) {
    return of_backup(wrong);
  }
  Former former;
  if (std::string error = take_former(store, info.identity, lock, former); !error.empty()) {
    return error;
  }
  PartialFile made(store);
  if (std::string error = made.make(former.exists ? store : backup); !error.empty()) {
    return error;
  }
  std::string wrong = copy_into(database, made.path());
  if (wrong.empty()) {
    wrong = give_identity(made.path(), info, former, utc_ms);
  }
  if (wrong.empty()) {
    wrong = examine(made.path(), result.info);
  }
  if (!wrong.empty()) {
    return of_backup(wrong);
  }
  const std::string aside = store + ".before-" + std::to_string(result.info.identity.generation);
  wrong = sync_file(made.path());
  if (wrong.empty()) {
    wrong = replace(made, store, former.exists, aside);
  }
  if (wrong.empty()) {
    made.named();
    result.backup_generation = info.identity.generation;
    result.replaced_generation = former.readable ? former.info.identity.generation : 0;
    result.replaced = former.exists ? aside : std::string();
  }
  return wrong;
}

}  // namespace

StoreBackup backup_store(const std::string& store, const std::string& to) {
  StoreBackup result;
  const auto failed = [&result](std::string error) {
    result.error = std::move(error);
    return result;
  };
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(store, ignored)) {
    return failed("'" + store + "': there is no such file");
  }
  if (std::filesystem::exists(std::filesystem::symlink_status(to, ignored))) {
    return failed("'" + to + "' exists already; give another name, or move it away");
  }
  PartialFile made(to);
  Database database;
  bool empty = false;
  if (!database.open(store, Database::Mode::kReadOnly)) {
    return failed("'" + store + "': " + database.error());
  }
  if (std::string wrong = check_schema(database, empty); !wrong.empty()) {
    return failed("'" + store + "': " + wrong);
  }
  std::string wrong = made.make(store);
  if (wrong.empty()) {
    wrong = copy_into(database, made.path());
  }
  if (wrong.empty()) {
    wrong = examine(made.path(), result.info);
  }
  if (wrong.empty()) {
    wrong = sync_file(made.path());
  }
  if (wrong.empty()) {
    wrong = publish_file(made.path(), to);
  }
  if (!wrong.empty()) {
    return failed("no backup was made: " + wrong);
  }
  made.named();
  return result;
}

StoreRestore restore_store(const std::string& backup, const std::string& store, std::uint64_t utc_ms) {
  StoreRestore result;
  FileLock lock;
  result.error = restore(backup, store, utc_ms, lock, result);
  return result;
}

}  // namespace cubby::aggregator

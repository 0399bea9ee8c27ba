#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "firmware/base/bytes.h"

/// Thin owners round SQLite's C interface. Errors are values: a failed step makes failed() true and
/// error() says why, until the next begin of work.
namespace cubby::aggregator {

class Database {
 public:
  /// kGathering: as kReadWriteCreate, for who has a write-ahead log and synchronous=FULL: see gathering_vfs().
  /// kUntouched: reads a file that nobody writes, without locks and without files beside it.
  enum class Mode : std::uint8_t { kReadOnly, kReadWriteCreate, kGathering, kUntouched };
  Database() = default;
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Closes what was open before.
  bool open(const std::string& path, Mode mode);
  void close();
  /// Runs statements that give no rows.
  bool run(const char* sql);
  sqlite3* handle() const { return handle_; }
  std::string error() const { return handle_ == nullptr ? "out of memory" : sqlite3_errmsg(handle_); }
  int error_code() const { return handle_ == nullptr ? SQLITE_NOMEM : sqlite3_extended_errcode(handle_); }

 private:
  sqlite3* handle_ = nullptr;
};

class Statement {
 public:
  Statement() = default;
  Statement(Database& database, std::string_view sql) { prepare(database, sql); }
  ~Statement() { sqlite3_finalize(handle_); }
  Statement(Statement&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  bool prepare(Database& database, std::string_view sql);
  bool ok() const { return handle_ != nullptr; }

  /// Parameters are numbered from 1.
  Statement& bind(int index, std::int64_t value) {
    sqlite3_bind_int64(handle_, index, value);
    return *this;
  }
  Statement& bind(int index, std::uint64_t value) { return bind(index, static_cast<std::int64_t>(value)); }
  Statement& bind(int index, std::uint32_t value) { return bind(index, static_cast<std::int64_t>(value)); }
  Statement& bind(int index, std::int32_t value) { return bind(index, static_cast<std::int64_t>(value)); }
  /// Text and blob must live until the step.
  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, Bytes blob);

  /// True: a row is there.
  bool row();
  /// Runs to the end and resets; false: failed.
  bool done();
  void reset() { sqlite3_reset(handle_); }
  bool failed() const { return failed_; }

  std::int64_t number(int column) { return sqlite3_column_int64(handle_, column); }
  std::uint64_t unsigned_number(int column) { return static_cast<std::uint64_t>(number(column)); }
  std::string_view text(int column);
  Bytes blob(int column);

 private:
  sqlite3_stmt* handle_ = nullptr;
  bool failed_ = false;
};

}  // namespace cubby::aggregator

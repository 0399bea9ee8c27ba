#include "tools/aggregator/storage/sqlite.h"

#include <utility>

#include "tools/aggregator/storage/gathering_vfs.h"
#include "tools/aggregator/storage/page_cache.h"

namespace cubby::aggregator {
namespace {

// A relative path stays relative after "file:".
std::string untouched_uri(const std::string& path) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      uri += '%';
      uri += kHex[static_cast<unsigned char>(c) >> 4U];
      uri += kHex[static_cast<unsigned char>(c) & 15U];
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

// Refused, and harmless, once SQLite is in use.
bool configure() {
  use_page_cache();
  return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK;  // Counting memory takes a lock at every allocation.
}

}  // namespace

Database::~Database() {
  close();
}

void Database::close() {
  sqlite3_close_v2(handle_);
  handle_ = nullptr;
}

bool Database::open(const std::string& path, Mode mode) {
  static const bool kConfigured = configure();
  static_cast<void>(kConfigured);
  close();
  const int flags = mode == Mode::kReadOnly    ? SQLITE_OPEN_READONLY
                    : mode == Mode::kUntouched ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
                                               : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const std::string name = mode == Mode::kUntouched ? untouched_uri(path) : path;
  const char* const vfs = mode == Mode::kGathering ? gathering_vfs() : nullptr;
  if (sqlite3_open_v2(name.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX, vfs) != SQLITE_OK) {
    return false;
  }
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, 5'000);
  return true;
}

bool Database::run(const char* sql) {
  return sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(handle_, other.handle_);
  failed_ = other.failed_;
  return *this;
}

bool Statement::prepare(Database& database, std::string_view sql) {
  sqlite3_finalize(handle_);
  handle_ = nullptr;
  failed_ = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                               &handle_, nullptr) != SQLITE_OK;
  return !failed_;
}

Statement& Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text64(handle_, index, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(int index, Bytes blob) {
  if (blob.empty()) {
    sqlite3_bind_zeroblob(handle_, index, 0);
  } else {
    sqlite3_bind_blob64(handle_, index, blob.data(), blob.size(), SQLITE_STATIC);
  }
  return *this;
}

bool Statement::row() {
  if (handle_ == nullptr) {
    failed_ = true;
    return false;
  }
  const int result = sqlite3_step(handle_);
  failed_ = result != SQLITE_ROW && result != SQLITE_DONE;
  return result == SQLITE_ROW;
}

bool Statement::done() {
  while (row()) {
  }
  if (handle_ != nullptr) {
    sqlite3_reset(handle_);
  }
  return !failed_;
}

std::string_view Statement::text(int column) {
  const auto* data = sqlite3_column_text(handle_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column));
  return data == nullptr ? std::string_view{} : std::string_view(reinterpret_cast<const char*>(data), size);
}

Bytes Statement::blob(int column) {
  const void* data = sqlite3_column_blob(handle_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column));
  return data == nullptr ? Bytes{} : Bytes(static_cast<const std::byte*>(data), size);
}

}  // namespace cubby::aggregator

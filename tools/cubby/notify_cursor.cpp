#include "tools/cubby/notify_cursor.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "tools/support/durable_file.h"

namespace cubby::tools {
namespace {

namespace json = boost::json;

constexpr std::size_t kFileMax = 1'024;

std::optional<NotifyCursor> read_place(const std::string& text) {
  boost::system::error_code error;
  const json::value parsed = json::parse(text, error);
  if (error || !parsed.is_object()) {
    return std::nullopt;
  }
  const json::object& object = parsed.as_object();
  const json::value* after = object.if_contains("after");
  if (after == nullptr || !after->is_int64() || after->as_int64() < 0) {
    return std::nullopt;
  }
  NotifyCursor place{.after = static_cast<std::uint64_t>(after->as_int64()), .last = {}, .store = {}};
  if (const json::value* last = object.if_contains("last")) {
    json::object row = last->is_object() ? last->as_object() : json::object();
    row["event"] = json::object();
    place.last = place_of(row);
    if (!place.last) {
      return std::nullopt;
    }
  }
  if (const json::value* store = object.if_contains("store")) {
    const json::value* uid = store->is_object() ? store->as_object().if_contains("uid") : nullptr;
    const json::value* generation = store->is_object() ? store->as_object().if_contains("generation") : nullptr;
    if (uid == nullptr || !uid->is_string() || generation == nullptr || !generation->is_int64()) {
      return std::nullopt;
    }
    place.store = {.uid = std::string(uid->as_string()),
                   .generation = static_cast<std::uint64_t>(generation->as_int64())};
  }
  return place;
}

}  // namespace

NotifyCursorFile::~NotifyCursorFile() {
  if (lock_ >= 0) {
    ::close(lock_);
  }
}

std::string NotifyCursorFile::open(const std::string& file) {
  file_ = file;
  // A file of its own: the place is a new one each time that it is saved.
  const std::string lock = file + ".lock";
  lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0) {
    return lock + ": cannot make this file: " + std::strerror(errno);
  }
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    return file + ": another notifier is using it";
  }
  if (!may_exist(file)) {
    return {};
  }
  std::string text(kFileMax, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  place_ = read_place(text);
  return place_ ? std::string() : file + ": not a notifier's place in the event log";
}

std::string NotifyCursorFile::save(const NotifyCursor& place) {
  json::object object{{"after", place.after}};
  if (place.last) {
    object["last"] = {{"id", place.last->id},
                      {"station", place.last->station},
                      {"journal", place.last->journal},
                      {"seq", place.last->seq}};
  }
  if (place.store) {
    object["store"] = {{"uid", place.store->uid}, {"generation", place.store->generation}};
  }
  std::string error = write_durably(file_, json::serialize(object) + "\n");
  if (error.empty()) {
    place_ = place;
  }
  return error;
}

}  // namespace cubby::tools

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tools/cubby/notice.h"
#include "tools/cubby/notify_page.h"

namespace cubby::tools {

/// How far the notifier is: every event up to `after` is done with.
struct NotifyCursor {
  std::uint64_t after = 0;
  /// The newest event that was seen there: it shows whether the log is still the same. nullopt: none yet.
  std::optional<LogPlace> last = std::nullopt;
  /// Whose log that is. nullopt: not known yet.
  std::optional<StoreMark> store = std::nullopt;
};

/// That place as a file, of one notifier at a time.
class NotifyCursorFile {
 public:
  NotifyCursorFile() = default;
  ~NotifyCursorFile();
  NotifyCursorFile(const NotifyCursorFile&) = delete;
  NotifyCursorFile& operator=(const NotifyCursorFile&) = delete;

  /// Keeps a second notifier away and reads the file. Empty, or one line for a person.
  std::string open(const std::string& file);
  /// nullopt: there was none yet.
  const std::optional<NotifyCursor>& place() const { return place_; }
  /// Durable on return. Empty, or one line: the file has this place or the one before.
  std::string save(const NotifyCursor& place);

 private:
  std::string file_;
  int lock_ = -1;
  std::optional<NotifyCursor> place_;
};

}  // namespace cubby::tools

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "firmware/base/fleet_keys.h"
#include "tools/cubby/notify_cursor.h"
#include "tools/cubby/web_client.h"
#include "tools/cubby/webhook.h"
#include "tools/support/text.h"

namespace cubby::tools {

struct NotifierOptions {
  Endpoint aggregator;
  std::string token;     // Of the role notifier.
  FleetKeys fleet_keys;  // Codes are made from it.
  WebhookUrl webhook;
  std::string ca_file;      // Empty: the system's authorities.
  std::string cert_file;    // PEM of who we are to the webhook, with its chain; empty: nobody.
  std::string key_file;     // PEM of its key.
  std::string secret;       // Signs notices.
  std::string cursor_file;  // Where it is in the log.
  std::string refused_file;
  std::string station;                         // Only this one; empty: all.
  std::chrono::milliseconds deadline{0};       // Of one attempt.
  std::chrono::milliseconds give_up_after{0};  // Of attempts for one notice.
  bool from_beginning = false;
};

/// Tells recipients, through a webhook: follows the aggregator's event log and delivers each notice at least once, in
/// the order of the log. docs/spec/notices.md
class Notifier {
 public:
  Notifier(WebLoop& loop, NotifierOptions options);
  /// Until a signal. Empty, or why it cannot go on: one line without parcels, codes and tokens.
  std::string run();
  /// Sends what was put aside once more; what is taken is taken off the list. `left`: how many stay there. Empty, or
  /// why it cannot go on, likewise.
  std::string replay(std::size_t& left);

 private:
  enum class Fetched : std::uint8_t { kPage, kFailed, kAnotherLog, kHopeless };
  /// kStopped: by a signal, or given up; nobody knows.
  enum class Delivered : std::uint8_t { kTaken, kRefused, kStopped };

  /// `problem` is filled in unless it is kPage.
  Fetched fetch(const std::string& after, std::size_t limit, EventPage& page, std::string& problem);
  /// What comes behind our place, or the end of the log while there is none. kAnotherLog: it has something else there.
  Fetched fetch_behind(EventPage& page, std::string& problem);
  /// The same of the store that our place is of; our place follows one that was restored. kHopeless also where the log
  /// is no longer the one that was read.
  Fetched fetch_next(EventPage& page, std::string& problem);
  /// Our place in the store of this page, which is not the one that it is of. False: `problem` says why there is none.
  bool follow(const EventPage& page, std::string& problem);
  /// Asks until there is a page: the aggregator may be away. Empty, or why there never will be.
  std::string fetch_patiently(EventPage& page);
  std::string open();
  std::string begin();
  /// Empty, or why it cannot go on.
  std::string take(const EventPage& page);
  /// `done` stays false where a signal has ended it; then the notice goes out at the next start.
  std::string deliver_or_put_aside(const Notice& notice, const LogPlace& place, bool& done);
  /// `said`: of kRefused, by whom it was; of kStopped, empty or why it cannot go on.
  Delivered deliver(const Notice& notice, const LogPlace& place, std::string& said);
  /// One line of the list. `line` has a new reason where it stays; empty: it was taken. Empty, or why it cannot go on.
  std::string replay_line(std::string& line);
  std::string put_aside(const LogPlace& place, const std::string& kind, const std::string& reason, bool& done);
  std::string move_to(const NotifyCursor& place);

  WebLoop& loop_;
  NotifierOptions options_;
  WebClient aggregator_;
  WebClient webhook_;
  NotifyCursorFile file_;
  std::optional<NotifyCursor> place_;  // May be ahead of the file by events that are no notices.
  std::uint64_t delivered_ = 0;
  std::uint64_t put_aside_ = 0;
};

}  // namespace cubby::tools

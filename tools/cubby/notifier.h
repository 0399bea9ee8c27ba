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

 private:
  enum class Fetched : std::uint8_t { kPage, kFailed, kHopeless };
  struct Page;

  /// `problem` is filled in unless it is kPage.
  Fetched fetch(const std::string& after, std::size_t limit, Page& page, std::string& problem);
  /// What comes behind our place, or the end of the log while there is none. kHopeless also where the log is no longer
  /// the one that was read.
  Fetched fetch_next(Page& page, std::string& problem);
  /// Asks until there is a page: the aggregator may be away. Empty, or why there never will be.
  std::string fetch_patiently(Page& page);
  std::string begin();
  /// Empty, or why it cannot go on.
  std::string take(const Page& page);
  /// `done` stays false where a signal has ended it; then the notice goes out at the next start.
  std::string deliver(const Notice& notice, const LogPlace& place, bool& done);
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

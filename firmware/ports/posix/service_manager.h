#pragma once

#include <string>

#include "firmware/hal/watchdog.h"
#include "firmware/ports/posix/host_time.h"
#include "firmware/ports/posix/system_calls.h"

namespace cubby::posix {

/// systemd, as sd_notify(3) speaks to it, and its watchdog: Type=notify, WatchdogSec=. Without a service manager
/// nothing is said and nobody watches.
class ServiceManager final : public hal::Watchdog {
 public:
  /// `socket` and `watchdog_usec` as in NOTIFY_SOCKET and WATCHDOG_USEC; empty: none.
  ServiceManager(const HostTime& time, const std::string& socket, const std::string& watchdog_usec);
  void ready(const std::string& status) { say("READY=1\nSTATUS=" + status); }
  void stopping() { say("STOPPING=1"); }

 private:
  void do_feed() override;
  void say(const std::string& words);

  const HostTime& time_;
  std::string path_;
  Descriptor socket_;
  Duration feed_every_{};  // 0: nobody watches.
  Instant fed_at_{-1};
};

}  // namespace cubby::posix

#include "firmware/ports/posix/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <charconv>
#include <cstddef>

namespace cubby::posix {

ServiceManager::ServiceManager(const HostTime& time, const std::string& socket, const std::string& watchdog_usec)
    : time_(time), path_(socket) {
  if (path_.empty() || path_.size() >= sizeof(sockaddr_un::sun_path)) {
    return;
  }
  socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  std::int64_t limit_us = 0;
  std::from_chars(watchdog_usec.data(), watchdog_usec.data() + watchdog_usec.size(), limit_us);
  feed_every_ = Duration{limit_us / 4};
}

void ServiceManager::do_feed() {
  const Instant now = time_.now();
  if (feed_every_.us <= 0 || (fed_at_ >= Instant{} && now - fed_at_ < feed_every_)) {
    return;
  }
  fed_at_ = now;
  say("WATCHDOG=1");
}

void ServiceManager::say(const std::string& words) {
  if (!socket_.valid()) {
    return;
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, path_.size());
  if (path_.front() == '@') {
    address.sun_path[0] = '\0';  // An abstract socket.
  }
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
  // Who does not listen is not waited for; the next feed says it again.
  (void)::sendto(socket_.get(), words.data(), words.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                 size);
}

}  // namespace cubby::posix

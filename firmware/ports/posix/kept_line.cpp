#include "firmware/ports/posix/kept_line.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace cubby::posix {
namespace {

constexpr Duration kStable = Duration::seconds(1);  // Up for so long: the next loss is a new one.

}  // namespace

void KeptLine::service(Instant now) {
  if (address_.kind == LineAddress::Kind::kTcpListen) {
    listen(now);
  }
  line_.service();
  if (line_.state() == ByteLine::State::kUp) {
    if (!up_) {
      note_up(now);
    }
    return;
  }
  if (line_.state() == ByteLine::State::kConnecting) {
    if (now >= connect_until_) {
      line_.close();
      note_down(now, "no answer");
    }
    return;
  }
  if (up_ || connect_until_ != Instant{}) {
    note_down(now, line_.reason());
  }
  if (address_.kind != LineAddress::Kind::kTcpListen && now >= retry_at_) {
    open(now);
  }
}

void KeptLine::open(Instant now) {
  std::string why;
  const bool connects = address_.kind == LineAddress::Kind::kTcpConnect;
  Descriptor opened = connects ? start_connecting(address_, true, why) : open_serial(address_, name_, why);
  if (!opened.valid()) {
    note_down(now, why);
    return;
  }
  connect_until_ = connects ? now + kConnectTimeout : Instant{};
  line_.adopt(std::move(opened), connects);
  line_.service();
  if (line_.state() == ByteLine::State::kUp) {
    note_up(now);
  }
}

/// The newest client has the line: one that vanished without a word does not keep a new one out.
void KeptLine::listen(Instant now) {
  std::string why;
  if (!listener_.valid() && now >= retry_at_) {
    listener_ = start_listening(address_, why);
    if (!listener_.valid()) {
      note_down(now, why);
    }
  }
  if (!listener_.valid()) {
    return;
  }
  for (Descriptor client = accept_client(listener_.get()); client.valid(); client = accept_client(listener_.get())) {
    line_.adopt(std::move(client), false);
    up_ = false;
  }
}

void KeptLine::restart(Instant now, const std::string& why) {
  line_.close();
  note_down(now, why);
}

void KeptLine::note_up(Instant now) {
  up_ = true;
  up_since_ = now;
  connect_until_ = Instant{};
  ++generation_;
  if (told_down_ || generation_ == 1) {
    spdlog::info("{}: {} is {}", what_, name_, generation_ == 1 ? "open" : "back");
  }
  told_down_ = false;
}

void KeptLine::note_down(Instant now, const std::string& why) {
  const bool waits = address_.kind == LineAddress::Kind::kTcpListen && listener_.valid();
  if (!told_down_) {
    spdlog::log(waits ? spdlog::level::info : spdlog::level::warn, "{}: {}: {}; {}", what_, address_.text(), why,
                waits ? "the next one is waited for" : "it is tried again");
  }
  told_down_ = true;
  if (up_ && now - up_since_ >= kStable) {
    back_off_ = kRetryFirst;
  }
  up_ = false;
  connect_until_ = Instant{};
  retry_at_ = now + back_off_;
  back_off_ = std::min(back_off_ * 2, kRetryMost);
}

void KeptLine::watch(std::vector<pollfd>& set) const {
  line_.watch(set);
  if (listener_.valid()) {
    set.push_back({.fd = listener_.get(), .events = POLLIN, .revents = 0});
  }
}

Instant KeptLine::deadline() const {
  switch (line_.state()) {
    case ByteLine::State::kUp:
      return Instant::max();
    case ByteLine::State::kConnecting:
      return connect_until_;
    case ByteLine::State::kDown:
      break;
  }
  return listener_.valid() ? Instant::max() : retry_at_;
}

}  // namespace cubby::posix

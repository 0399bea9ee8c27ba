#include "emulator/hardware/boards/line_bus.h"

#include <algorithm>

namespace cubby::emulator {

void LineBus::attach(Instant boot) {
  line_->restart_host(boot);
  boot_ = boot;
  heard_.clear();
}

Status LineBus::do_send(Bytes frame, Instant now, bool idle) {
  line_->advance(world(now));
  if (gone_) {
    return Status::kNotSent;
  }
  if (line_->host_backlog() > 0) {
    return Status::kBusy;
  }
  ++(idle ? idle_frames_ : frames_);
  line_->host_sends(frame, world(now));
  return Status::kOk;
}

std::size_t LineBus::do_receive(MutableBytes into, Instant now) {
  const auto news = line_->host_hears(world(now));
  if (gone_) {
    return 0;
  }
  heard_.insert(heard_.end(), news.begin(), news.end());
  const std::size_t count = std::min(into.size(), heard_.size());
  std::copy_n(heard_.begin(), count, into.begin());
  heard_.erase(heard_.begin(), heard_.begin() + static_cast<std::ptrdiff_t>(count));
  return count;
}

Instant LineBus::do_next_arrival() const {
  if (!heard_.empty()) {
    return {};  // Long ago.
  }
  const Instant last = line_->host_last_arrival();
  return last == Instant::max() || gone_ ? Instant::max() : Instant{last.us - boot_.us};
}

}  // namespace cubby::emulator

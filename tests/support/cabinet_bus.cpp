#include "support/cabinet_bus.h"

namespace cubby::tests {

void CabinetBus::hear(Instant now) {
  const auto bytes = cabinet_->host_hears(now);
  heard_.insert(heard_.end(), bytes.begin(), bytes.end());
  heard_at_ = bytes.empty() ? heard_at_ : now;
}

Status CabinetBus::do_send(Bytes frame, Instant now, bool) {
  hear(now);
  if (cabinet_->host_backlog() != 0) {
    return Status::kBusy;
  }
  frames_.emplace_back(frame.begin(), frame.end());
  cabinet_->host_sends(frame, now);
  return Status::kOk;
}

std::size_t CabinetBus::do_receive(MutableBytes into, Instant now) {
  hear(now);
  std::size_t size = 0;
  while (size < into.size() && !heard_.empty()) {
    into[size++] = heard_.front();
    heard_.pop_front();
  }
  return size;
}

}  // namespace cubby::tests

#include "tools/aggregator/core/pending_connections.h"

namespace cubby::aggregator {

std::optional<ConnectionRefusal> PendingConnections::admit(std::uint64_t id, const std::string& address) {
  if (address_of_.size() >= limits_.in_all) {
    return ConnectionRefusal::kPendingInAll;
  }
  const auto count = count_of_.find(address);
  if (count != count_of_.end() && count->second >= limits_.of_address) {
    return ConnectionRefusal::kPendingOfAddress;
  }
  ++count_of_[address];
  address_of_.emplace(id, address);
  return std::nullopt;
}

void PendingConnections::release(std::uint64_t id) {
  const auto found = address_of_.find(id);
  if (found == address_of_.end()) {
    return;
  }
  const auto count = count_of_.find(found->second);
  if (--count->second == 0) {
    count_of_.erase(count);
  }
  address_of_.erase(found);
}

}  // namespace cubby::aggregator

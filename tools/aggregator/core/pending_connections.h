#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "tools/aggregator/core/connection_refusal.h"

namespace cubby::aggregator {

/// Connections that have not proven to be anybody yet: how many there may be, of one address and in all.
class PendingConnections {
 public:
  struct Limits {
    std::size_t of_address = 500;  // Many stations may share an address of their mobile network.
    std::size_t in_all = 2'000;
  };
  explicit PendingConnections(const Limits& limits) : limits_(limits) {}

  /// nullopt: `id`, which is new, is pending now. Else why not.
  std::optional<ConnectionRefusal> admit(std::uint64_t id, const std::string& address);
  /// It has a session, or is gone. Safe to repeat.
  void release(std::uint64_t id);
  std::size_t size() const { return address_of_.size(); }

 private:
  Limits limits_;
  std::unordered_map<std::uint64_t, std::string> address_of_;
  std::unordered_map<std::string, std::size_t> count_of_;  // No address with 0.
};

}  // namespace cubby::aggregator

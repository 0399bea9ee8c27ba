#pragma once

#include <cstdint>
#include <string>

namespace cubby::aggregator {

/// Told of stations' sessions. Called from the thread that owns them.
class PresenceSink {
 public:
  virtual void came(const std::string& station, std::uint64_t utc_ms) = 0;
  virtual void went(const std::string& station, std::uint64_t utc_ms) = 0;

 protected:
  ~PresenceSink() = default;
};

}  // namespace cubby::aggregator

#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "tools/aggregator/core/presence_sink.h"

namespace cubby::aggregator {

/// Which stations have a session, since the start. Sessions are not in the log, so after a restart nothing is known of
/// a station until it comes. Any thread.
class Presence final : public PresenceSink {
 public:
  struct Seen {
    bool online = false;
    std::uint64_t since_utc_ms = 0;  // Of the session's beginning, or of its end: when the station was last seen.
  };
  void came(const std::string& station, std::uint64_t utc_ms) override {
    put(station, {.online = true, .since_utc_ms = utc_ms});
  }
  void went(const std::string& station, std::uint64_t utc_ms) override {
    put(station, {.online = false, .since_utc_ms = utc_ms});
  }
  /// nullopt: it has had no session yet.
  std::optional<Seen> find(const std::string& station) const {
    const std::lock_guard lock(mutex_);
    const auto found = stations_.find(station);
    return found == stations_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  void put(const std::string& station, const Seen& seen) {
    const std::lock_guard lock(mutex_);
    stations_[station] = seen;
  }

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Seen> stations_;
};

}  // namespace cubby::aggregator

#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

namespace cubby::aggregator {

/// How often doors may be opened from afar; 0: no limit.
struct OpenRates {
  std::uint32_t station_a_minute = 6;  // Of one station.
  std::uint32_t fleet_a_minute = 60;   // Of all together.
};

/// Token buckets of remote openings: a full one holds a minute's worth, and fills evenly. Full at the start. One
/// thread.
class OpenLimits {
 public:
  explicit OpenLimits(OpenRates rates = {}) : rates_(rates) {}

  /// What is in the way of an opening now.
  struct Verdict {
    std::uint64_t wait_ms = 0;  // 0: nothing; else until one may be sent.
    bool by_fleet = false;      // The fleet's limit; else the station's.
  };
  /// `now_ms` is monotonic.
  Verdict judge(const std::string& station, std::uint64_t now_ms) const;
  /// One was sent. `station` is one that has a session: their number bounds the memory.
  void sent(const std::string& station, std::uint64_t now_ms);

  const OpenRates& rates() const { return rates_; }

 private:
  /// When a bucket is full again, in microseconds; 0: it is.
  using FullAt = std::uint64_t;

  OpenRates rates_;
  FullAt fleet_ = 0;
  std::unordered_map<std::string, FullAt> stations_;  // Those whose bucket is not full.
};

}  // namespace cubby::aggregator

#include "tools/aggregator/http/open_limits.h"

#include <algorithm>

namespace cubby::aggregator {
namespace {

constexpr std::uint64_t kMinuteUs = 60'000'000;

// How long until the bucket holds one, in ms and rounded up: no wait is too short.
std::uint64_t wait_ms(std::uint64_t full_at_us, std::uint32_t a_minute, std::uint64_t now_us) {
  if (a_minute == 0) {
    return 0;
  }
  const std::uint64_t missing_us = full_at_us > now_us ? full_at_us - now_us : 0;
  const std::uint64_t may_miss_us = kMinuteUs - kMinuteUs / a_minute;  // One is left in it then.
  return missing_us > may_miss_us ? (missing_us - may_miss_us + 999) / 1'000 : 0;
}

void take(std::uint64_t& full_at_us, std::uint32_t a_minute, std::uint64_t now_us) {
  if (a_minute != 0) {
    full_at_us = std::max(full_at_us, now_us) + kMinuteUs / a_minute;
  }
}

}  // namespace

OpenLimits::Verdict OpenLimits::judge(const std::string& station, std::uint64_t now_ms) const {
  const std::uint64_t now_us = now_ms * 1'000;
  const auto found = stations_.find(station);
  const std::uint64_t of_station =
      wait_ms(found == stations_.end() ? 0 : found->second, rates_.station_a_minute, now_us);
  const std::uint64_t of_fleet = wait_ms(fleet_, rates_.fleet_a_minute, now_us);
  return {.wait_ms = std::max(of_station, of_fleet), .by_fleet = of_fleet > of_station};
}

void OpenLimits::sent(const std::string& station, std::uint64_t now_ms) {
  const std::uint64_t now_us = now_ms * 1'000;
  std::erase_if(stations_, [now_us](const auto& entry) { return entry.second <= now_us; });
  take(fleet_, rates_.fleet_a_minute, now_us);
  if (rates_.station_a_minute != 0) {
    take(stations_[station], rates_.station_a_minute, now_us);
  }
}

}  // namespace cubby::aggregator

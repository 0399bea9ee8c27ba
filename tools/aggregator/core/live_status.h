#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "tools/aggregator/core/connection_refusal.h"
#include "tools/aggregator/core/standing.h"

namespace cubby::aggregator {

/// How long commits take, as a histogram.
class CommitTimes {
 public:
  /// Upper bounds in milliseconds; what is longer goes into one bucket more.
  static constexpr std::array<std::uint32_t, 12> kBoundsMs = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1'000, 2'000, 5'000};

  void add(std::uint64_t microseconds) {
    std::size_t bucket = 0;
    while (bucket < kBoundsMs.size() && microseconds > std::uint64_t{kBoundsMs[bucket]} * 1'000) {
      ++bucket;
    }
    ++counts_[bucket];
    sum_us_ += microseconds;
  }
  std::uint64_t count(std::size_t bucket) const { return counts_[bucket]; }
  std::uint64_t sum_us() const { return sum_us_; }

 private:
  std::array<std::atomic<std::uint64_t>, kBoundsMs.size() + 1> counts_{};
  std::atomic<std::uint64_t> sum_us_{0};
};

/// What the running aggregator counts, for readers on other threads. Written by the uplink's thread.
struct LiveStatus {
  static constexpr std::size_t kRefuseCodes = 16;  // RefuseCode of uplink.proto; kept modulo that.

  std::atomic<std::uint64_t> started_utc_ms{0};
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> sessions{0};
  std::atomic<std::uint64_t> events{0};
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::uint64_t> duplicates{0};
  std::atomic<std::uint64_t> gaps{0};
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> refusals{0};
  std::atomic<std::uint64_t> conflicts{0};
  std::atomic<std::uint64_t> forgotten_acks{0};  // Stations that knew of a higher mark of this store.
  std::atomic<std::uint64_t> pauses{0};          // Stations that were told to be silent for a while.
  std::array<std::atomic<std::uint64_t>, kConnectionRefusals> refused_connections{};
  std::atomic<std::int64_t> certificate_expires_utc_s{0};  // The aggregator's own; 0: it has none.
  std::atomic<bool> store_ok{false};
  std::atomic<std::uint64_t> store_errors{0};        // Commits that failed.
  std::atomic<std::uint64_t> last_commit_utc_ms{0};  // 0: none yet.
  std::array<std::atomic<std::uint64_t>, kRefuseCodes> refusals_by_code{};
  CommitTimes commit_times;
  std::array<std::atomic<std::uint64_t>, kStationStates> stations_by_state{};  // From StationState 1.
  std::array<std::atomic<std::uint64_t>, kQuarantineReasons> quarantines{};
};

}  // namespace cubby::aggregator

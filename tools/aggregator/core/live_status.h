#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "tools/aggregator/core/connection_refusal.h"

namespace cubby::aggregator {

/// What the running aggregator counts, for readers on other threads. Written by the uplink's thread.
struct LiveStatus {
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
  std::array<std::atomic<std::uint64_t>, kConnectionRefusals> refused_connections{};
  std::atomic<std::int64_t> certificate_expires_utc_s{0};  // The aggregator's own; 0: it has none.
  std::atomic<bool> store_ok{false};
};

}  // namespace cubby::aggregator

#pragma once

#include <cstdint>

#include "firmware/base/bytes.h"
#include "firmware/base/chain.h"
#include "firmware/base/limits.h"

namespace cubby::aggregator {

/// A Batch (uplink.proto) that was counted and bounded, not yet taken apart. Points into the frame.
struct BatchView {
  JournalUid journal_uid{};
  std::uint64_t first_seq = 0;
  Chain previous_chain = 0;
  std::size_t count = 0;
  Bytes message;
};

enum class BatchError : std::uint8_t { kNone = 0, kMalformed, kTooManyEvents, kEventTooLong };

/// Highest sequence number accepted: far below 2^63, so that nothing overflows on the way to SQL.
inline constexpr std::uint64_t kSeqMax = std::uint64_t{1} << 62;

/// Reads the head and counts the events before anything is allocated for them.
BatchError read_batch(Bytes message, BatchView& batch);

}  // namespace cubby::aggregator

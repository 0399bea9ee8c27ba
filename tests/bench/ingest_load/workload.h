#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/chain.h"

namespace cubby::bench {

/// A journal's events as a station would send them: whole frames on channel 1, made before the clock starts.
struct Session {
  struct Piece {
    std::size_t end = 0;         // In `bytes`, after this frame.
    std::uint64_t last_seq = 0;  // Of its last event.
  };
  std::string station;
  JournalUid journal_uid{};
  std::vector<std::byte> bytes;
  std::vector<Piece> pieces;
  std::uint64_t events = 0;
  Chain chain = 0;  // After the last event.
};

struct WorkloadOptions {
  std::uint32_t sessions = 1;
  std::uint32_t batch = 1;   // Events a frame, 1..limits::kBatchEventsMax.
  std::uint64_t events = 1;  // In all, at least; every session has whole batches, and as many as the others.
};

struct Workload {
  std::vector<Session> sessions;
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
};

/// Stations with the province's doors and parcels a day, each with its own parcels: journal opened, configuration,
/// snapshot, then deposits and collections in turn. The same options give the same bytes.
Workload make_workload(const WorkloadOptions& options);

}  // namespace cubby::bench

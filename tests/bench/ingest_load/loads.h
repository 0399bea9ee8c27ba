#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "bench/ingest_load/workload.h"

namespace cubby::bench {

class Conversation;

/// What one run took, from the first byte of a batch to the last acknowledgement; connections were up before.
struct Outcome {
  std::string error;  // Not empty: in words for a person, and nothing else counts.
  double seconds = 0;
  double cpu_seconds = 0;   // Of who took the events: the process `served_by`, or this one.
  double sync_seconds = 0;  // Floor only: waiting for fsync.
  std::uint64_t syncs = 0;  // Floor only.
};

/// Events that nobody has acknowledged yet, of one connection.
inline constexpr std::uint64_t kWindow = 2'000;

/// For connections to come up.
inline constexpr std::chrono::seconds kGreetingMax{30};

/// Sends everything to an aggregator, a connection each session.
Outcome load_uplink(const Workload& work, std::uint16_t port, int served_by, Bytes fleet_key);
/// Sends everything to a nats-server with JetStream, a connection each session and a message each frame, to one stream
/// in a file.
Outcome load_jetstream(const Workload& work, std::uint16_t port, int served_by);
/// What nobody can leave out: takes the same frames apart, chains and writes them in one loop, and syncs them as soon
/// as `group` events were written since the last time.
Outcome run_floor(const Workload& work, const std::string& file, std::uint64_t group);

/// The conversation to its end, for five minutes at most.
Outcome run_timed(Conversation& conversation, int served_by);
/// Processor time of a process so far, in seconds; negative: there is none.
double cpu_seconds_of(int process);

}  // namespace cubby::bench

#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "firmware/base/bytes.h"
#include "tools/emulator/time_histogram.h"

namespace cubby::tools {

/// How long the events of one connection wait for their acknowledgement, read from the frames that pass by.
class AckMeter {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// Batches beyond these that wait at a time count as one with the newest of them, which makes their times too long.
  static constexpr std::size_t kWaitingMax = 64;

  /// What the station said, whole frames, at `at` or later. Returns how many events are in it.
  std::uint64_t on_sent(Bytes frames, Time at);
  /// Bytes that the station gets at `at`, cut anywhere. What they acknowledge is added to `times`, once an event.
  void on_received(Bytes bytes, Time at, TimeHistogram& times);

 private:
  struct Sent {
    std::uint64_t last_seq = 0;
    std::uint64_t events = 0;
    Time at;
  };
  void acknowledge(std::uint64_t seq, Time at, TimeHistogram& times);

  std::vector<Sent> waiting_;     // Oldest first.
  std::vector<std::byte> begun_;  // A frame whose end is still to come.
};

}  // namespace cubby::tools

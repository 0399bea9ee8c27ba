#pragma once

#include <algorithm>
#include <cstdint>

#include "tools/emulator/time_histogram.h"

namespace cubby::tools {

/// What the stations' connections in real time came to, within a second or a run.
struct LinkFigures {
  std::uint64_t asked = 0;    // Stations that began to want a connection.
  std::uint64_t opened = 0;   // Connections, with TLS up.
  std::uint64_t refused = 0;  // That came to nothing.
  std::uint64_t lost = 0;     // That were up, and the other side or the network ended.
  std::uint64_t events_sent = 0;
  TimeHistogram acks;         // Of events: from the beginning of the window in which it was sent.
  std::uint64_t opening = 0;  // At most at a time.
  // Now, at the end of the second:
  std::uint64_t waiting = 0;  // Stations that want one, and whose turn has not come.
  std::uint64_t up = 0;

  /// Adds what came later.
  void add(const LinkFigures& later) {
    asked += later.asked;
    opened += later.opened;
    refused += later.refused;
    lost += later.lost;
    events_sent += later.events_sent;
    acks.add(later.acks);
    opening = std::max(opening, later.opening);
    waiting = later.waiting;
    up = later.up;
  }
};

/// Of a run.
struct LinkTotals {
  LinkFigures sum;
  std::uint64_t asked_a_second_max = 0;
  std::uint64_t opened_a_second_max = 0;
  std::uint64_t up_max = 0;

  void add(const LinkFigures& second) {
    sum.add(second);
    asked_a_second_max = std::max(asked_a_second_max, second.asked);
    opened_a_second_max = std::max(opened_a_second_max, second.opened);
    up_max = std::max(up_max, second.up);
  }
};

}  // namespace cubby::tools

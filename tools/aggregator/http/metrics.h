#pragma once

#include <string>

#include "tools/aggregator/core/live_status.h"

namespace cubby::aggregator {

/// What the HTTP side counts; one thread.
struct HttpCounters {
  std::uint64_t requests_by_class[6] = {};  // Answers by the first digit of their status; 0 and 1: none.
  std::uint64_t streams = 0;                // Live.
  std::uint64_t slow_readers = 0;           // Streams that were ended because nobody read.
  std::uint64_t orders_sent = 0;
  std::uint64_t orders_refused = 0;  // Here: by the switch, a limit, or because the station cannot be reached.
  bool orders_stopped = false;
};

/// The metrics in Prometheus' text form 0.0.4: the aggregator's, none by station or compartment. docs/spec/http.md
std::string metrics_text(const LiveStatus& status, const HttpCounters& http);

}  // namespace cubby::aggregator

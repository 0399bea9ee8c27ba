#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/support/trace_file.h"

namespace cubby::tools {

/// What was really brought and fetched, in place of a profile's demand.
struct PlanTrace {
  std::string file;
  // In order of time, counted from the start; without parcels that are larger than every door (XL).
  std::vector<TraceLine> lines;
  std::vector<std::string> stations;  // As the file names them, by first appearance.
  std::uint64_t start_utc_ms = 0;     // The midnight (UTC) before the first line; 0: any.
  std::uint32_t days = 0;             // From the start to the end of the last line's day.

  bool empty() const { return stations.empty(); }
};

/// `errors` has file:line:column: what, or one line of what makes the whole file useless.
PlanTrace read_plan_trace(const std::string& file, std::vector<std::string>& errors);

}  // namespace cubby::tools

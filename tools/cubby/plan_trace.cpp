#include "tools/cubby/plan_trace.h"

#include <algorithm>
#include <unordered_set>

namespace cubby::tools {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::uint8_t kTooBig = 4;  // XL.

// Their collections go with them: a parcel that never came is not asked for.
void erase_too_big(std::vector<TraceLine>& lines) {
  std::unordered_set<std::string> too_big;
  for (const TraceLine& line : lines) {
    if (line.action == "deposit" && line.size == kTooBig) {
      too_big.insert(line.station + '\n' + line.parcel);
    }
  }
  std::erase_if(lines, [&](const TraceLine& line) { return too_big.contains(line.station + '\n' + line.parcel); });
}

}  // namespace

PlanTrace read_plan_trace(const std::string& file, std::vector<std::string>& errors) {
  PlanTrace trace;
  trace.file = file;
  trace.lines = read_trace(file, errors);
  erase_too_big(trace.lines);
  if (!errors.empty()) {
    return trace;
  }
  const bool brings =
      std::any_of(trace.lines.begin(), trace.lines.end(), [](const auto& line) { return line.action == "deposit"; });
  if (!brings) {
    errors.push_back(file + ": no deposit of a parcel that fits behind a door");
    return trace;
  }
  std::unordered_set<std::string> known;
  for (const TraceLine& line : trace.lines) {
    if (known.insert(line.station).second) {
      trace.stations.push_back(line.station);
    }
  }
  const std::int64_t first_ms = trace.lines.front().absolute ? trace.lines.front().offset_ms / kDayMs * kDayMs : 0;
  trace.start_utc_ms = static_cast<std::uint64_t>(first_ms);
  for (TraceLine& line : trace.lines) {
    line.offset_ms -= first_ms;
    line.absolute = false;
  }
  trace.days = static_cast<std::uint32_t>(trace.lines.back().offset_ms / kDayMs + 1);
  return trace;
}

}  // namespace cubby::tools

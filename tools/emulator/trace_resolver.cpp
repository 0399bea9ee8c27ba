#include "tools/emulator/trace_resolver.h"

#include "tools/support/text.h"

namespace cubby::tools {
namespace {

constexpr std::size_t kErrorsMax = 20;

}  // namespace

std::vector<emulator::TraceRow> resolve_trace(const std::string& file, const std::vector<TraceLine>& lines,
                                              const emulator::Fleet& fleet, std::vector<std::string>& errors) {
  std::vector<emulator::TraceRow> rows;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < fleet.station_count(); ++i) {
    names.emplace_back(fleet.station(i).name());
  }
  for (const TraceLine& line : lines) {
    const std::size_t station = fleet.find(line.station);
    const std::int64_t at_ms =
        line.absolute ? line.offset_ms - static_cast<std::int64_t>(fleet.start_utc_ms()) : line.offset_ms;
    if (station == fleet.station_count()) {
      const std::string close = nearest(line.station, names);
      errors.push_back(trace_place(file, line.line, line.station_column) + "no station '" + line.station + "'" +
                       (close.empty() ? std::string() : "; did you mean " + close + "?"));
    } else if (at_ms < 0) {
      errors.push_back(trace_place(file, line.line, 1) + "before the start of the run, " +
                       format_utc(fleet.start_utc_ms()));
    }
    if (errors.size() >= kErrorsMax) {
      break;
    }
    if (!errors.empty()) {
      continue;
    }
    emulator::TraceRow row;
    row.at = Instant{at_ms * 1000};
    row.station = static_cast<std::uint32_t>(station);
    row.injection.kind = line.action == "deposit"   ? emulator::InjectionKind::kDeposit
                         : line.action == "collect" ? emulator::InjectionKind::kCollect
                         : line.action == "refuse"  ? emulator::InjectionKind::kRefuse
                                                    : emulator::InjectionKind::kRecall;
    row.injection.size = line.size;
    row.injection.carrier = line.carrier;
    row.injection.parcel = line.parcel;
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace cubby::tools

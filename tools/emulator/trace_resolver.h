#pragma once

#include <string>
#include <vector>

#include "emulator/fleet/fleet.h"
#include "tools/support/trace_file.h"

namespace cubby::tools {

/// Looks stations up and puts times on the fleet's clock. Rows must not go back in time.
std::vector<emulator::TraceRow> resolve_trace(const std::string& file, const std::vector<TraceLine>& lines,
                                              const emulator::Fleet& fleet, std::vector<std::string>& errors);

}  // namespace cubby::tools

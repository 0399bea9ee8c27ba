#pragma once

#include <string>

#include "emulator/fleet/fleet.h"
#include "tools/emulator/report.h"
#include "tools/emulator/run_options.h"
#include "tools/emulator/state_store.h"

namespace cubby::tools {

/// Runs a fleet at options.speed times real time until options.days or a stop signal: one TCP connection a
/// station, and the control port. False: a port cannot be opened (`error`), or the state cannot be saved.
bool run_live(const RunOptions& options, emulator::Fleet& fleet, StateStore* state, RunFigures& figures,
              std::string& error);

}  // namespace cubby::tools

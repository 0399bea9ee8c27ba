#pragma once

#include "emulator/fleet/fleet.h"
#include "tools/emulator/report.h"
#include "tools/emulator/run_options.h"
#include "tools/emulator/state_store.h"

namespace cubby::tools {

/// Runs a fleet in virtual time, one thread a shard, until options.days or a stop signal, and then until
/// everything is reported. `state` may be null. Returns false if the centre was lost for good.
bool run_at_full_speed(const RunOptions& options, emulator::Fleet& fleet, std::vector<emulator::RoomMeter>& meters,
                       StateStore* state, RunFigures& figures);

}  // namespace cubby::tools

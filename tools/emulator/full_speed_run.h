#pragma once

#include "emulator/fleet/fleet.h"
#include "tools/emulator/report.h"
#include "tools/emulator/run_options.h"
#include "tools/emulator/snapshot_file.h"
#include "tools/emulator/state_store.h"

namespace cubby::tools {

/// What a run goes on from.
struct Origin {
  StateStore* state = nullptr;             // Also saved there; may be null.
  const SnapshotFile* snapshot = nullptr;  // May be null; not both.
  std::int64_t now_us() const {
    return state != nullptr ? state->saved_us() : (snapshot != nullptr ? snapshot->now_us() : 0);
  }
};

/// Runs a fleet in virtual time, one thread a shard, until options.days or a stop signal, and then until
/// everything is reported, unless options.snapshot_file says that the fleet goes on later. Returns false if the centre
/// was lost for good; `centre` is what it knows at the end.
bool run_at_full_speed(const RunOptions& options, emulator::Fleet& fleet, std::vector<emulator::RoomMeter>& meters,
                       const Origin& origin, RunFigures& figures, CentreMemory& centre);

}  // namespace cubby::tools

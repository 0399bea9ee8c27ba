#pragma once

#include "firmware/base/bytes.h"
#include "firmware/base/instant.h"
#include "firmware/base/status.h"
#include "firmware/core/controller.h"
#include "firmware/hal/hardware.h"

/// The one assembly of a controller, used by every port and by the emulator.
namespace cubby::app {

struct AssemblyOptions {
  Bytes config;                        // An encoded StationConfig; must outlive the assembly.
  std::string_view firmware_version;   // For JournalOpened; must outlive the assembly.
  bool announce_new_journal = false;   // See CAPABILITY_NEW_JOURNAL.
};

class Assembly {
 public:
  Assembly(const hal::Hardware& hardware, const AssemblyOptions& options);
  /// Checks the configuration, mounts (or, on blank flash, formats) the journal, recovers the state,
  /// turns all outputs off and starts the uplink. kBadInput: the configuration; nothing was started.
  /// Any other error: safe mode, doors stay locked, tick() may still be called.
  Status boot(Instant now);
  Wake tick(Instant now);
  const core::Controller& controller() const;

 private:
  // BEGIN members (owned by the implementation)
  // END members
};

}  // namespace cubby::app

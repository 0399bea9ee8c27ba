#pragma once

#include <string_view>

#include "cubby/v1/config.nanopb.h"
#include "firmware/base/bytes.h"
#include "firmware/base/instant.h"
#include "firmware/base/status.h"
#include "firmware/core/controller.h"
#include "firmware/hal/hardware.h"

/// The one assembly of a controller, used by every port and by the emulator.
namespace cubby::app {

struct AssemblyOptions {
  Bytes config;                       // An encoded StationConfig; must outlive the assembly.
  std::string_view firmware_version;  // For JournalOpened; must outlive the assembly.
  bool announce_new_journal = false;  // See CAPABILITY_NEW_JOURNAL.
  /// How late the port may call tick(): an idle poll that is so late is still run. 0 where time is exact.
  Duration tick_lateness{};
  /// See core::Controller::boot(). 0 where the journal is not on a flash that wears out.
  Duration boot_wait_max = Duration::seconds(64);
};

class Assembly {
 public:
  Assembly(const hal::Hardware& hardware, const AssemblyOptions& options);
  /// Checks the configuration, mounts (or, on blank flash, formats) the journal, recovers the state,
  /// turns all outputs off and starts the uplink; after boots that did not last, the first ticks do. kBadInput,
  /// kCorrupt: the configuration is not one; nothing was started. Any other error: safe mode, doors stay locked, tick()
  /// may still be called.
  Status boot(Instant now);
  Wake tick(Instant now) { return controller_.tick(now); }
  const core::Controller& controller() const { return controller_; }
  core::Controller& controller() { return controller_; }
  const cubby_v1_StationConfig& config() const { return config_; }

  /// See firmware/base/image.h.
  /// In place of boot(), on hardware that is as it was when the image was written.
  template <typename Image>
  void image(Image& image) {
    image(config_);
    controller_.image(image, controller_options());
  }

 private:
  core::Controller::Options controller_options();

  AssemblyOptions options_;
  cubby_v1_StationConfig config_{};
  core::Controller controller_;
};

}  // namespace cubby::app

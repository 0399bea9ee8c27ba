#include "firmware/app/assembly.h"

#include "firmware/app/config_check.h"
#include "firmware/wire/codec/config_codec.h"

namespace cubby::app {

Assembly::Assembly(const hal::Hardware& hardware, const AssemblyOptions& options)
    : options_(options), controller_(hardware) {}

Status Assembly::boot(Instant now) {
  if (options_.config.size() > limits::kConfigBytesMax) {
    return Status::kBadInput;
  }
  CUBBY_TRY(wire::decode_config(options_.config, config_));
  CUBBY_TRY(check_config(config_));
  return controller_.boot(controller_options(), now);
}

core::Controller::Options Assembly::controller_options() {
  return {.config = &config_,
          .config_bytes = options_.config,
          .firmware_version = options_.firmware_version,
          .announce_new_journal = options_.announce_new_journal,
          .tick_lateness = options_.tick_lateness,
          .boot_wait_max = options_.boot_wait_max};
}

}  // namespace cubby::app

#pragma once

#include "cubby/v1/config.nanopb.h"
#include "firmware/base/status.h"

namespace cubby::app {

/// Every rule of config.proto. kBadInput: one is broken.
Status check_config(const cubby_v1_StationConfig& config);

}  // namespace cubby::app

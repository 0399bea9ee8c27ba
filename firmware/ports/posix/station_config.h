#pragma once

#include "cubby/v1/config.nanopb.h"
#include "firmware/ports/posix/toml_table.h"

namespace cubby::posix {

/// The station itself: [station], [rules], [[brand]], [[board]], [[doors]]. Its segment is in `config` already.
void read_station(const toml::table& root, Problems& problems, cubby_v1_StationConfig& config);

}  // namespace cubby::posix

#pragma once

#include <string>

namespace cubby::tools {

/// Where spdlog's lines go from now on: standard error, with time and level. `level`: debug, info, warn, error, off.
/// What peers send is never logged, nor codes, keys and parcels.
void set_up_log(const std::string& name, const std::string& level);

}  // namespace cubby::tools

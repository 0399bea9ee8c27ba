#pragma once

#include <string>

#include "firmware/ports/posix/controller_config.h"

namespace cubby::posix {

/// Writes what a microcontroller needs to be this station (docs/spec/station-page.md) into a new file of mode 0600: it
/// holds keys. Empty, or why not, in a sentence; then there is no such file.
std::string write_station_page_file(const ControllerConfig& config, const std::string& path);

}  // namespace cubby::posix

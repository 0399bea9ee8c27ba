#pragma once

#include <iosfwd>

#include "firmware/ports/posix/controller_config.h"

namespace cubby::posix {

/// What --check says about a configuration that was read: the station, its keys, its journal (mounted in memory, the
/// file is not touched), its devices. False: the controller would not serve with it.
bool report_config(const ControllerConfig& config, std::ostream& out);

/// Version and hash as they stand in Hello, and the size.
void print_identity(const ControllerConfig& config, std::ostream& out);

}  // namespace cubby::posix

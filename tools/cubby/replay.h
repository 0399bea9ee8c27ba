#pragma once

#include <string>

#include "tools/cubby/control_client.h"

namespace cubby::tools {

/// Sends a trace's rows to a live emulator, each when the emulator's clock has come to its time (the first
/// row's time is now). Returns an exit code; 1 if any row was refused.
int replay(const std::string& file, ControlClient& client);

}  // namespace cubby::tools

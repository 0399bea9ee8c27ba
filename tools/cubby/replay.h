#pragma once

#include <string>
#include <vector>

#include "tools/cubby/control_client.h"
#include "tools/support/trace_file.h"

namespace cubby::tools {

/// Sends the rows of a trace to a live emulator, each when the emulator's clock has come to its time (the first
/// row's time is now). Returns an exit code; 1 if any row was refused.
int replay(const std::string& file, const std::vector<TraceLine>& rows, ControlClient& client);

}  // namespace cubby::tools

#pragma once

#include "tools/support/command_line.h"

namespace cubby::tools {

/// `cubby stations`: which stations may report, through the aggregator. `exit_code` is set when the command has run.
void add_stations_command(CLI::App& app, int& exit_code);

}  // namespace cubby::tools

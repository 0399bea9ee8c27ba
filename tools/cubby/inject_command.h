#pragma once

#include <CLI/CLI.hpp>

namespace cubby::tools {

/// `cubby inject`: plays people and faults at a live emulator. Sets `exit_code` when it is the command
/// that runs.
void add_inject_command(CLI::App& app, int& exit_code);

}  // namespace cubby::tools

#pragma once

#include <CLI/CLI.hpp>

namespace cubby::tools {

/// `cubby panel`: the face of a station's front panel at a live emulator. Sets `exit_code` when it is the
/// command that runs.
void add_panel_command(CLI::App& app, int& exit_code);

}  // namespace cubby::tools

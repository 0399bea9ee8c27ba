#pragma once

#include <CLI/CLI.hpp>

namespace cubby::tools {

/// `cubby station-keys`: key files for a cubby-controller. Sets `exit_code` when it is the command that runs.
void add_keys_command(CLI::App& app, int& exit_code);

}  // namespace cubby::tools

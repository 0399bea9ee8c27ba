#pragma once

#include <CLI/CLI.hpp>

namespace cubby::tools {

/// `cubby station-keys`; its exit code goes into `exit_code`.
void add_keys_command(CLI::App& app, int& exit_code);

}  // namespace cubby::tools

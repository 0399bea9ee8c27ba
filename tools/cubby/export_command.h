#pragma once

#include <CLI/CLI.hpp>

namespace cubby::tools {

/// `cubby export events|stats`: writes what a store holds for other software. Sets `exit_code` when it is the command
/// that runs.
void add_export_command(CLI::App& app, int& exit_code);

}  // namespace cubby::tools

#pragma once

#include <CLI/CLI.hpp>

namespace cubby::tools {

/// Adds `cubby board` (emulated lock boards on a real port) and `cubby board-ctl` (their doors).
void add_board_commands(CLI::App& app, int& exit_code);

}  // namespace cubby::tools

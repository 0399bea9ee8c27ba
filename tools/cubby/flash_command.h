#pragma once

#include <CLI/CLI.hpp>

namespace cubby::tools {

/// `cubby flash inspect|verify|export|pull`: explains the flash image of a journal, and changes nothing. Sets
/// `exit_code` when it is the command that runs.
void add_flash_command(CLI::App& app, int& exit_code);

}  // namespace cubby::tools

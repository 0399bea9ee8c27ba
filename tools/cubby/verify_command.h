#pragma once

#include <CLI/CLI.hpp>

namespace cubby::tools {

/// `cubby verify`: compares a store with itself and with a ledger. Sets `exit_code` when it is the command
/// that runs.
void add_verify_command(CLI::App& app, int& exit_code);

}  // namespace cubby::tools

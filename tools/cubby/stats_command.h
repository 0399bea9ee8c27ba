#pragma once

#include <CLI/CLI.hpp>

namespace cubby::tools {

/// `cubby stats`: asks a running aggregator. Sets `exit_code` when it is the command that runs.
void add_stats_command(CLI::App& app, int& exit_code);

}  // namespace cubby::tools

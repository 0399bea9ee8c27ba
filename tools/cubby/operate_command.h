#pragma once

#include <CLI/CLI.hpp>

namespace cubby::tools {

/// Adds `cubby operate`: an operator's orders to one station, through the aggregator.
void add_operate_command(CLI::App& app, int& exit_code);

}  // namespace cubby::tools

#pragma once

#include <CLI/CLI.hpp>

namespace cubby::tools {

/// `cubby plan`: what a station should look like, by simulation. Sets `exit_code` when it is the command that runs.
void add_plan_command(CLI::App& app, int& exit_code);

}  // namespace cubby::tools

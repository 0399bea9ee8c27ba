#pragma once

#include <CLI/CLI.hpp>

namespace cubby::tools {

/// `cubby notify`: tells recipients their codes, through a webhook.
void add_notify_command(CLI::App& app, int& exit_code);

}  // namespace cubby::tools

#pragma once

#include <CLI/CLI.hpp>

namespace cubby::tools {

/// `cubby pki`: a private authority for the uplink's TLS. Sets `exit_code` when it is the command that runs.
void add_pki_command(CLI::App& app, int& exit_code);

}  // namespace cubby::tools

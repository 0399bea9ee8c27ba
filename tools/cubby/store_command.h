#pragma once

#include <CLI/CLI.hpp>

namespace cubby::tools {

/// `cubby store info`, `backup` and `restore`: the aggregator's SQLite file as whoever looks after it needs it.
void add_store_command(CLI::App& app, int& exit_code);

}  // namespace cubby::tools

#pragma once

#include <CLI/CLI.hpp>
#include <string>

/// What the three programs' command lines have in common. Include it where options are declared only: it
/// is costly to compile.
namespace cubby::tools {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

/// Adds --config FILE: TOML with the options' long names as keys. The command line wins over the file.
/// Unknown keys and wrong types are reported with file, line and column, all at once.
void add_toml_config(CLI::App& app);

/// Parses; -1: go on, else the exit code. Errors are one line on standard error naming the option, the
/// value and what would be right.
int parse_command_line(CLI::App& app, int argc, char** argv);

/// A validator for HOST:PORT.
CLI::Validator endpoint_validator();
/// A validator for durations as text.h reads them.
CLI::Validator duration_validator();

}  // namespace cubby::tools

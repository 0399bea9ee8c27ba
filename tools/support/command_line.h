#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

/// What the three programs' command lines have in common. Include it where options are declared only: it
/// is costly to compile.
namespace cubby::tools {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

/// Adds --config FILE: TOML with the options' long names as keys. The command line wins over the file.
/// Unknown keys, wrong types and values out of range are reported with file, line and column, all at once.
void add_toml_config(CLI::App& app);

/// Parses; -1: go on, else the exit code. Errors are one line on standard error naming the option, the
/// value and what would be right. Call it before anything is opened: it also sees to it that no file
/// takes the place of a standard stream that is closed.
int parse_command_line(CLI::App& app, int argc, char** argv);

/// Decimal digits only, low..high. CLI11's own Range takes octal numbers and NaN.
CLI::Validator integer_range(std::uint64_t low, std::uint64_t high);
CLI::Validator number_range(double low, double high);
/// HOST:PORT of somebody who listens.
CLI::Validator endpoint_validator();
/// HOST:PORT to listen on; port 0 takes any free one.
CLI::Validator listen_validator();
/// A station's name: 1 to 32 of A-Z, a-z, 0-9, '-', '_' and '.'.
CLI::Validator station_validator();
/// A brand: 1 to 8 of a-z, 0-9.
CLI::Validator carrier_validator();
/// What a keypad takes for a pickup code: 6 to 8 digits.
CLI::Validator code_validator();
CLI::Validator second_validator();
/// Opaque numbers that stand for a recipient.
CLI::Validator recipient_validator();
/// Empty, or why no file can be made at that path: it is empty, a folder, or in a folder that is not there.
std::string check_file_to_make(const std::string& path);
CLI::Validator file_to_make_validator();
/// A validator for durations as text.h reads them.
CLI::Validator duration_validator();

}  // namespace cubby::tools

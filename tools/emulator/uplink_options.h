#pragma once

#include <cstddef>
#include <string>

#include "tools/emulator/run_options.h"
#include "tools/support/command_line.h"

namespace cubby::tools {

/// How the stations report, as typed.
struct UplinkArguments {
  std::string aggregator;
  std::string tls;
  bool allow_plaintext = false;
  std::size_t opening_max = RunOptions{}.opening_max;
  std::string live_log;
};

void declare_uplink(CLI::App& app, UplinkArguments& arguments);
/// `options` knows stations and speed, and gets the rest; the limit of open files is raised as far as it goes. Returns
/// one line for a person, or nothing.
std::string check_uplink(const UplinkArguments& arguments, RunOptions& options);
/// Reads the certificates. Likewise.
std::string load_credentials(const UplinkArguments& arguments, RunOptions& options);

}  // namespace cubby::tools

#include "tools/cubby/keys_command.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "firmware/base/hotp.h"
#include "tools/cubby/board_descriptor.h"
#include "tools/support/command_line.h"
#include "tools/support/secret_file.h"

namespace cubby::tools {
namespace {

constexpr const char* kExamples = R"help(Examples:
  cubby station-keys --station SX-TY-0007 --to /etc/cubby
      station.key and pass.key for cubby-controller, made from the fleet's key; bring them there safely)help";

struct Options {
  std::string station;
  std::string folder;
  std::string fleet_key;
};

/// Empty, or what went wrong. A key that is there already is left alone: it may be the only one.
std::string write_key(const std::filesystem::path& file, const StationKey& key) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : key) {
    text += kHex[std::to_integer<std::size_t>(byte >> 4)];
    text += kHex[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  text += '\n';
  const Descriptor out(open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (out.get() < 0) {
    return file.string() + ": cannot make this file: " + std::strerror(errno);
  }
  if (write(out.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || fsync(out.get()) != 0) {
    return file.string() + ": cannot write: " + std::strerror(errno);
  }
  std::cout << file.string() << '\n';
  return {};
}

int run(const Options& options) {
  const std::filesystem::path fleet_file =
      options.fleet_key.empty() ? default_secret_path("fleet.key") : std::filesystem::path(options.fleet_key);
  // A key that would be made here is none that the aggregator knows.
  if (std::error_code code; !std::filesystem::exists(fleet_file, code)) {
    std::cerr << "cubby station-keys: --fleet-key: " << fleet_file.string()
              << " is not there; run this where the aggregator's key is\n";
    return kExitFailure;
  }
  const Secret fleet = load_or_create_secret(fleet_file);
  std::string error = fleet.error.empty() ? std::string() : "--fleet-key: " + fleet.error;
  const std::filesystem::path folder(options.folder);
  if (error.empty()) {
    error = write_key(folder / "station.key", derive_station_key(fleet.bytes, options.station, 1));
  }
  if (error.empty()) {
    error = write_key(folder / "pass.key", derive_pass_key(fleet.bytes));
  }
  if (!error.empty()) {
    std::cerr << "cubby station-keys: " << error << '\n';
    return kExitFailure;
  }
  return kExitOk;
}

}  // namespace

void add_keys_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* keys = app.add_subcommand("station-keys", "Makes the key files of one cubby-controller");
  keys->footer(kExamples);
  keys->add_option("--station", options->station, "The station's name, as in its configuration")
      ->required()
      ->check(station_validator());
  keys->add_option("--to", options->folder, "Folder for station.key and pass.key; files there are left alone")
      ->required()
      ->check(CLI::ExistingDirectory);
  keys->add_option("--fleet-key", options->fleet_key,
                   "File of the fleet's key (default: fleet.key in the state folder)");
  keys->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace cubby::tools

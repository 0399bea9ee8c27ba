#include "tools/cubby/keys_command.h"
#include "tools/aggregator/core/hex.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "firmware/base/fleet_keys.h"
#include "tools/cubby/board_descriptor.h"
#include "tools/support/command_line.h"
#include "tools/support/secret_file.h"

namespace cubby::tools {
namespace {

constexpr const char* kExamples = R"help(Examples:
  cubby station-keys --station SX-TY-0007 --to /etc/cubby
      station.key and pass.key for cubby-controller, made from the fleet's key; bring them there safely
  cubby station-keys --station SX-TY-0007 --version 2 --to new
      the next key of that station, and the one before it for the codes that it has given)help";

constexpr std::uint32_t kOlderMax = 3;  // Beside the newest; as many as cubby-controller reads.

struct Options {
  std::string station;
  std::string folder;
  std::string fleet_key;
  std::uint32_t version = 0;  // 0: where the fleet's newest key begins.
  std::uint32_t older = 1;
};

/// The lines of station.key, oldest version first; empty: the fleet has no key of that version.
std::string station_keys(const FleetKeys& fleet, const Options& options) {
  const std::uint32_t newest = options.version == 0 ? fleet.newest_from() : options.version;
  std::string lines;
  for (std::uint32_t version = newest - std::min(options.older, newest - 1); version <= newest; ++version) {
    if (const auto key = fleet.station_key(options.station, version)) {
      lines += (newest == 1 ? std::string() : std::to_string(version) + ' ') + aggregator::to_hex(*key) + '\n';
    }
  }
  return fleet.has(newest) ? lines : std::string();
}

/// Empty, or what went wrong. A key that is there already is left alone: it may be the only one.
std::string write_key(const std::filesystem::path& file, const std::string& text) {
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
  const FleetKeyFile fleet = read_fleet_keys(fleet_file);
  std::string error = fleet.error.empty() ? std::string() : "--fleet-key: " + fleet.error;
  const std::string lines = error.empty() ? station_keys(fleet.keys, options) : std::string();
  if (error.empty() && lines.empty()) {
    error = "--version: the fleet's key file has no key for version " + std::to_string(options.version);
  }
  const std::filesystem::path folder(options.folder);
  if (error.empty()) {
    error = write_key(folder / "station.key", lines);
  }
  if (error.empty()) {
    error = write_key(folder / "pass.key", aggregator::to_hex(fleet.keys.pass_key()) + '\n');
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
  keys->add_option("--version", options->version,
                   "Of the station's key, 1 to 65535 (default: where the newest key of the fleet begins)")
      ->check(CLI::Range(std::uint32_t{1}, limits::kKeyVersionMax));
  keys->add_option("--older", options->older,
                   "So many versions before it go along, 0 to 3, for the codes of parcels that lie there")
      ->check(CLI::Range(0U, kOlderMax))
      ->capture_default_str();
  keys->add_option("--fleet-key", options->fleet_key,
                   "File of the fleet's keys (default: fleet.key in the state folder)");
  keys->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace cubby::tools

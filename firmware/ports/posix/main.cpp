// cubby-controller: the controller of one cabinet on a small Linux computer. See --help.
#include <fcntl.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <fstream>
#include <iostream>
#include <sstream>

#include "firmware/ports/posix/config_report.h"
#include "firmware/ports/posix/controller_config.h"
#include "firmware/ports/posix/controller_loop.h"
#include "firmware/ports/posix/station_page_file.h"

namespace {

using namespace cubby;
using namespace cubby::posix;

constexpr int kExitOk = 0;
constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
constexpr std::size_t kConfigFileMax = 1 << 20;

constexpr const char* kExamples = R"help(Examples:
  cubby-controller --config /etc/cubby/controller.toml
      serves the cabinet until stopped
  cubby-controller --config controller.toml --check
      reads configuration, keys and journal, changes nothing, says what it found
  cubby-controller --config controller.toml --bus-device '/dev/ttyUSB*'
      another serial port; the command line wins over the file
Exit codes: 0 stopped or good, 1 failed or not good, 2 wrong usage or configuration.
The file: docs/operations.md, "The controller on a Linux computer". SIGTERM ends it, SIGHUP is ignored.)help";

struct Arguments {
  std::string config;
  bool check = false;
  bool print_config = false;
  std::string station_page;
  std::vector<std::string> texts;  // By port_options().
  std::vector<char> flags;
};

int complain(int code, const std::string& words) {
  std::cerr << "cubby-controller: " << words << '\n';
  return code;
}

std::string option_name(const PortOption& option) {
  std::string name = std::string("--") + option.table + "-" + option.key;
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

void declare(CLI::App& app, Arguments& arguments) {
  app.set_version_flag("--version", "cubby-controller 0.1.0");
  app.footer(kExamples);
  app.add_option("--config", arguments.config, "TOML file of the port and of the station")->required();
  app.add_flag("--check", arguments.check, "Look at configuration, keys and journal, change nothing");
  app.add_flag("--print-config", arguments.print_config, "Version and hash of the station's configuration");
  app.add_option("--write-station-page", arguments.station_page,
                 "Make this file for a microcontroller: configuration and keys (docs/cortex-m3.md)");
  arguments.texts.resize(port_options().size());
  arguments.flags.resize(port_options().size());
  for (std::size_t i = 0; i < port_options().size(); ++i) {
    const PortOption& option = port_options()[i];
    if (option.kind == PortOption::Kind::kFlag) {
      app.add_flag_callback(
          option_name(option), [&arguments, i] { arguments.flags[i] = 1; }, option.help);
    } else {
      app.add_option(option_name(option), arguments.texts[i], option.help)
          ->type_name(option.kind == PortOption::Kind::kNumber ? "NUMBER" : "TEXT");
    }
  }
}

std::vector<Override> overrides_of(const CLI::App& app, const Arguments& arguments) {
  std::vector<Override> overrides;
  for (std::size_t i = 0; i < port_options().size(); ++i) {
    const PortOption& option = port_options()[i];
    if (arguments.flags[i] != 0 || app.count(option_name(option)) != 0) {
      overrides.push_back({option.table, option.key, arguments.texts[i]});
    }
  }
  return overrides;
}

/// False: `text` is what is wrong.
bool read_file(const std::string& path, std::string& text) {
  std::ifstream file(path, std::ios::binary);
  text.resize(kConfigFileMax + 1);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.gcount() == 0 && !file.eof()) {
    text = "--config: '" + path + "' cannot be read";
    return false;
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kConfigFileMax) {
    text = "--config: '" + path + "' is larger than 1 MiB";
    return false;
  }
  if (text.starts_with("\xEF\xBB\xBF")) {
    text.erase(0, 3);
  }
  return true;
}

void set_up_log(const std::string& level) {
  auto logger = spdlog::stderr_logger_mt("cubby-controller");
  logger->set_level(spdlog::level::from_str(level == "warn" ? "warning" : level));
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  spdlog::set_default_logger(std::move(logger));
}

/// SIGTERM and SIGINT as a descriptor that becomes readable; a vanished peer and a closed terminal are no reason to
/// end.
Descriptor stop_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return Descriptor(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int serve(const ControllerConfig& config) {
  ControllerLoop::Keys keys;
  std::string why;
  const auto station_keys = read_station_keys(config.port.station_key_file, why);
  const auto pass_key = station_keys.has_value() ? read_key_file(config.port.pass_key_file, why) : std::nullopt;
  if (!pass_key.has_value()) {
    return complain(kExitFailure, why);
  }
  keys = {.station = *station_keys, .pass = *pass_key};
  SystemCalls calls;
  const auto flash = FileFlash::open(calls, {.path = config.port.journal_file, .geometry = config.port.geometry}, why);
  if (flash == nullptr) {
    return complain(kExitFailure, why);
  }
  if (!config.port.tls.folder.empty()) {
    if (load_certificate(config.port.tls, config.station.station, why) == nullptr) {
      spdlog::error("{}; people are served, nothing is reported until this is mended", why);
    }
  } else if (!is_loopback(config.port.aggregator.host)) {
    spdlog::warn("*** PLAINTEXT to {}: anybody on the way can read what this station reports ***",
                 config.port.aggregator.text());
  }
  const Descriptor stop = stop_signals();
  const auto loop = std::make_unique<ControllerLoop>(config, keys, calls, *flash);
  spdlog::info("station {}, {} doors, journal {}", config.station.station, config.station.door_board_count,
               config.port.journal_file);
  switch (loop->run(stop.get())) {
    case ControllerLoop::End::kStopped:
      spdlog::info("stopped");
      return kExitOk;
    case ControllerLoop::End::kJournalFailed:
      return kExitFailure;
    case ControllerLoop::End::kRefused:
      return kExitUsage;
  }
  return kExitFailure;
}

// A device that is opened later must not take the place of a standard stream that is closed.
void occupy_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) < 0) {
      (void)open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  occupy_closed_streams();
  CLI::App app("Runs one parcel cabinet: its lock boards, its front panel, its journal, its reports.",
               "cubby-controller");
  Arguments arguments;
  declare(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      return app.exit(error);
    }
    return complain(kExitUsage, std::string(error.what()) + "; --help lists the options");
  }
  std::string text;
  if (!read_file(arguments.config, text)) {
    return complain(kExitUsage, text);
  }
  const auto config = std::make_unique<ControllerConfig>();
  const auto problems = read_config(arguments.config, text, overrides_of(app, arguments), *config);
  if (!problems.empty()) {
    for (const std::string& problem : problems) {
      std::cerr << problem << '\n';
    }
    return kExitUsage;
  }
  if (arguments.check) {
    const bool good = report_config(*config, std::cout);
    return std::cout.flush() && good ? kExitOk : kExitFailure;
  }
  if (arguments.print_config) {
    print_identity(*config, std::cout);
    return std::cout.flush() ? kExitOk : kExitFailure;
  }
  if (app.count("--write-station-page") != 0) {
    const std::string why = write_station_page_file(*config, arguments.station_page);
    return why.empty() ? kExitOk : complain(kExitFailure, why);
  }
  set_up_log(config->port.log_level);
  return serve(*config);
}

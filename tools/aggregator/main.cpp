// cubby-aggregator: the centre that stations report to. See --help.
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <numeric>

#include "tools/aggregator/http/access.h"
#include "tools/aggregator/http/command_book.h"
#include "tools/aggregator/http/http_server.h"
#include "tools/aggregator/http/presence.h"
#include "tools/aggregator/io/start_check.h"
#include "tools/aggregator/io/uplink_server.h"
#include "tools/aggregator/storage/store_upgrade.h"
#include "tools/support/command_line.h"
#include "tools/support/log.h"
#include "tools/support/secret_file.h"
#include "tools/support/text.h"

namespace {

using cubby::aggregator::AccessTokens;
using cubby::aggregator::HttpServer;
using cubby::aggregator::LiveStatus;
using cubby::aggregator::Role;
using cubby::aggregator::UplinkReport;
using cubby::aggregator::UplinkServer;
using cubby::tools::kExitFailure;
using cubby::tools::kExitOk;
using cubby::tools::kExitUsage;

struct Options {
  std::string listen = "127.0.0.1:7400";
  std::string http = "127.0.0.1:7480";
  std::string store = "cubby.db";
  std::string fleet_key;
  std::string tls;
  std::string token_file;
  std::string viewer_token_file;
  std::string notifier_token_file;
  std::string admin_token_file;
  cubby::aggregator::OpenRates open_rates;
  std::string report;
  std::string log_level = "info";
  std::size_t commit_events = 2'000;
  std::size_t pending_max = cubby::aggregator::PendingConnections::Limits{}.in_all;
  std::size_t pending_per_address = 0;  // 0: not said.
  cubby::aggregator::Budget::Rates budget;
  unsigned commit_interval_ms = 20;
  bool allow_plaintext = false;
  bool allow_plaintext_http = false;
  std::string enrolment = "open";
  bool allow_virtual_time = false;
  bool upgrade = false;
  bool check = false;
};

constexpr const char* kExamples = R"help(Examples:
  cubby-aggregator
      stations on 127.0.0.1:7400, HTTP on 127.0.0.1:7480, everything in ./cubby.db
  cubby-aggregator --listen 0.0.0.0:7400 --tls ~/.local/state/cubby/pki/issued/aggregator/centre
      stations from everywhere, with certificates of `cubby pki`
  cubby-aggregator --store /var/lib/cubby/province.db --report run.json
      another store, and a summary of what the run cost when it ends
  curl -H "Authorization: Bearer $(cat ~/.local/state/cubby/http.token)" \
       "http://127.0.0.1:7480/v1/stats?by=city"
      what every city did; `cubby stats --by city` asks the same
Ctrl-C commits what has arrived and ends.)help";

int complain(const std::string& words, int code) {
  std::cerr << "cubby-aggregator: " << words << '\n';
  return code;
}

void declare(CLI::App& app, Options& options) {
  app.set_version_flag("--version", "cubby-aggregator 0.1.0");
  app.footer(kExamples);
  app.option_defaults()->always_capture_default();
  app.add_option("--listen", options.listen, "where stations connect")->check(cubby::tools::listen_validator());
  app.add_option("--http", options.http, "where the HTTP interface listens")->check(cubby::tools::listen_validator());
  app.add_option("--store", options.store, "SQLite file of events and statistics; made if missing");
  app.add_option("--fleet-key", options.fleet_key,
                 "file of the keys that station keys derive from (default: fleet.key in the state folder)");
  app.add_option("--token-file", options.token_file,
                 "file of the operator's HTTP token (default: http.token in the state folder)");
  app.add_option("--viewer-token-file", options.viewer_token_file,
                 "of the token for statistics only (default: http.viewer.token there)");
  app.add_option("--notifier-token-file", options.notifier_token_file,
                 "of the token for events only, of `cubby notify` (default: http.notifier.token there)");
  app.add_option("--admin-token-file", options.admin_token_file,
                 "of the token that also lets stopped orders go on (default: http.admin.token there)");
  app.add_option("--open-per-station", options.open_rates.station_a_minute,
                 "doors that are opened from afar at one station, a minute; 0: no limit")
      ->check(CLI::Range(0, 60'000));
  app.add_option("--open-per-fleet", options.open_rates.fleet_a_minute, "in all stations together, likewise")
      ->check(CLI::Range(0, 60'000));
  app.add_option("--report", options.report, "write a JSON summary there at the end");
  app.add_option("--log-level", options.log_level, "what is told on standard error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}));
  app.add_option("--commit-events", options.commit_events,
                 "commit with so many events pending, together with what else has arrived by then")
      ->check(CLI::Range(1, 100'000));
  app.add_option("--commit-interval-ms", options.commit_interval_ms, "commit at the latest so long after an event")
      ->check(CLI::Range(1, 1'000));
  app.add_option(
         "--tls", options.tls,
         "folder with cert.pem, key.pem, ca.pem and crl.pem, as `cubby pki issue aggregator` makes it; without\n"
         "it stations connect in plaintext")
      ->check(CLI::ExistingDirectory);
  app.add_flag("--allow-plaintext", options.allow_plaintext, "listen without TLS beyond loopback");
  app.add_flag("--allow-plaintext-http", options.allow_plaintext_http,
               "serve HTTP beyond loopback; it has no TLS, so tokens can be read on the way");
  app.add_option("--pending-max", options.pending_max, "connections without a session, in all")
      ->check(CLI::Range(1, 100'000));
  app.add_option("--pending-per-address", options.pending_per_address,
                 "connections without a session, of one address; default: 500, and on loopback as many as in all")
      ->check(CLI::Range(1, 100'000))
      ->default_str("");
  app.add_option("--station-frames", options.budget.frames_a_second,
                 "frames a second of one station, beyond which it is told to pause; 0: no limit")
      ->check(CLI::Range(0, 1'000'000));
  app.add_option("--station-bytes", options.budget.bytes_a_second, "bytes a second of one station, likewise")
      ->check(CLI::Range(0, 1'000'000'000));
  app.add_option("--enrolment", options.enrolment,
                 "which stations may report that nobody has heard of: open, all that prove their key and certificate;\n"
                 "approved, those that `cubby stations` has imported or approved")
      ->check(CLI::IsMember({"open", "approved"}));
  app.add_flag("--allow-virtual-time", options.allow_virtual_time,
               "let connections beyond loopback dictate their time");
  app.add_flag("--upgrade", options.upgrade,
               "bring the store of an older version up to date, keep a copy of it as it was, and end");
  app.add_flag("--check", options.check,
               "look at ports, certificate, keys and store, say what is found, change nothing, and end");
  cubby::tools::add_toml_config(app);
}

// Empty, or why these options do not go together.
std::string check(const Options& options) {
  if (std::string wrong = cubby::tools::check_file_to_make(options.store); !wrong.empty()) {
    return "--store: " + wrong;
  }
  if (!options.report.empty()) {
    if (std::string wrong = cubby::tools::check_file_to_make(options.report); !wrong.empty()) {
      return "--report: " + wrong;
    }
  }
  if (options.check && options.upgrade) {
    return "--upgrade: --check is given too, and changes nothing; leave one out";
  }
  if (!options.tls.empty() && options.allow_plaintext) {
    return "--allow-plaintext: --tls is given too, and there is no falling back to plaintext; leave one out";
  }
  if (!cubby::tools::is_loopback(cubby::tools::parse_endpoint(options.listen)->host) && options.tls.empty() &&
      !options.allow_plaintext) {
    return "--listen: '" + options.listen +
           "' is not loopback; give certificates with --tls, or --allow-plaintext to listen without them";
  }
  if (!cubby::tools::is_loopback(cubby::tools::parse_endpoint(options.http)->host) && !options.allow_plaintext_http) {
    return "--http: '" + options.http +
           "' is not loopback, and HTTP has no TLS; put a tunnel or a proxy with TLS before it, or give "
           "--allow-plaintext-http";
  }
  return {};
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

std::string write_report(const std::string& path, const UplinkReport& report, double wall_seconds) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  const double rest = cpu_seconds - report.cpu_socket_s - report.cpu_apply_s - report.cpu_sqlite_s;
  std::ofstream file(path);
  file << "{\n  \"wall_seconds\": " << wall_seconds << ",\n  \"cpu_seconds\": " << cpu_seconds
       << ",\n  \"rooms\": {\"socket\": " << report.cpu_socket_s << ", \"apply\": " << report.cpu_apply_s
       << ", \"sqlite\": " << report.cpu_sqlite_s << ", \"other\": " << rest << "},\n  \"events\": " << report.events
       << ",\n  \"batches\": " << report.batches << ",\n  \"duplicate_batches\": " << report.duplicates
       << ",\n  \"gaps\": " << report.gaps << ",\n  \"commits\": " << report.commits
       << ",\n  \"connections\": " << report.connections << ",\n  \"sessions\": " << report.sessions
       << ",\n  \"refusals\": " << report.refusals << ",\n  \"frames\": " << report.frames
       << ",\n  \"refused_connections\": "
       << std::accumulate(report.refused_connections.begin(), report.refused_connections.end(), std::uint64_t{0})
       << ",\n  \"bytes_in\": " << report.bytes_in << ",\n  \"bytes_out\": " << report.bytes_out << "\n}\n";
  file.close();
  return file ? std::string() : "--report: '" + path + "' cannot be written";
}

int upgrade(const Options& options) {
  const cubby::aggregator::StoreUpgrade upgrade = cubby::aggregator::upgrade_sqlite_store(options.store);
  if (!upgrade.error.empty()) {
    return complain("--upgrade: '" + options.store + "': " + upgrade.error, kExitFailure);
  }
  if (upgrade.backup.empty()) {
    std::cout << options.store << " is up to date\n";
  } else {
    std::cout << options.store << " had schema version " << upgrade.from_version
              << " and is up to date now; as it was: " << upgrade.backup << '\n';
  }
  return kExitOk;
}

/// Whose token it is, and where: each role has one.
struct TokenFile {
  Role role;
  const char* option;
  const std::string& given;
  const char* name;  // In the state folder, if none is given.
};

/// Makes no folder.
std::filesystem::path secret_path(const std::string& given, const char* name) {
  return given.empty() ? cubby::tools::find_state_dir() / name : std::filesystem::path(given);
}

std::array<TokenFile, 4> token_files(const Options& options) {
  return {{
      {Role::kOperator, "--token-file", options.token_file, "http.token"},
      {Role::kViewer, "--viewer-token-file", options.viewer_token_file, "http.viewer.token"},
      {Role::kNotifier, "--notifier-token-file", options.notifier_token_file, "http.notifier.token"},
      {Role::kAdmin, "--admin-token-file", options.admin_token_file, "http.admin.token"},
  }};
}

/// Makes the files that are missing. Empty, or what is wrong, naming the option.
std::string load_tokens(const Options& options, AccessTokens& tokens) {
  for (const TokenFile& file : token_files(options)) {
    const auto token = cubby::tools::load_or_create_secret(
        file.given.empty() ? cubby::tools::default_secret_path(file.name) : std::filesystem::path(file.given));
    if (!token.error.empty()) {
      return std::string(file.option) + ": " + token.error;
    }
    if (tokens.role_of("Bearer " + token.text) != Role::kNobody) {
      return std::string(file.option) + ": this token has another role already; a token has one role";
    }
    tokens.set(file.role, token.text);
  }
  return {};
}

/// All that can be in the way of serving, before anybody is served; empty, or what is wrong.
std::string open(const Options& options, UplinkServer& uplink, HttpServer& http) {
  if (std::string error = uplink.load_certificates(); !error.empty()) {
    return "--tls: " + error;
  }
  if (std::string error = uplink.bind(); !error.empty()) {
    return "--listen: " + options.listen + ": " + error;
  }
  if (std::string error = http.bind(); !error.empty()) {
    return "--http: " + options.http + ": " + error;
  }
  std::string error = uplink.open_store();
  if (error.empty()) {
    error = http.start();
  }
  return error.empty() ? error : "--store: '" + options.store + "': " + error;
}

int check_start(const Options& options) {
  const auto listen = *cubby::tools::parse_endpoint(options.listen);
  const auto web = *cubby::tools::parse_endpoint(options.http);
  const auto utc_s =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  std::vector<cubby::aggregator::StartPlan::Secret> secrets{
      {"fleet key", secret_path(options.fleet_key, "fleet.key"), true}};
  for (const TokenFile& file : token_files(options)) {
    secrets.push_back({"HTTP token of the " + std::string(to_text(file.role)), secret_path(file.given, file.name)});
  }
  const bool good = cubby::aggregator::report_start({.listen_host = listen.host,
                                                     .listen_port = listen.port,
                                                     .http_host = web.host,
                                                     .http_port = web.port,
                                                     .store_path = options.store,
                                                     .tls_folder = options.tls,
                                                     .secrets = std::move(secrets)},
                                                    static_cast<std::uint64_t>(utc_s.count()), std::cout);
  return std::cout.flush() && good ? kExitOk : kExitFailure;
}

int serve(const Options& options) {
  const auto began = std::chrono::steady_clock::now();
  std::signal(SIGXFSZ, SIG_IGN);  // A limit to the size of files is a full disk, not an end.
  const auto key =
      cubby::tools::load_or_create_fleet_keys(options.fleet_key.empty() ? cubby::tools::default_secret_path("fleet.key")
                                                                        : std::filesystem::path(options.fleet_key));
  if (!key.error.empty()) {
    return complain("--fleet-key: " + key.error, kExitFailure);
  }
  AccessTokens tokens;
  if (const std::string error = load_tokens(options, tokens); !error.empty()) {
    return complain(error, kExitFailure);
  }
  const auto listen = *cubby::tools::parse_endpoint(options.listen);
  const auto web = *cubby::tools::parse_endpoint(options.http);
  cubby::aggregator::PendingConnections::Limits pending{.in_all = options.pending_max};
  if (options.pending_per_address != 0) {
    pending.of_address = options.pending_per_address;
  }
  LiveStatus status;
  cubby::aggregator::CommandBook book;
  cubby::aggregator::Presence presence;
  status.started_utc_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
  UplinkServer uplink({.host = listen.host,
                       .port = listen.port,
                       .store_path = options.store,
                       .fleet_keys = key.keys,
                       .tls_folder = options.tls,
                       .enrolment = options.enrolment == "open" ? cubby::aggregator::Enrolment::kOpen
                                                                : cubby::aggregator::Enrolment::kApproved,
                       .allow_virtual_time = options.allow_virtual_time,
                       .commit_events = options.commit_events,
                       .commit_interval = std::chrono::milliseconds(options.commit_interval_ms),
                       .budget = options.budget,
                       .pending = pending,
                       .pending_of_loopback = options.pending_per_address != 0,
                       .on_command_result = [&book](const cubby::v1::CommandResult& result) { book.answered(result); },
                       .presence = &presence},
                      status);
  HttpServer http({.host = web.host,
                   .port = web.port,
                   .store_path = options.store,
                   .tokens = tokens,
                   .open_rates = options.open_rates},
                  status, presence, book, uplink, uplink);
  if (const std::string error = open(options, uplink, http); !error.empty()) {
    return complain(error, kExitFailure);
  }
  if (options.allow_plaintext && !cubby::tools::is_loopback(listen.host)) {
    spdlog::warn("*** PLAINTEXT on {}: anybody on the way can read what stations report ***", options.listen);
  }
  if (!cubby::tools::is_loopback(web.host)) {
    spdlog::warn("*** PLAINTEXT HTTP on {}: anybody on the way can read tokens, and act with them ***", options.http);
  }
  spdlog::info("stations on {} with {}, HTTP on {}, store {}", options.listen,
               options.tls.empty() ? "plaintext" : "TLS", options.http, options.store);
  const std::string failure = uplink.run();
  http.stop();
  if (!options.report.empty()) {
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - began;
    if (const std::string error = write_report(options.report, uplink.report(), wall.count()); !error.empty()) {
      return complain(error, kExitFailure);
    }
  }
  return failure.empty() ? kExitOk : complain(failure, kExitFailure);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("The centre of a parcel-locker fleet: takes stations' events, makes them durable, keeps statistics.",
               "cubby-aggregator");
  declare(app, options);
  if (const int code = cubby::tools::parse_command_line(app, argc, argv); code >= 0) {
    return code;
  }
  if (const std::string wrong = check(options); !wrong.empty()) {
    return complain(wrong, kExitUsage);
  }
  if (options.check) {
    return check_start(options);
  }
  if (options.upgrade) {
    return upgrade(options);
  }
  cubby::tools::set_up_log("cubby-aggregator", options.log_level);
  return serve(options);
}

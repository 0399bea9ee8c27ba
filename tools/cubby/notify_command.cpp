#include "tools/cubby/notify_command.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <filesystem>
#include <iostream>
#include <memory>

#include "tools/cubby/notifier.h"
#include "tools/support/command_line.h"
#include "tools/support/log.h"
#include "tools/support/secret_file.h"
#include "tools/support/text.h"

namespace cubby::tools {
namespace {

constexpr const char* kExamples = R"help(Examples:
  cubby notify --webhook https://sms.example/notices
      from now on: a POST for each parcel that is put in, with its code; signed with notify.secret
  cubby notify --webhook http://127.0.0.1:8080/ --from-beginning
      also what has happened before, to a receiver on this computer
  cubby notify --webhook https://sms.example/notices --replay
      once more what was put aside in notify.refused, after its cause is gone
Ctrl-C ends it; it goes on from there. What is sent: docs/spec/notices.md)help";

constexpr std::chrono::milliseconds kTimeoutMin{1'000};
constexpr std::chrono::milliseconds kTimeoutMax{60'000};

struct Options {
  std::string webhook;
  std::string http = "127.0.0.1:7480";
  std::string token_file;
  std::string fleet_key;
  std::string secret_file;
  std::string cursor;
  std::string refused;
  std::string ca;
  std::string station;
  std::string timeout = "10s";
  std::string give_up = "24h";
  std::string log_level = "info";
  std::string client_cert;
  std::string client_key;
  bool replay = false;
  bool from_beginning = false;
  bool allow_plaintext = false;
};

int fail(const std::string& words, int code = kExitFailure) {
  std::cerr << "cubby notify: " << words << '\n';
  return code;
}

std::filesystem::path path_of(const std::string& given, const char* name) {
  return given.empty() ? default_secret_path(name) : std::filesystem::path(given);
}

/// Empty, or what is wrong. `exit_code` says whose fault it is.
std::string read_options(const Options& options, NotifierOptions& notifier, int& exit_code) {
  exit_code = kExitUsage;
  if (std::string wrong = read_webhook_url(options.webhook, notifier.webhook); !wrong.empty()) {
    return "--webhook: " + wrong;
  }
  if (!notifier.webhook.tls && !options.allow_plaintext && !is_loopback(notifier.webhook.host)) {
    return "--webhook: http:// beyond this computer shows codes to everybody on the way; use https://, or say "
           "--allow-plaintext";
  }
  if (!notifier.webhook.tls && !options.ca.empty()) {
    return "--ca: goes with https:// only";
  }
  if (!notifier.webhook.tls && !options.client_cert.empty()) {
    return "--client-cert: goes with https:// only";
  }
  notifier.deadline = std::chrono::milliseconds(*parse_duration_ms(options.timeout));
  if (notifier.deadline < kTimeoutMin || notifier.deadline > kTimeoutMax) {
    return "--timeout: '" + options.timeout + "' is not 1s to 60s";
  }
  exit_code = kExitFailure;
  struct stat status {};
  if (!options.client_key.empty() && ::stat(options.client_key.c_str(), &status) == 0 && (status.st_mode & 077U) != 0) {
    return "--client-key: '" + options.client_key + "' can be read by others; chmod 600 it";
  }
  // A key that would be made here is none that stations have.
  const std::filesystem::path key_file = path_of(options.fleet_key, "fleet.key");
  if (std::error_code code; !std::filesystem::exists(key_file, code)) {
    return "--fleet-key: " + key_file.string() + " is not there; bring the aggregator's, or start the aggregator first";
  }
  const FleetKeyFile key = read_fleet_keys(key_file);
  if (!key.error.empty()) {
    return "--fleet-key: " + key.error;
  }
  const Secret token = client_secret(options.token_file, default_secret_path("http.notifier.token"));
  if (!token.error.empty()) {
    return "--token-file: " + token.error;
  }
  const Secret secret = load_or_create_secret(path_of(options.secret_file, "notify.secret"));
  if (!secret.error.empty()) {
    return "--secret-file: " + secret.error;
  }
  notifier.aggregator = *parse_endpoint(options.http);
  notifier.token = token.text;
  notifier.fleet_keys = key.keys;
  notifier.ca_file = options.ca;
  notifier.cert_file = options.client_cert;
  notifier.key_file = options.client_key;
  notifier.secret = secret.text;
  notifier.cursor_file = path_of(options.cursor, "notify.cursor").string();
  notifier.refused_file = path_of(options.refused, "notify.refused").string();
  notifier.station = options.station;
  notifier.give_up_after = std::chrono::milliseconds(*parse_duration_ms(options.give_up));
  notifier.from_beginning = options.from_beginning;
  return {};
}

int run(const Options& options) {
  NotifierOptions notifier;
  int exit_code = kExitOk;
  if (const std::string wrong = read_options(options, notifier, exit_code); !wrong.empty()) {
    return fail(wrong, exit_code);
  }
  set_up_log("cubby-notify", options.log_level);
  if (!notifier.webhook.tls && !is_loopback(notifier.webhook.host)) {
    spdlog::warn("*** PLAINTEXT to {}: anybody on the way can read pickup codes ***", notifier.webhook.where());
  }
  WebLoop loop;
  Notifier program(loop, std::move(notifier));
  if (!options.replay) {
    const std::string error = program.run();
    return error.empty() ? kExitOk : fail(error);
  }
  std::size_t left = 0;
  if (const std::string error = program.replay(left); !error.empty()) {
    return fail(error);
  }
  return left == 0 ? kExitOk : fail(std::to_string(left) + " notices stay aside; --refused says why");
}

}  // namespace

void add_notify_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* notify =
      app.add_subcommand("notify", "Tells recipients their codes: a webhook for what happens to parcels");
  notify->footer(kExamples);
  notify->add_option("--webhook", options->webhook, "where notices go: https://HOST[:PORT]/PATH")->required();
  notify->add_option("--http", options->http, "the aggregator's HTTP interface")
      ->check(endpoint_validator())
      ->capture_default_str();
  notify->add_option("--token-file", options->token_file,
                     "file of its token (default: http.notifier.token in the state folder)");
  notify->add_option("--fleet-key", options->fleet_key, "file of the fleet's keys (default: fleet.key there)");
  notify->add_option(
      "--secret-file", options->secret_file,
      "what notices are signed with, made if missing; the receiver needs it (default: notify.secret there)");
  notify->add_option("--cursor", options->cursor,
                     "file of how far it is in the event log (default: notify.cursor there)");
  notify->add_option("--refused", options->refused,
                     "file of the events whose notices were refused for good (default: notify.refused there)");
  notify->add_flag("--from-beginning", options->from_beginning,
                   "at the first start: from the first event (default: from now on)");
  notify->add_option("--station", options->station, "events of this one only")->check(station_validator());
  notify->add_option("--ca", options->ca, "PEM of the authorities to believe instead of the system's")
      ->check(CLI::ExistingFile);
  CLI::Option* cert = notify
                          ->add_option("--client-cert", options->client_cert,
                                       "PEM of a certificate to show to the webhook, with its chain")
                          ->check(CLI::ExistingFile);
  CLI::Option* key = notify->add_option("--client-key", options->client_key, "PEM of its key, readable by you only")
                         ->check(CLI::ExistingFile);
  cert->needs(key);
  key->needs(cert);
  notify->add_flag("--replay", options->replay,
                   "send what was put aside once more, and end; no notifier may run on the same cursor");
  notify->add_flag("--allow-plaintext", options->allow_plaintext, "http:// beyond this computer");
  notify->add_option("--timeout", options->timeout, "how long an attempt may take")
      ->check(duration_validator())
      ->capture_default_str();
  notify->add_option("--give-up", options->give_up, "end, to begin there again, when a notice is not taken for so long")
      ->check(duration_validator())
      ->capture_default_str();
  notify->add_option("--log-level", options->log_level, "what is told on standard error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  notify->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace cubby::tools

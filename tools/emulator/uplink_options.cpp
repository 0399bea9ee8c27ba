#include "tools/emulator/uplink_options.h"

#include <spdlog/spdlog.h>

#include "tools/support/descriptors.h"

namespace cubby::tools {
namespace {

constexpr std::size_t kOpeningMost = 100'000;
constexpr std::uint64_t kDescriptorReserve = 64;  // Beside the connections: logs, state, control port.

// Each station in real time has a connection of its own.
std::string check_descriptors(const RunOptions& options) {
  if (options.speed == 0 || !options.aggregator.has_value()) {
    return {};
  }
  const std::uint64_t limit = raise_descriptor_limit();
  const std::uint64_t needed = options.stations + kDescriptorReserve;
  if (limit >= needed) {
    return {};
  }
  return "--stations: " + std::to_string(options.stations) + " connections need " + std::to_string(needed) +
         " open files, and this process may have " + std::to_string(limit) +
         " (RLIMIT_NOFILE: ulimit -Hn, LimitNOFILE= of systemd); raise that, or take fewer stations";
}

}  // namespace

void declare_uplink(CLI::App& app, UplinkArguments& arguments) {
  app.add_option("--aggregator", arguments.aggregator,
                 "Where to report; without it a centre in this process only acknowledges")
      ->check(endpoint_validator());
  app.add_option("--tls", arguments.tls,
                 "Folder with cert.pem, key.pem and ca.pem, as cubby pki issue makes it: of the one station, or of a\n"
                 "concentrator that speaks for all; without it --aggregator is reached in plaintext")
      ->check(CLI::ExistingDirectory);
  app.add_flag("--allow-plaintext", arguments.allow_plaintext, "--aggregator may be beyond loopback, without TLS");
  app.add_option("--opening-max", arguments.opening_max,
                 "Stations' connections that are being opened at a time; in real time")
      ->check(integer_range(1, kOpeningMost))
      ->capture_default_str();
  app.add_option("--live-log", arguments.live_log,
                 "JSON lines of connections and acknowledgements, one a second; in real time with --aggregator");
}

std::string check_uplink(const UplinkArguments& arguments, RunOptions& options) {
  options.aggregator = arguments.aggregator.empty() ? std::nullopt : parse_endpoint(arguments.aggregator);
  options.opening_max = arguments.opening_max;
  options.live_log_file = arguments.live_log;
  const std::optional<Endpoint>& aggregator = options.aggregator;
  if (!arguments.tls.empty() && !aggregator.has_value()) {
    return "--tls: there is nobody to report to; give --aggregator";
  }
  if (!arguments.tls.empty() && arguments.allow_plaintext) {
    return "--allow-plaintext: --tls is given too, and there is no falling back to plaintext; leave one out";
  }
  if (aggregator.has_value() && !is_loopback(aggregator->host) && arguments.tls.empty() && !arguments.allow_plaintext) {
    return "--aggregator: '" + arguments.aggregator +
           "' is not loopback; give certificates with --tls, or --allow-plaintext to report without them";
  }
  if (!arguments.live_log.empty() && (!aggregator.has_value() || options.speed == 0)) {
    return "--live-log: there are connections to tell of in real time with --aggregator only";
  }
  return check_descriptors(options);
}

std::string load_credentials(const UplinkArguments& arguments, RunOptions& options) {
  if (!arguments.tls.empty()) {
    std::string error;
    options.credentials = tls::Credentials::load(arguments.tls, tls::End::kClient, error);
    return options.credentials == nullptr ? "--tls: " + error : std::string();
  }
  if (options.aggregator.has_value() && !is_loopback(options.aggregator->host)) {
    spdlog::warn("*** PLAINTEXT to {}: anybody on the way can read what stations report ***", arguments.aggregator);
  }
  return {};
}

}  // namespace cubby::tools

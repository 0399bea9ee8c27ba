#include "tools/cubby/pki_command.h"
#include "tools/aggregator/core/certificate_binding.h"

#include <boost/json.hpp>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/aggregator/core/hex.h"
#include "tools/cubby/pki_authority.h"
#include "tools/support/command_line.h"
#include "tools/support/secret_file.h"
#include "tools/support/text.h"

namespace cubby::tools {
namespace {

namespace json = boost::json;

constexpr std::size_t kHostsMax = 16;
constexpr std::size_t kHostLengthMax = 253;

constexpr const char* kExamples = R"help(Examples:
  cubby pki init
      an authority in the folder pki of the state folder; ca.key there is the key to everything
  cubby pki issue aggregator centre --host 192.0.2.10 --host centre.example
  cubby pki issue station SX-TY-0007
  cubby pki issue concentrator gateway-1 --station 'SX-TY-*'
      prints the folder that is --tls of cubby-aggregator and cubby-emulator, and [uplink] tls of cubby-controller
  cubby pki request SX-TY-0007 --to /etc/cubby/tls
  cubby pki issue station SX-TY-0007 --csr request.pem --to signed
      for a key that never leaves the station: bring it request.pem, bring back cert.pem and ca.pem
  cubby pki revoke station SX-TY-0007
  cubby pki list
Rotation, revocation, what to bring where: docs/operations.md, "An authority of your own".)help";

struct Options {
  std::string folder;
  std::string role;
  std::string name;
  std::string serial;
  std::string to;
  std::string csr;
  std::string valid = "365d";
  std::string format = "table";
  std::vector<std::string> hosts;
  std::vector<std::string> stations;
  bool renew = false;
};

int complain(int code, const std::string& words) {
  std::cerr << "cubby pki: " << words << '\n';
  return code;
}

std::int64_t now_utc_s() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

std::filesystem::path folder_of(const Options& options) {
  return options.folder.empty() ? default_secret_path("pki") : std::filesystem::path(options.folder);
}

bool is_host(const std::string& host) {
  return !host.empty() && host.size() <= kHostLengthMax &&
         host.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.:") ==
             std::string::npos;
}

// Empty, or what of the request makes no sense.
std::string check_request(const Options& options, tls::Role role) {
  if (role == tls::Role::kStation && !tls::is_station_name(options.name)) {
    return "'" + options.name + "' is not a station's name: 1 to 32 of A-Z, 0-9 and '-'";
  }
  if (!tls::is_owner_name(options.name)) {
    return "'" + options.name + "' is not a name: 1 to 64 of A-Z, a-z, 0-9, '-', '_' and '.'";
  }
  if ((role == tls::Role::kConcentrator) == options.stations.empty()) {
    return options.stations.empty() ? "--station: a concentrator needs the stations that it speaks for, e.g. 'SX-TY-*'"
                                    : "--station: only a concentrator speaks for stations";
  }
  for (const std::string& pattern : options.stations) {
    if (!tls::is_station_pattern(pattern)) {
      return "--station: '" + pattern + "' is neither a station's name nor the beginning of one and '*'";
    }
  }
  if ((role == tls::Role::kAggregator) == options.hosts.empty()) {
    return options.hosts.empty() ? "--host: an aggregator needs the address or name under which stations reach it"
                                 : "--host: only an aggregator is reached";
  }
  for (const std::string& host : options.hosts) {
    if (!is_host(host)) {
      return "--host: '" + host + "' is neither an address in digits nor a DNS name";
    }
  }
  if (parse_duration_ms(options.valid).value_or(0) < 1'000) {
    return "--valid: '" + options.valid + "' is less than a second";
  }
  return {};
}

std::unique_ptr<PkiAuthority> open_authority(const Options& options) {
  std::string error;
  auto authority = PkiAuthority::open(folder_of(options), error);
  if (authority == nullptr) {
    complain(kExitFailure, "--pki: " + error);
  }
  return authority;
}

int init(const Options& options) {
  const std::filesystem::path folder = folder_of(options);
  if (const std::string error = PkiAuthority::init(folder, now_utc_s()); !error.empty()) {
    return complain(kExitFailure, "--pki: " + error);
  }
  std::cout << folder.string() << '\n';
  return kExitOk;
}

int issue(const Options& options) {
  const tls::Role role = *tls::role_from(options.role);
  if (const std::string wrong = check_request(options, role); !wrong.empty()) {
    return complain(kExitUsage, wrong);
  }
  const auto authority = open_authority(options);
  if (authority == nullptr) {
    return kExitFailure;
  }
  std::filesystem::path folder;
  const std::string error =
      authority->issue({.identity = {.role = role, .name = options.name, .stations = options.stations},
                        .hosts = options.hosts,
                        .valid_s = static_cast<std::int64_t>(*parse_duration_ms(options.valid) / 1'000),
                        .renew = options.renew,
                        .to = options.to,
                        .csr = options.csr},
                       now_utc_s(), folder);
  if (!error.empty()) {
    return complain(kExitFailure, error);
  }
  std::cout << folder.string() << '\n';
  return kExitOk;
}

int request(const Options& options) {
  if (!tls::is_owner_name(options.name)) {
    return complain(kExitUsage, "'" + options.name + "' is not a name: 1 to 64 of A-Z, a-z, 0-9, '-', '_' and '.'");
  }
  if (const std::string error = make_signing_request(options.name, options.to); !error.empty()) {
    return complain(kExitFailure, error);
  }
  std::cout << (std::filesystem::path(options.to) / "request.pem").string() << '\n';
  return kExitOk;
}

int revoke(const Options& options) {
  const bool by_name = !options.role.empty() && !options.name.empty();
  if (by_name == !options.serial.empty() || (!options.role.empty() && options.name.empty())) {
    return complain(kExitUsage, "revoke needs a role and a name, or --serial");
  }
  const auto authority = open_authority(options);
  if (authority == nullptr) {
    return kExitFailure;
  }
  std::size_t count = 0;
  const std::string error = by_name ? authority->revoke(*tls::role_from(options.role), options.name, now_utc_s(), count)
                                    : authority->revoke_serial(options.serial, now_utc_s(), count);
  if (!error.empty()) {
    return complain(kExitFailure, error);
  }
  std::cerr << "cubby pki: " << count << " revoked; aggregators elsewhere need the new crl.pem\n";
  std::cout << (folder_of(options) / "crl.pem").string() << '\n';
  return kExitOk;
}

const char* state_of(const PkiEntry& entry, std::int64_t now) {
  if (entry.revoked) {
    return "revoked";
  }
  return entry.certificate.expires_utc_s > now ? "valid" : "expired";
}

int list(const Options& options) {
  const auto authority = open_authority(options);
  if (authority == nullptr) {
    return kExitFailure;
  }
  const std::int64_t now = now_utc_s();
  json::array rows;
  for (const PkiEntry& entry : authority->list()) {
    const tls::Certificate& it = entry.certificate;
    const std::string until = format_utc(static_cast<std::uint64_t>(it.expires_utc_s) * 1'000);
    if (options.format == "json") {
      rows.push_back({{"role", to_text(it.identity.role)},
                      {"name", it.identity.name},
                      {"stations", json::value_from(it.identity.stations)},
                      {"serial", it.serial},
                      {"key", aggregator::to_hex(it.key_sha256)},
                      {"expires", until},
                      {"state", state_of(entry, now)}});
      continue;
    }
    std::cout << std::left << std::setw(8) << state_of(entry, now) << ' ' << std::setw(12) << to_text(it.identity.role)
              << ' ' << std::setw(20) << it.identity.name << "  until " << until << "  " << it.serial << "  key "
              << aggregator::to_hex(it.key_sha256).substr(0, aggregator::kCertificateKeyDigitsShown) << '\n';
  }
  if (options.format == "json") {
    std::cout << json::serialize(json::object{{"rows", rows}}) << '\n';
  }
  return kExitOk;
}

CLI::App* add(CLI::App& pki, const char* name, const char* what, Options& options) {
  CLI::App* command = pki.add_subcommand(name, what);
  command->add_option("--pki", options.folder, "Folder of the authority (default: pki in the state folder)");
  return command;
}

void add_issue(CLI::App& pki, const std::shared_ptr<Options>& options, int& exit_code) {
  CLI::App* command = add(pki, "issue", "Makes a key and its certificate, and prints their folder", *options);
  command->add_option("role", options->role, "station, concentrator, aggregator or notifier")
      ->required()
      ->check(CLI::IsMember({"station", "concentrator", "aggregator", "notifier"}));
  command->add_option("name", options->name, "Whose it is; a station's name is the one in its configuration")
      ->required();
  command->add_option("--host", options->hosts, "Aggregator: address or DNS name that stations connect to; may repeat")
      ->expected(1, kHostsMax);
  command
      ->add_option("--station", options->stations,
                   "Concentrator: a station, or 'SX-*' for all that begin so; may repeat")
      ->expected(1, static_cast<int>(tls::kPatternsMax));
  command->add_option("--valid", options->valid, "How long, at most 365d")
      ->check(duration_validator())
      ->capture_default_str();
  command->add_option("--to", options->to, "Folder for the files (default: issued/ROLE/NAME in the authority)");
  command
      ->add_option("--csr", options->csr,
                   "Signing request of `cubby pki request` on the owner's computer, whose key stays there; only\n"
                   "cert.pem and ca.pem are made")
      ->check(CLI::ExistingFile);
  command->add_flag("--renew", options->renew, "Although there is a valid one, which stays valid");
  command->callback([options, &exit_code] { exit_code = issue(*options); });
}

}  // namespace

void add_pki_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* pki = app.add_subcommand("pki", "A private authority: certificates for the uplink's TLS");
  pki->require_subcommand(1);
  pki->footer(kExamples);
  add(*pki, "init", "Makes an authority; its root is valid for ten years", *options)->callback([options, &exit_code] {
    exit_code = init(*options);
  });
  add_issue(*pki, options, exit_code);
  CLI::App* requesting =
      pki->add_subcommand("request", "Makes a key and a request to sign it, where the key will be used");
  requesting->add_option("name", options->name, "Whose it is; a station's name is the one in its configuration")
      ->required();
  requesting->add_option("--to", options->to, "Folder for key.pem and request.pem; made if missing")->required();
  requesting->callback([options, &exit_code] { exit_code = request(*options); });
  CLI::App* revoking = add(*pki, "revoke", "Puts certificates into the revocation list", *options);
  revoking->add_option("role", options->role, "Of the certificates' owner")
      ->check(CLI::IsMember({"station", "concentrator", "aggregator", "notifier"}));
  revoking->add_option("name", options->name, "Of the certificates' owner; all that this one has");
  revoking->add_option("--serial", options->serial, "One certificate only");
  revoking->callback([options, &exit_code] { exit_code = revoke(*options); });
  CLI::App* listing = add(*pki, "list", "All certificates and what has become of them", *options);
  listing->add_option("--format", options->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  listing->callback([options, &exit_code] { exit_code = list(*options); });
}

}  // namespace cubby::tools

#include "tools/cubby/stations_command.h"
#include "tools/aggregator/core/certificate_binding.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "firmware/base/limits.h"
#include "tools/cubby/http_client.h"
#include "tools/cubby/station_list.h"
#include "tools/support/secret_file.h"
#include "tools/support/text.h"

namespace cubby::tools {
namespace {

namespace json = boost::json;

constexpr std::size_t kPageRows = 1'000;
const json::object kNothing;
constexpr std::size_t kImportAtOnce = 500;  // As the interface takes them.
constexpr std::chrono::seconds kTimeout{15};

struct Options {
  std::string http = "127.0.0.1:7480";
  std::string token_file;
  const char* usual_token = "http.token";
  std::string state;
  std::string format = "table";
  std::string station;
  std::vector<std::string> stations;  // Where there may be many.
  std::string journal;
  std::string certificate_key;
  bool withdraw = false;
  std::uint32_t key_version = 0;
  std::vector<std::string> files;
};

constexpr const char* kExamples = R"help(Examples:
  cubby stations list --state quarantined
  cubby-emulator --stations 20 --write-stations stations.jsonl
  cubby stations import stations.jsonl
      lets them in at an aggregator with --enrolment approved
  cubby stations approve SX-TY-0007
  cubby stations release SX-TY-0007
      after the other of the two was taken away; the journal that is known is the true one
  cubby stations rebind SX-TY-0007
      its certificate was renewed with a new key; the old one is refused once that has come)help";

int fail(const std::string& words) {
  std::cerr << "cubby stations: " << words << '\n';
  return kExitFailure;
}

/// The aggregator, and the last thing that went wrong with it.
class Centre {
 public:
  explicit Centre(const Options& options) : name_(options.http), endpoint_(*parse_endpoint(options.http)) {
    const Secret token = client_secret(options.token_file, default_secret_path(options.usual_token));
    token_ = token.text;
    error_ = token.error.empty() ? std::string() : "--token-file: " + token.error;
  }
  const std::string& error() const { return error_; }
  /// False: error() says why.
  bool get(const std::string& target, json::object& body) {
    return take(http_get(endpoint_.host, endpoint_.port, target, token_, kTimeout), body);
  }
  bool post(const std::string& target, const json::object& request, json::object& body) {
    return take(http_post(endpoint_.host, endpoint_.port, target, token_, json::serialize(request), kTimeout), body);
  }

 private:
  bool take(const HttpAnswer& answer, json::object& body) {
    if (!answer.error.empty()) {
      error_ = no_answer(name_, answer);
      return false;
    }
    boost::system::error_code error;
    json::value value = json::parse(answer.body, error);
    if (error || !value.is_object()) {
      error_ = name_ + ": that is not the answer of cubby-aggregator";
      return false;
    }
    body = std::move(value.as_object());
    if (answer.status != 200) {
      const json::value* detail = body.if_contains("detail");
      error_ = detail != nullptr && detail->is_string() ? std::string(detail->as_string())
                                                        : "HTTP status " + std::to_string(answer.status);
    }
    return answer.status == 200;
  }

  std::string name_;
  Endpoint endpoint_;
  std::string token_;
  std::string error_;
};

// Empty where the row has no such member.
std::string cell(const json::object& row, std::string_view name) {
  const json::value* value = row.if_contains(name);
  if (value == nullptr) {
    return {};
  }
  if (value->is_string()) {
    return std::string(value->as_string());
  }
  const bool is_time = name.ends_with("_utc_ms");
  return is_time && value->is_int64() ? format_utc(static_cast<std::uint64_t>(value->as_int64()))
                                      : json::serialize(*value);
}

// Whose certificate, and how its key begins.
std::string certificate_cell(const json::object& row, const std::string& which) {
  std::string text = cell(row, which + "_holder");
  if (const std::string key = cell(row, which + "_key"); !key.empty()) {
    text += " " + key.substr(0, aggregator::kCertificateKeyDigitsShown);
  }
  return text;
}

void write_table(const json::array& rows) {
  constexpr std::array<std::pair<const char*, const char*>, 10> kColumns{{{"station", "station"},
                                                                          {"state", "state"},
                                                                          {"reason", "reason"},
                                                                          {"state_since_utc_ms", "since"},
                                                                          {"high_water", "events"},
                                                                          {"key_version", "key"},
                                                                          {"key_version_min", "least key"},
                                                                          {"other_journal", "other journal"},
                                                                          {"certificate", "certificate"},
                                                                          {"refused", "refused"}}};
  std::vector<std::vector<std::string>> lines(1);
  for (const auto& [name, title] : kColumns) {
    lines.front().emplace_back(title);
  }
  for (const json::value& row : rows) {
    auto& line = lines.emplace_back();
    for (const auto& [name, title] : kColumns) {
      const bool is_certificate = std::string_view(name) == "certificate" || std::string_view(name) == "refused";
      const json::object& members = row.is_object() ? row.as_object() : kNothing;
      line.push_back(is_certificate ? certificate_cell(members, name) : cell(members, name));
    }
  }
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      std::size_t width = 0;
      for (const auto& other : lines) {
        width = std::max(width, other[i].size());
      }
      text += line[i] + std::string(width - line[i].size() + 2, ' ');
    }
    std::cout << text.substr(0, text.find_last_not_of(' ') + 1) << '\n';
  }
}

int list(const Options& options, Centre& centre) {
  json::object whole;
  json::array rows;
  for (bool more = true; more;) {
    const std::string target = "/v1/stations?limit=" + std::to_string(kPageRows) +
                               "&offset=" + std::to_string(rows.size()) +
                               (options.state.empty() ? "" : "&state=" + options.state);
    if (!centre.get(target, whole)) {
      return fail(centre.error());
    }
    const json::value* page = whole.if_contains("rows");
    if (page == nullptr || !page->is_array()) {
      return fail(options.http + ": that is not the answer of cubby-aggregator");
    }
    more = page->as_array().size() == kPageRows;
    rows.insert(rows.end(), page->as_array().begin(), page->as_array().end());
  }
  if (options.format == "json") {
    whole["rows"] = std::move(rows);
    std::cout << json::serialize(whole) << '\n';
  } else {
    write_table(rows);
  }
  std::cout.flush();
  return std::cout ? kExitOk : fail("standard output cannot be written");
}

int import(const Options& options, Centre& centre) {
  StationList list;
  for (const std::string& file : options.files) {
    read_station_list(file, list);
  }
  if (!list.errors.empty()) {
    for (const std::string& error : list.errors) {
      std::cerr << "cubby stations: " << error << '\n';
    }
    return fail("nothing was imported");
  }
  std::int64_t approved = 0;
  for (std::size_t from = 0; from < list.names.size(); from += kImportAtOnce) {
    const std::size_t to = std::min(from + kImportAtOnce, list.names.size());
    json::array names;
    for (std::size_t i = from; i < to; ++i) {
      names.emplace_back(list.names[i]);
    }
    json::object answer;
    if (!centre.post("/v1/stations", {{"stations", std::move(names)}}, answer)) {
      return fail(centre.error() + "; " + std::to_string(from) +
                  " stations are imported, and the whole may be repeated");
    }
    const json::value* changed = answer.if_contains("approved");
    approved += changed != nullptr && changed->is_int64() ? changed->as_int64() : 0;
  }
  std::cout << list.names.size() << " stations, " << approved << " approved by this\n";
  return kExitOk;
}

int decide(const Options& options, Centre& centre, const char* verb) {
  json::object request;
  if (!options.journal.empty()) {
    request["journal"] = options.journal;
  }
  if (options.key_version != 0) {
    request["key_version"] = options.key_version;
  }
  json::object row;
  if (!centre.post("/v1/stations/" + options.station + "/" + verb, request, row)) {
    return fail(options.station + ": " + centre.error());
  }
  std::cout << options.station << " is " << cell(row, "state") << '\n';
  return kExitOk;
}

int rebind(const Options& options, Centre& centre) {
  json::object request;
  if (!options.certificate_key.empty()) {
    request["key"] = options.certificate_key;
  }
  if (options.withdraw) {
    request["withdraw"] = true;
  }
  for (const std::string& station : options.stations) {
    json::object row;
    if (!centre.post("/v1/stations/" + station + "/rebind", request, row)) {
      return fail(station + ": " + centre.error() + "; those before it are done");
    }
    const std::string next = cell(row, "rebind");
    std::cout << station
              << (next.empty()    ? ": no other key is let in"
                  : next == "any" ? ": the next other key is let in"
                                  : ": key " + next + " is let in")
              << '\n';
  }
  return kExitOk;
}

int forget(const Options& options, Centre& centre) {
  json::object answer;
  if (!centre.post("/v1/stations/" + options.station + "/forget", {}, answer)) {
    return fail(options.station + ": " + centre.error());
  }
  std::cout << options.station << " is forgotten\n";
  return kExitOk;
}

using Run = int (*)(const Options& options, Centre& centre);

CLI::App* add_verb(CLI::App& stations, const std::shared_ptr<Options>& options, int& exit_code, const char* name,
                   const char* help, Run run) {
  CLI::App* verb = stations.add_subcommand(name, help);
  verb->add_option("--http", options->http, "the aggregator's HTTP interface")
      ->check(endpoint_validator())
      ->capture_default_str();
  const char* const usual_token = run == forget ? "http.admin.token" : "http.token";
  verb->add_option("--token-file", options->token_file,
                   std::string("file of its token (default: ") + usual_token + " in the state folder)");
  verb->callback([options, run, usual_token, &exit_code] {
    options->usual_token = usual_token;
    Centre centre(*options);
    exit_code = centre.error().empty() ? run(*options, centre) : fail(centre.error());
  });
  return verb;
}

CLI::App* with_station(CLI::App* verb, Options& options) {
  verb->add_option("station", options.station, "e.g. SX-TY-0007")->required()->check(station_validator());
  return verb;
}

std::string check_journal(const std::string& text) {
  const bool good = text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
  return good ? std::string() : "'" + text + "' is not a journal: 32 of 0-9, a-f, as `list` shows it";
}

std::string check_certificate_key(const std::string& text) {
  return aggregator::is_certificate_key(text)
             ? std::string()
             : "'" + text + "' is not a key: 64 of 0-9, a-f, as `cubby pki list --format json` shows it";
}

void add_rebind(CLI::App& stations, const std::shared_ptr<Options>& options, int& exit_code) {
  CLI::App* verb =
      add_verb(stations, options, exit_code, "rebind",
               "Lets another certificate's key speak for stations; once that has come, not the old one", rebind);
  verb->add_option("stations", options->stations, "e.g. SX-TY-0007")->required()->check(station_validator());
  CLI::Option* key = verb->add_option("--key", options->certificate_key, "this one only: SHA-256 of the public key")
                         ->check(CLI::Validator(check_certificate_key, "KEY"));
  verb->add_flag("--withdraw", options->withdraw, "none any more; the one that has come stays")->excludes(key);
}

}  // namespace

void add_stations_command(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* stations = app.add_subcommand("stations", "Says which stations may report, through the aggregator");
  stations->require_subcommand(1);
  stations->footer(kExamples);
  CLI::App* shown = add_verb(*stations, options, exit_code, "list", "Shows where each station stands", list);
  shown->add_option("--state", options->state, "only these")
      ->check(CLI::IsMember({"pending", "approved", "active", "quarantined"}));
  shown->add_option("--format", options->format, "how to print")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  add_verb(*stations, options, exit_code, "import", "Lets the stations of configuration files in before they come",
           import)
      ->add_option(
          "files", options->files,
          "a StationConfig a line, as cubby-emulator --write-stations writes them, or *.toml of cubby-controller")
      ->required();
  with_station(add_verb(*stations, options, exit_code, "approve", "Lets a station in that waits",
                        [](const Options& given, Centre& centre) { return decide(given, centre, "approve"); }),
               *options);
  with_station(add_verb(*stations, options, exit_code, "quarantine", "Keeps a station out and ends its session",
                        [](const Options& given, Centre& centre) { return decide(given, centre, "quarantine"); }),
               *options);
  with_station(add_verb(*stations, options, exit_code, "require-key",
                        "Takes no older keys of a station any more, and ends a session of one",
                        [](const Options& given, Centre& centre) { return decide(given, centre, "require-key"); }),
               *options)
      ->add_option("--version", options->key_version, "the oldest that is taken, 1 to 65535")
      ->required()
      ->check(CLI::Range(std::uint32_t{1}, limits::kKeyVersionMax));
  add_rebind(*stations, options, exit_code);
  with_station(add_verb(*stations, options, exit_code, "forget", "Removes a station that has reported nothing", forget),
               *options);
  with_station(add_verb(*stations, options, exit_code, "release", "Ends a quarantine",
                        [](const Options& given, Centre& centre) { return decide(given, centre, "release"); }),
               *options)
      ->add_option("--journal", options->journal, "the true one, if it is not the one that is known")
      ->check(CLI::Validator(check_journal, "JOURNAL"));
}

}  // namespace cubby::tools

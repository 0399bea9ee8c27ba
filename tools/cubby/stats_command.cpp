#include "tools/cubby/stats_command.h"

#include <boost/json.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "tools/cubby/http_client.h"
#include "tools/cubby/statistics_filter.h"
#include "tools/cubby/stats_table.h"
#include "tools/support/command_line.h"
#include "tools/support/secret_file.h"
#include "tools/support/text.h"

namespace cubby::tools {
namespace {

namespace json = boost::json;

constexpr std::size_t kPageRows = 1'000;
constexpr std::chrono::seconds kTimeout{15};

struct Options : StatisticsFilter {
  std::string http = "127.0.0.1:7480";
  std::string token_file;
  std::string format = "table";
};

constexpr const char* kExamples = R"help(Examples:
  cubby stats
      every city, since the store was made
  cubby stats --by compartment --station SX-TY-0007
  cubby stats --by hour --city Taiyuan --from 2025-03-03 --to 2025-03-04 --format csv
  cubby stats --by station --format json | jq '.rows[] | select(.wrong_codes > 5).station')help";

int fail(const std::string& words) {
  std::cerr << "cubby stats: " << words << '\n';
  return kExitFailure;
}

std::string percent_encoded(const std::string& text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
        c == '.') {
      result += c;
    } else {
      result += '%';
      result += kDigits[octet >> 4];
      result += kDigits[octet & 15];
    }
  }
  return result;
}

std::string target_of(const Options& options, std::size_t offset) {
  std::string target = "/v1/stats?by=" + options.by;
  for (const auto& [name, value] :
       {std::pair{"station", &options.station}, std::pair{"city", &options.city}, std::pair{"from", &options.from},
        std::pair{"to", &options.to}, std::pair{"sort", &options.sort}}) {
    if (!value->empty()) {
      target += std::string("&") + name + "=" + percent_encoded(*value);
    }
  }
  return target + "&limit=" + std::to_string(kPageRows) + "&offset=" + std::to_string(offset);
}

// The problem's own words, where the answer is one.
std::string words_of(const HttpAnswer& answer) {
  boost::system::error_code error;
  const json::value body = json::parse(answer.body, error);
  if (!error && body.is_object()) {
    if (const json::value* detail = body.as_object().if_contains("detail"); detail != nullptr && detail->is_string()) {
      return std::string(detail->as_string());
    }
  }
  return "HTTP status " + std::to_string(answer.status);
}

// All pages as one answer. Empty, or what went wrong.
std::string ask(const Options& options, const Endpoint& endpoint, const std::string& token, json::object& whole) {
  json::array rows;
  while (true) {
    const HttpAnswer answer = http_get(endpoint.host, endpoint.port, target_of(options, rows.size()), token, kTimeout);
    if (!answer.error.empty()) {
      return no_answer(options.http, answer);
    }
    if (answer.status != 200) {
      return words_of(answer);
    }
    boost::system::error_code error;
    json::value body = json::parse(answer.body, error);
    if (error || !body.is_object() || !body.as_object().contains("rows") || !body.as_object()["rows"].is_array()) {
      return options.http + ": that is not the answer of cubby-aggregator";
    }
    whole = std::move(body.as_object());
    const json::array page = whole["rows"].as_array();
    rows.insert(rows.end(), page.begin(), page.end());
    if (page.size() < kPageRows) {
      break;
    }
  }
  whole["rows"] = std::move(rows);
  return {};
}

int run(const Options& options) {
  const Secret token = client_secret(options.token_file, default_viewer_token_path());
  if (!token.error.empty()) {
    return fail("--token-file: " + token.error);
  }
  json::object answer;
  if (const std::string wrong = ask(options, *parse_endpoint(options.http), token.text, answer); !wrong.empty()) {
    return fail(wrong);
  }
  if (options.format == "json") {
    std::cout << json::serialize(answer) << '\n';
  } else if (options.format == "csv") {
    write_csv(std::cout, answer);
  } else {
    write_table(std::cout, answer);
  }
  std::cout.flush();
  return std::cout ? kExitOk : fail("standard output cannot be written");
}

}  // namespace

void add_stats_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* stats = app.add_subcommand("stats", "Shows what compartments, stations and cities did");
  stats->footer(kExamples);
  stats->option_defaults()->always_capture_default();
  add_statistics_filter(*stats, *options);
  stats->add_option("--format", options->format, "how to print")->check(CLI::IsMember({"table", "json", "csv"}));
  stats->add_option("--http", options->http, "the aggregator's HTTP interface")->check(endpoint_validator());
  stats->add_option("--token-file", options->token_file,
                    "file of its token (default: http.viewer.token in the state folder)");
  stats->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace cubby::tools

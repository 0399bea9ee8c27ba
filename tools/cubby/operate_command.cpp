#include "tools/cubby/operate_command.h"

#include <boost/json.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "firmware/base/limits.h"
#include "tools/cubby/http_client.h"
#include "tools/cubby/rules_options.h"
#include "tools/support/command_line.h"
#include "tools/support/secret_file.h"
#include "tools/support/text.h"

namespace cubby::tools {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kTimeout{15};
constexpr std::chrono::milliseconds kAskAgain{200};

struct Options {
  std::string http = "127.0.0.1:7480";
  std::string token_file;
  std::string station;
  std::string action;
  std::uint32_t door = 0;
  std::uint32_t hours = 0;
  std::string inside;
  std::uint32_t serial = 0;
  std::uint64_t expiry_utc_s = 0;
  std::string size;
  std::string carrier;
  std::string parcel;
  std::string reserve_for;
  bool low_door = false;
  RulesOptions rules;
  std::uint32_t life_s = 30;
};

int fail(const std::string& words) {
  std::cerr << "cubby operate: " << words << '\n';
  return kExitFailure;
}

json::object order_of(const Options& options) {
  json::object order{{"action", options.action}, {"life_s", options.life_s}};
  if (options.door != 0) {
    order["compartment"] = options.door;
  }
  if (options.hours != 0) {
    order["hours"] = options.hours;
  }
  if (!options.inside.empty()) {
    order["inside"] = options.inside == "yes";
  }
  if (options.serial != 0) {
    order["serial"] = options.serial;
    order["expiry_utc_s"] = options.expiry_utc_s;
  }
  if (!options.size.empty()) {
    order["size"] = options.size;
    order["carrier"] = options.carrier;
    order["ttl_s"] = *parse_duration_ms(options.reserve_for) / 1'000;
    if (!options.parcel.empty()) {
      order["parcel"] = options.parcel;
    }
    if (options.low_door) {
      order["low_door"] = true;
    }
  }
  return order;
}

std::string text_member(const json::value& body, const char* name) {
  const json::value* member = body.is_object() ? body.as_object().if_contains(name) : nullptr;
  return member != nullptr && member->is_string() ? std::string(member->as_string()) : std::string();
}

/// Where the station is asked, and with what.
struct Centre {
  Endpoint endpoint;
  std::string station;  // Its path.
  std::string token;
};

/// What an answer that is none says.
std::string refusal_of(const HttpAnswer& answer, const json::value& body) {
  const std::string detail = text_member(body, "detail");
  return detail.empty() ? "HTTP status " + std::to_string(answer.status) : detail;
}

/// Sends it, then asks until the station has answered or the order is dead.
int send(const Options& options, const Centre& centre, const json::object& order) {
  const std::string target = centre.station + "/commands";
  const auto& [host, port] = centre.endpoint;
  HttpAnswer answer = http_post(host, port, target, centre.token, json::serialize(order), kTimeout);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(options.life_s) + kTimeout;
  std::string id;
  while (true) {
    if (!answer.error.empty()) {
      return fail(no_answer(options.http, answer));
    }
    boost::system::error_code error;
    const json::value body = json::parse(answer.body, error);
    if (answer.status != 200 && answer.status != 202) {
      return fail(refusal_of(answer, body));
    }
    const std::string state = text_member(body, "state");
    id = id.empty() ? text_member(body, "id") : id;
    if (state == "done") {
      const json::value* door = body.as_object().if_contains("compartment");
      std::cout << "done" << (door == nullptr ? "" : ": compartment " + json::serialize(*door)) << '\n';
      return kExitOk;
    }
    if (state.empty() || id.empty()) {
      return fail(options.http + ": that is not the answer of cubby-aggregator");
    }
    if (state != "sent") {
      const std::string reason = text_member(body, "reason");
      return fail("the station says: " + state + (reason.empty() ? "" : ", " + reason));
    }
    if (std::chrono::steady_clock::now() > until) {
      return fail("the station has not answered; order " + id);
    }
    std::this_thread::sleep_for(kAskAgain);
    answer = http_get(host, port, target + "/" + id, centre.token, kTimeout);
  }
}

/// Fills in what the options leave out from the rules in force, and says which these were, so that nobody's change in
/// the meantime is lost.
int configure(const Options& options, const Centre& centre) {
  const HttpAnswer answer =
      http_get(centre.endpoint.host, centre.endpoint.port, centre.station, centre.token, kTimeout);
  if (!answer.error.empty()) {
    return fail(no_answer(options.http, answer));
  }
  boost::system::error_code error;
  const json::value body = json::parse(answer.body, error);
  if (answer.status != 200) {
    return fail(refusal_of(answer, body));
  }
  const json::value* rules = body.is_object() ? body.as_object().if_contains("rules") : nullptr;
  const json::value* version = body.is_object() ? body.as_object().if_contains("config_version") : nullptr;
  if (rules == nullptr || !rules->is_object() || version == nullptr) {
    return fail("the station has not told its configuration yet");
  }
  if (!changes_something(options.rules)) {
    std::cout << json::serialize(*rules) << '\n';
    return kExitOk;
  }
  json::object order = order_of(options);
  order["base_version"] = *version;
  order["rules"] = changed_rules(options.rules, rules->as_object());
  return send(options, centre, order);
}

/// Stops all orders, lets them go on, or only asks.
int turn_switch(const Options& options) {
  const std::filesystem::path usual = options.action == "allow"  ? default_secret_path("http.admin.token")
                                      : options.action == "stop" ? default_secret_path("http.token")
                                                                 : default_viewer_token_path();
  const Secret token = client_secret(options.token_file, usual);
  if (!token.error.empty()) {
    return fail("--token-file: " + token.error);
  }
  const Endpoint endpoint = *parse_endpoint(options.http);
  const HttpAnswer answer =
      options.action == "state"
          ? http_get(endpoint.host, endpoint.port, "/v1/orders", token.text, kTimeout)
          : http_post(endpoint.host, endpoint.port, "/v1/orders/" + options.action, token.text, "", kTimeout);
  if (!answer.error.empty()) {
    return fail(no_answer(options.http, answer));
  }
  boost::system::error_code error;
  const json::value body = json::parse(answer.body, error);
  if (answer.status != 200) {
    return fail(refusal_of(answer, body));
  }
  const json::value* stopped = body.is_object() ? body.as_object().if_contains("stopped") : nullptr;
  if (stopped == nullptr || !stopped->is_bool()) {
    return fail(options.http + ": that is not the answer of cubby-aggregator");
  }
  const json::value* since = body.as_object().if_contains("stopped_since_utc_ms");
  if (!stopped->as_bool()) {
    std::cout << "orders are allowed\n";
  } else {
    std::cout << "orders are stopped by " << text_member(body, "stopped_by");
    if (since != nullptr && since->is_int64()) {
      std::cout << " since " << format_utc(static_cast<std::uint64_t>(since->as_int64()));
    }
    std::cout << '\n';
  }
  return kExitOk;
}

int run(const Options& options) {
  const Secret token = client_secret(options.token_file, default_secret_path("http.token"));
  if (!token.error.empty()) {
    return fail("--token-file: " + token.error);
  }
  const Centre centre{*parse_endpoint(options.http), "/v1/stations/" + options.station, token.text};
  return options.action == "configure" ? configure(options, centre) : send(options, centre, order_of(options));
}

CLI::App* add_verb(CLI::App& operate, const std::shared_ptr<Options>& options, int& exit_code, const char* name,
                   const char* action, const char* help) {
  CLI::App* verb = operate.add_subcommand(name, help);
  verb->add_option("--station", options->station, "e.g. SX-TY-0007")->required()->check(station_validator());
  verb->add_option("--life", options->life_s, "the order is dead after so many seconds")
      ->check(integer_range(1, limits::kOpenCommandLifeMs / 1'000))
      ->capture_default_str();
  verb->add_option("--http", options->http, "the aggregator's HTTP interface")
      ->check(endpoint_validator())
      ->capture_default_str();
  verb->add_option("--token-file", options->token_file, "file of its token (default: http.token in the state folder)");
  verb->callback([options, action, &exit_code] {
    options->action = action;
    exit_code = run(*options);
  });
  return verb;
}

void add_switch(CLI::App& operate, const std::shared_ptr<Options>& options, int& exit_code, const char* action,
                const char* token_name, const char* help) {
  CLI::App* verb = operate.add_subcommand(action, help);
  verb->add_option("--http", options->http, "the aggregator's HTTP interface")
      ->check(endpoint_validator())
      ->capture_default_str();
  verb->add_option("--token-file", options->token_file,
                   std::string("file of its token (default: ") + token_name + " in the state folder)");
  verb->callback([options, action, &exit_code] {
    options->action = action;
    exit_code = turn_switch(*options);
  });
}

CLI::App* with_door(CLI::App* verb, const std::shared_ptr<Options>& options) {
  verb->add_option("--door", options->door, "Compartment number")
      ->required()
      ->check(integer_range(1, limits::kCompartmentsMax));
  return verb;
}

void add_reserve(CLI::App* verb, Options& options) {
  verb->add_option("--size", options.size, "a larger one serves as well, as for a deposit")
      ->required()
      ->check(CLI::IsMember({"S", "M", "L", "XL"}));
  verb->add_option("--carrier", options.carrier, "the brand")->required()->check(carrier_validator());
  verb->add_option("--parcel", options.parcel, "number of the parcel it is for (default: any of the brand's)");
  verb->add_option("--for", options.reserve_for, "how long, 1m to 24h of the station's powered time")
      ->required()
      ->check(duration_validator());
  verb->add_flag("--low-door", options.low_door, "within reach from a wheelchair");
  verb->footer("Example: cubby operate reserve --station SX-TY-0007 --size M --carrier sf --for 2h");
}

}  // namespace

void add_operate_command(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* operate = app.add_subcommand(
      "operate", "Gives one station an operator's order, through the aggregator; or stops all orders");
  operate->require_subcommand(1);
  const auto verb = [&](const char* name, const char* action, const char* help) {
    return add_verb(*operate, options, exit_code, name, action, help);
  };
  with_door(verb("open", "open", "Opens one door; a parcel inside is in doubt until it is settled"), options)
      ->footer("Example: cubby operate open --station SX-TY-0007 --door 12");
  with_door(verb("settle", "settle", "Says what is inside a disputed compartment"), options)
      ->add_option("--inside", options->inside, "yes: the parcel is there; no: it is empty")
      ->required()
      ->check(CLI::IsMember({"yes", "no"}));
  with_door(verb("block", "block", "Takes an empty compartment out of service"), options);
  with_door(verb("unblock", "unblock", "Puts it back"), options);
  add_reserve(verb("reserve", "reserve", "Keeps a vacant compartment for a brand, or for one of its parcels"),
              *options);
  with_door(verb("release", "release", "Ends a reservation"), options);
  with_door(verb("expire", "expire", "Ends the retention period: the code is dead, the courier recalls"), options);
  with_door(verb("extend", "extend", "Makes the retention period longer"), options)
      ->add_option("--hours", options->hours, "by so much; 720 in all")
      ->required()
      ->check(integer_range(1, limits::kExtraHoursMax));
  with_door(verb("reissue", "reissue", "Gives the parcel inside a new code"), options);
  CLI::App* revoke = verb("revoke-pass", "revoke_pass", "Makes the station refuse a pass");
  revoke->add_option("--serial", options->serial, "number of the pass")
      ->required()
      ->check(integer_range(1, UINT32_MAX));
  revoke->add_option("--expiry", options->expiry_utc_s, "when it would have expired, in UTC seconds since 1970")
      ->required()
      ->check(integer_range(1, std::uint64_t{1} << 40));
  verb("release-keypad", "release_keypad", "Ends the lock-out after wrong codes");
  add_rules_options(*verb("configure", "configure", "Changes the station's rules, at once and for good"),
                    options->rules);
  add_switch(*operate, options, exit_code, "stop", "http.token",
             "Stops all orders to all stations, until they are allowed again");
  add_switch(*operate, options, exit_code, "allow", "http.admin.token", "Lets orders go out again");
  add_switch(*operate, options, exit_code, "state", "http.viewer.token",
             "Says whether orders are stopped, by whom and since when");
}

}  // namespace cubby::tools

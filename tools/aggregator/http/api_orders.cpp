// Operators' orders: what they are let do, and the switch that stops them all.
#include <spdlog/spdlog.h>
#include <sys/random.h>

#include <array>
#include <boost/json.hpp>
#include <span>

#include "firmware/base/bytes.h"
#include "firmware/base/names.h"
#include "tools/aggregator/core/hex.h"
#include "tools/aggregator/http/api.h"
#include "tools/aggregator/http/rules_request.h"

namespace cubby::aggregator {
namespace {

namespace json = boost::json;

constexpr std::size_t kCommandIdSize = 16;
constexpr std::uint32_t kRefusalsLogged = 10;  // A second.

// What stands in a request's path goes into the log only if it looks like a station's name.
std::string_view loggable(std::string_view name) {
  return is_station_name(name) ? name : "(no station's name)";
}

std::string code_of(const ApiResponse& answer) {
  boost::system::error_code error;
  const json::value body = json::parse(answer.body, error);
  const char* const name = answer.status == 202 ? "id" : "code";
  const json::value* value = body.is_object() ? body.as_object().if_contains(name) : nullptr;
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

}  // namespace

json::object to_json(const OrderSwitch::State& state) {
  json::object object{{"stopped", state.stopped}};
  if (state.stopped) {
    object["stopped_by"] = state.by == Role::kNobody ? "hand" : to_text(state.by);
  }
  if (state.since_utc_ms != 0) {
    object["stopped_since_utc_ms"] = state.since_utc_ms;
  }
  return object;
}

ApiResponse Api::orders() const {
  json::object body = to_json(switch_.state());
  body["open_per_station"] = open_limits_.rates().station_a_minute;
  body["open_per_fleet"] = open_limits_.rates().fleet_a_minute;
  return ok(body);
}

ApiResponse Api::stop_orders(Role role, const ApiRequest& request) {
  if (!request.body.empty()) {
    return problem(400, "bad_command", "this takes no body");
  }
  const std::string error = switch_.stop(role, request.utc_ms);
  counters_.orders_stopped = true;
  spdlog::warn("orders are stopped by {}", to_text(role));
  if (!error.empty()) {
    spdlog::error("that orders are stopped is lost when the aggregator ends: {}", error);
    return problem(503, "not_durable", "orders are stopped, but only until the aggregator ends; see its log");
  }
  return orders();
}

ApiResponse Api::allow_orders(Role role, const ApiRequest& request) {
  if (!request.body.empty()) {
    return problem(400, "bad_command", "this takes no body");
  }
  if (const std::string error = switch_.allow(); !error.empty()) {
    spdlog::error("orders stay stopped: {}", error);
    return problem(503, "not_durable", "orders stay stopped; see the aggregator's log");
  }
  counters_.orders_stopped = false;
  spdlog::warn("orders are allowed by {}", to_text(role));
  return orders();
}

void Api::audit(const std::string& station, Role role, const Order& order, const ApiResponse& answer,
                std::uint64_t now_ms) {
  const std::string compartment =
      order.compartment == 0 ? std::string() : " compartment " + std::to_string(order.compartment);
  if (answer.status == 202) {
    ++counters_.orders_sent;
    spdlog::info("order {}: {} at {}{} by {}", code_of(answer), order.action, station, compartment, to_text(role));
    return;
  }
  ++counters_.orders_refused;
  if (refusals_second_ != now_ms / 1'000) {
    refusals_second_ = now_ms / 1'000;
    refusals_logged_ = 0;
  }
  if (refusals_logged_++ < kRefusalsLogged) {
    spdlog::warn("order refused, {}: {} at {}{} by {}", code_of(answer), order.action, loggable(station), compartment,
                 to_text(role));
  }
}

ApiResponse Api::order(const std::string& station, Role role, const ApiRequest& request) {
  Order order;
  if (const std::string wrong = read_order(request.body, order); !wrong.empty()) {
    return problem(400, "bad_command", wrong);
  }
  ApiResponse answer = send_order(station, order, request.now_ms);
  audit(station, role, order, answer, request.now_ms);
  return answer;
}

ApiResponse Api::send_order(const std::string& station, Order& order, std::uint64_t now_ms) {
  if (switch_.state().stopped) {
    return problem(409, "orders_stopped", "all orders are stopped; cubby operate allow lets them go out again");
  }
  v1::Command& command = order.command;
  if (command.has_open_door()) {
    if (const OpenLimits::Verdict verdict = open_limits_.judge(station, now_ms); verdict.wait_ms != 0) {
      const std::uint64_t wait_s = (verdict.wait_ms + 999) / 1'000;
      ApiResponse answer = problem(429, "too_many_openings",
                                   std::string("doors are opened too often from afar, ") +
                                       (verdict.by_fleet ? "in the fleet" : "at this station") + "; try again in " +
                                       std::to_string(wait_s) + " s");
      answer.retry_after_s = wait_s;
      return answer;
    }
  }
  if (command.has_configure()) {
    if (auto error = complete_rules(station, order)) {
      return *std::move(error);
    }
  }
  std::array<std::byte, kCommandIdSize> id{};
  if (getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) {
    return problem(503, "no_randomness", "the system gives no random bytes");
  }
  command.set_id(id.data(), id.size());
  // First, so that no answer comes too early.
  book_.sent(command.id(), {.station = station});
  switch (sink_.send(station, command, order.life_ms)) {
    case CommandSink::Sent::kSent:
      break;
    case CommandSink::Sent::kUnknownStation:
      return problem(404, "unknown_station", "no such station has reported");
    case CommandSink::Sent::kOffline:
      return problem(409, "offline", "the station is not connected now");
    case CommandSink::Sent::kNotLive:
      return problem(501, "not_supported",
                     "the station's emulator runs at full speed; it takes orders in real time (--speed 1 to 1000)");
    case CommandSink::Sent::kTakesNone:
      return problem(501, "not_supported", "the station takes no orders: its Hello says so");
    case CommandSink::Sent::kBusy:
      return problem(503, "busy", "the station's connection cannot be reached now");
  }
  if (command.has_open_door()) {
    open_limits_.sent(station, now_ms);
  }
  ApiResponse answer = ok({{"id", to_hex(Bytes(id))}, {"state", "sent"}});
  answer.status = 202;
  return answer;
}

std::optional<ApiResponse> Api::complete_rules(const std::string& station, Order& order) {
  StationInfo info;
  const ReadStatus status = reader_.station(station, info);
  if (status == ReadStatus::kUnknownStation) {
    return problem(404, "unknown_station", "no such station has reported");
  }
  v1::StationConfig config;
  if (status != ReadStatus::kOk || !config.ParseFromString(info.config)) {
    return problem(503, "store_unavailable", "the store cannot be read now");
  }
  if (config.version() == 0) {
    return problem(409, "unknown_rules", "the station has not told its configuration yet");
  }
  if (order.base_version != 0 && order.base_version != config.version()) {
    return problem(409, "stale_version", "the configuration in force has version " + std::to_string(config.version()));
  }
  v1::StationRules& rules = *order.command.mutable_configure()->mutable_rules();
  rules = rules_of(config);
  if (const std::string wrong = change_rules(order.rules, rules); !wrong.empty()) {
    return problem(400, "bad_command", wrong);
  }
  rules.set_version(config.version() + 1);
  return std::nullopt;
}

ApiResponse Api::order_state(const std::string& station, std::string_view id_text) const {
  std::string id(kCommandIdSize, '\0');
  const auto state = from_hex(id_text, std::as_writable_bytes(std::span(id))) ? book_.find(id) : std::nullopt;
  if (!state || state->station != station) {
    return problem(404, "unknown_command", "no such order since the aggregator started");
  }
  json::object body{{"id", id_text}};
  body["state"] = state->answered ? to_words(state->outcome) : std::string_view("sent");
  if (state->outcome == v1::COMMAND_OUTCOME_REFUSED) {
    body["reason"] = to_words(state->refusal);
  }
  if (state->compartment != 0) {
    body["compartment"] = state->compartment;
  }
  return ok(body);
}

}  // namespace cubby::aggregator

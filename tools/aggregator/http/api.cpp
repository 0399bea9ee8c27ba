#include "tools/aggregator/http/api.h"

#include <algorithm>
#include <boost/json.hpp>
#include <limits>

#include "tools/aggregator/http/openapi_document.h"
#include "tools/aggregator/http/query.h"
#include "tools/aggregator/http/rules_request.h"

namespace cubby::aggregator {

boost::json::object to_json(const StatisticsRow& row, const StatisticsAnswer& answer,
                            const boost::json::storage_ptr& memory) {
  boost::json::object object(memory);
  object.reserve(row.labels.size() + figure_names().size());
  for (const auto& [name, value] : row.labels) {
    object[name] = value;
  }
  const auto names = figure_names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Figure figure = figure_of(row, answer.has, i);
    if (const auto* whole = std::get_if<std::int64_t>(&figure)) {
      object[names[i]] = *whole;
    } else if (const auto* real = std::get_if<double>(&figure)) {
      object[names[i]] = *real;
    }
  }
  return object;
}

namespace {

namespace json = boost::json;

std::string_view title_of(unsigned status) {
  switch (status) {
    case 400:
      return "Bad request";
    case 401:
      return "Unauthorised";
    case 403:
      return "Forbidden";
    case 404:
      return "Not found";
    case 405:
      return "Method not allowed";
    case 409:
      return "Conflict";
    case 408:
      return "Request timed out";
    case 413:
      return "Body too large";
    case 429:
      return "Too many requests";
    case 431:
      return "Header too large";
    case 501:
      return "Not supported";
    case 503:
      return "Unavailable";
    default:
      return "Error";
  }
}

// Null: taken. Else what is wrong with it.
const char* take_parameter(const std::string& name, const std::string& value, StatisticsQuery& query) {
  if (name == "by") {
    const auto by = group_by_from_text(value);
    query.by = by.value_or(query.by);
    return by ? nullptr : "by must be one of city, station, compartment, brand, size, hour, day";
  }
  if (name == "station" || name == "city") {
    (name == "station" ? query.station : query.city) = value;
    return value.empty() || value.size() > 64 ? "station and city are names of 1 to 64 bytes" : nullptr;
  }
  if (name == "from" || name == "to") {
    const auto day = day_from_text(value);
    (name == "from" ? query.from_day : query.to_day) = day;
    return day ? nullptr : "from and to are local dates like 2026-03-01; to is the day after the last";
  }
  if (name == "sort") {
    return value.empty() || !parse_sort(value, query)
               ? "sort is the name of a column, with :asc or :desc behind it if wanted"
               : nullptr;
  }
  if (name == "limit") {
    const auto limit = number_from(value, 1, Api::kPageMax);
    query.limit = limit.value_or(query.limit);
    return limit ? nullptr : "limit must be 1..1000";
  }
  if (name == "offset") {
    const auto offset = number_from(value, 0, 100'000'000);
    query.offset = offset.value_or(0);
    return offset ? nullptr : "offset must be 0..100000000";
  }
  return "unknown parameter";  // The route's list and this function disagree.
}

// Empty, or what is wrong with the names.
std::string check_names(const Route& route, const QueryParameters& parameters) {
  for (const auto& [name, value] : parameters) {
    if (std::find(route.parameters.begin(), route.parameters.end(), name) != route.parameters.end()) {
      continue;
    }
    std::string words = "unknown parameter; ";
    for (const std::string_view known : route.parameters) {
      words += (known == route.parameters.front() ? "known are " : ", ") + std::string(known);
    }
    return words + (route.parameters.empty() ? "this route takes none" : "");
  }
  return {};
}

std::string paths_in_words() {
  std::string words = "routes: ";
  std::string_view last;
  for (const Route& route : routes()) {
    words += (last.empty() ? "" : ", ") + std::string(route.path);
    last = route.path;
  }
  return words;
}

}  // namespace

ApiResponse Api::problem(unsigned status, std::string_view code, std::string_view detail, std::string_view allow) {
  json::object body;
  body["type"] = "about:blank";
  body["title"] = title_of(status);
  body["status"] = status;
  body["code"] = code;
  body["detail"] = detail;
  return {.status = status,
          .content_type = "application/problem+json",
          .body = json::serialize(body) + "\n",
          .allow = status == 405 ? std::string(allow) : std::string()};
}

ApiResponse Api::ok(const json::object& body) {
  return {.status = 200, .content_type = "application/json", .body = json::serialize(body) + "\n"};
}

ApiResponse Api::answer(const ApiRequest& request) {
  const std::size_t mark = std::min(request.target.find('?'), request.target.size());
  const std::string_view path = request.target.substr(0, mark);
  const std::string_view query = request.target.substr(std::min(mark + 1, request.target.size()));
  if (!path.starts_with('/')) {
    return problem(400, "bad_target", "the target must begin with /");
  }
  const RouteMatch match = match_route(request.method, path);
  const bool open = match.route != nullptr && match.route->least == Role::kNobody;
  const Role role = tokens_.role_of(request.authorization);
  if (!open && role == Role::kNobody) {
    return problem(401, "unauthorised", "send the token as: Authorization: Bearer TOKEN");
  }
  if (match.route == nullptr) {
    return match.allow.empty() ? problem(404, "no_such_route", paths_in_words())
                               : problem(405, "method_not_allowed", "only " + match.allow, match.allow);
  }
  if (!may(role, match.route->least)) {
    return problem(403, "forbidden",
                   "the token's role is " + std::string(to_text(role)) + ", this wants " +
                       std::string(to_text(match.route->least)));
  }
  if (open) {
    return health();  // Whatever a balancer appends.
  }
  const auto parameters = parse_query(query);
  if (!parameters) {
    return problem(400, "bad_query", "the query does not parse, or names a parameter twice");
  }
  if (const std::string wrong = check_names(*match.route, *parameters); !wrong.empty()) {
    return problem(400, "bad_parameter", wrong);
  }
  return dispatch(request, role, match, *parameters);
}

ApiResponse Api::dispatch(const ApiRequest& request, Role role, const RouteMatch& match,
                          const QueryParameters& parameters) {
  std::string name;
  if (!match.parts.empty()) {
    const auto decoded = percent_decoded(match.parts.front());
    if (!decoded || decoded->empty() || decoded->size() > 64) {
      return problem(400, "bad_name", "a station's name has 1 to 64 bytes");
    }
    name = *decoded;
  }
  switch (match.route->id) {
    case RouteId::kHealth:
      return health();
    case RouteId::kMetrics:
      return {.status = 200,
              .content_type = "text/plain; version=0.0.4; charset=utf-8",
              .body = metrics_text(status_, counters_)};
    case RouteId::kOpenApi:
      return {.status = 200, .content_type = "application/json", .body = std::string(kOpenApiDocument)};
    case RouteId::kStatus:
      return status();
    case RouteId::kStations:
      return stations(parameters);
    case RouteId::kImport:
      return import(request.body);
    case RouteId::kStation:
      return station(name);
    case RouteId::kApprove:
      return decide(StationDecision::Kind::kApprove, name, request.body);
    case RouteId::kQuarantine:
      return decide(StationDecision::Kind::kQuarantine, name, request.body);
    case RouteId::kRelease:
      return decide(StationDecision::Kind::kRelease, name, request.body);
    case RouteId::kRequireKey:
      return decide(StationDecision::Kind::kRequireKey, name, request.body);
    case RouteId::kRebind:
      return decide(StationDecision::Kind::kRebind, name, request.body);
    case RouteId::kForget:
      return decide(StationDecision::Kind::kForget, name, request.body);
    case RouteId::kStatistics:
      return statistics(parameters);
    case RouteId::kEvents:
      return events(parameters, false, {});
    case RouteId::kEventStream:
      return events(parameters, true, request.last_event_id);
    case RouteId::kOrder:
      return order(name, role, request);
    case RouteId::kOrderState:
      return order_state(name, match.parts.back());
    case RouteId::kOrders:
      return orders();
    case RouteId::kOrdersStop:
      return stop_orders(role, request);
    case RouteId::kOrdersAllow:
      return allow_orders(role, request);
  }
  return problem(404, "no_such_route", paths_in_words());
}

ApiResponse Api::health() const {
  if (!status_.store_ok) {
    return problem(503, "store_unavailable", "the store cannot commit now");
  }
  return ok({{"status", "ok"}});
}

ApiResponse Api::status() {
  std::int64_t gaps = 0;
  std::uint64_t watermark = 0;
  if (!reader_.totals(gaps, watermark)) {
    return problem(503, "store_unavailable", "the store cannot be read now");
  }
  json::object body;
  body["watermark_utc_ms"] = watermark;
  body["complete"] = gaps == 0;
  body["gaps_stored"] = gaps;
  body["store_ok"] = status_.store_ok.load();
  body["started_utc_ms"] = status_.started_utc_ms.load();
  body["connections"] = status_.connections.load();
  body["sessions"] = status_.sessions.load();
  body["events"] = status_.events.load();
  body["batches"] = status_.batches.load();
  body["duplicate_batches"] = status_.duplicates.load();
  body["commits"] = status_.commits.load();
  body["refusals"] = status_.refusals.load();
  body["conflicts"] = status_.conflicts.load();
  body["forgotten_acks"] = status_.forgotten_acks.load();
  body["pauses"] = status_.pauses.load();
  json::object refused;
  for (std::size_t i = 0; i < kConnectionRefusals; ++i) {
    refused[to_text(static_cast<ConnectionRefusal>(i))] = status_.refused_connections[i].load();
  }
  body["refused_connections"] = std::move(refused);
  body["orders"] = to_json(switch_.state());
  if (const std::int64_t expires_s = status_.certificate_expires_utc_s; expires_s != 0) {
    body["certificate_expires_utc_ms"] = expires_s * 1'000;
  }
  return ok(body);
}

ApiResponse Api::statistics(const QueryParameters& parameters) {
  StatisticsQuery query;
  for (const auto& [name, value] : parameters) {
    if (const char* wrong = take_parameter(name, value, query)) {
      return problem(400, "bad_parameter", wrong);
    }
  }
  if (query.from_day && query.to_day && *query.from_day >= *query.to_day) {
    return problem(400, "bad_parameter", "from must be before to");
  }
  const StatisticsAnswer answer = reader_.statistics(query);
  switch (answer.status) {
    case ReadStatus::kOk:
      break;
    case ReadStatus::kUnknownStation:
      return problem(404, "unknown_station", answer.detail);
    case ReadStatus::kUnknownCity:
      return problem(404, "unknown_city", answer.detail);
    case ReadStatus::kNoSuchColumn:
      return problem(400, "bad_parameter", answer.detail);
    case ReadStatus::kNotSupported:
      return problem(501, "not_supported", "not supported: " + answer.detail);
    case ReadStatus::kFailed:
      return problem(503, "store_unavailable", "the store cannot be read now");
  }
  json::monotonic_resource memory;  // A page has 50,000 values, and all of them end together.
  json::array rows(&memory);
  rows.reserve(answer.rows.size());
  for (const StatisticsRow& row : answer.rows) {
    rows.push_back(to_json(row, answer, &memory));
  }
  json::object body(&memory);
  body["watermark_utc_ms"] = answer.watermark_utc_ms;
  body["complete"] = answer.complete;
  body["gaps"] = answer.gaps;
  body["opaque_events"] = answer.opaque_events;
  body["unplaced"] = answer.unplaced;
  if (answer.kept_from_day.has_value()) {
    body["kept_from"] = day_text(*answer.kept_from_day);
  }
  body["total"] = answer.total;
  body["rows"] = std::move(rows);
  return ok(body);
}

}  // namespace cubby::aggregator

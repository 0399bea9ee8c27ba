#include "tools/aggregator/http/routes.h"

#include <algorithm>
#include <array>

namespace cubby::aggregator {
namespace {

constexpr auto kStationsParameters = std::to_array<std::string_view>({"state", "limit", "offset"});
constexpr auto kStatisticsParameters =
    std::to_array<std::string_view>({"by", "station", "city", "from", "to", "sort", "limit", "offset"});
constexpr auto kEventParameters = std::to_array<std::string_view>({"station", "after", "limit"});
constexpr auto kStreamParameters = std::to_array<std::string_view>({"station", "after"});

constexpr auto kRoutes = std::to_array<Route>({
    {.id = RouteId::kHealth, .method = "GET", .path = "/health", .parameters = {}, .least = Role::kNobody},
    {.id = RouteId::kMetrics, .method = "GET", .path = "/metrics", .parameters = {}, .least = Role::kViewer},
    {.id = RouteId::kOpenApi, .method = "GET", .path = "/v1/openapi.json", .parameters = {}, .least = Role::kViewer},
    {.id = RouteId::kStatus, .method = "GET", .path = "/v1/status", .parameters = {}, .least = Role::kViewer},
    {.id = RouteId::kStations,
     .method = "GET",
     .path = "/v1/stations",
     .parameters = kStationsParameters,
     .least = Role::kViewer},
    {.id = RouteId::kImport, .method = "POST", .path = "/v1/stations", .parameters = {}, .least = Role::kOperator},
    {.id = RouteId::kStation,
     .method = "GET",
     .path = "/v1/stations/{station}",
     .parameters = {},
     .least = Role::kViewer},
    {.id = RouteId::kApprove,
     .method = "POST",
     .path = "/v1/stations/{station}/approve",
     .parameters = {},
     .least = Role::kOperator},
    {.id = RouteId::kQuarantine,
     .method = "POST",
     .path = "/v1/stations/{station}/quarantine",
     .parameters = {},
     .least = Role::kOperator},
    {.id = RouteId::kRelease,
     .method = "POST",
     .path = "/v1/stations/{station}/release",
     .parameters = {},
     .least = Role::kOperator},
    {.id = RouteId::kRequireKey,
     .method = "POST",
     .path = "/v1/stations/{station}/require-key",
     .parameters = {},
     .least = Role::kOperator},
    {.id = RouteId::kRebind,
     .method = "POST",
     .path = "/v1/stations/{station}/rebind",
     .parameters = {},
     .least = Role::kOperator},
    {.id = RouteId::kForget,
     .method = "POST",
     .path = "/v1/stations/{station}/forget",
     .parameters = {},
     .least = Role::kAdmin},
    {.id = RouteId::kStatistics,
     .method = "GET",
     .path = "/v1/stats",
     .parameters = kStatisticsParameters,
     .least = Role::kViewer},
    {.id = RouteId::kEvents,
     .method = "GET",
     .path = "/v1/events",
     .parameters = kEventParameters,
     .least = Role::kNotifier},
    {.id = RouteId::kEventStream,
     .method = "GET",
     .path = "/v1/events/stream",
     .parameters = kStreamParameters,
     .least = Role::kNotifier},
    {.id = RouteId::kOrder,
     .method = "POST",
     .path = "/v1/stations/{station}/commands",
     .parameters = {},
     .least = Role::kOperator},
    {.id = RouteId::kOrderState,
     .method = "GET",
     .path = "/v1/stations/{station}/commands/{id}",
     .parameters = {},
     .least = Role::kOperator},
    {.id = RouteId::kOrders, .method = "GET", .path = "/v1/orders", .parameters = {}, .least = Role::kViewer},
    {.id = RouteId::kOrdersStop,
     .method = "POST",
     .path = "/v1/orders/stop",
     .parameters = {},
     .least = Role::kOperator},
    {.id = RouteId::kOrdersAllow,
     .method = "POST",
     .path = "/v1/orders/allow",
     .parameters = {},
     .least = Role::kAdmin},
});

// Takes the first segment off a path that begins with '/'.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

bool fits(std::string_view pattern, std::string_view path, std::vector<std::string_view>& parts) {
  parts.clear();
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = take_segment(pattern);
    const std::string_view given = take_segment(path);
    if (wanted.starts_with('{')) {
      parts.push_back(given);
    } else if (wanted != given) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

}  // namespace

std::span<const Route> routes() {
  return kRoutes;
}

RouteMatch match_route(std::string_view method, std::string_view path) {
  RouteMatch match;
  for (const Route& route : kRoutes) {
    if (!path.starts_with('/') || !fits(route.path, path, match.parts)) {
      continue;
    }
    if (method == route.method || (method == "HEAD" && route.method == "GET")) {
      match.route = &route;
      return match;
    }
    match.allow += (match.allow.empty() ? "" : ", ") + std::string(route.method == "GET" ? "GET, HEAD" : route.method);
  }
  match.parts.clear();
  return match;
}

}  // namespace cubby::aggregator

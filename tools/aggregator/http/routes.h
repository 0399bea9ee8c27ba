#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/aggregator/http/access.h"

namespace cubby::aggregator {

enum class RouteId : std::uint8_t {
  kHealth = 1,
  kMetrics,
  kOpenApi,
  kStatus,
  kStations,
  kImport,
  kStation,
  kApprove,
  kQuarantine,
  kRelease,
  kRequireKey,
  kRebind,
  kForget,
  kStatistics,
  kEvents,
  kEventStream,
  kOrder,
  kOrderState,
  kOrders,
  kOrdersStop,
  kOrdersAllow,
};

/// One thing that can be asked for. docs/spec/openapi.json describes each, and a test compares the two.
struct Route {
  RouteId id;
  std::string_view method;                       // GET stands for HEAD, too.
  std::string_view path;                         // Parts in braces are given by the request.
  std::span<const std::string_view> parameters;  // Of the query.
  Role least = Role::kOperator;                  // Who may, see access.h.
};

std::span<const Route> routes();

struct RouteMatch {
  const Route* route = nullptr;
  std::vector<std::string_view> parts;  // What stands for the path's parts in braces, encoded as it came.
  std::string allow;                    // Without a route: methods that this path has; empty: there is no such path.
};
RouteMatch match_route(std::string_view method, std::string_view path);

}  // namespace cubby::aggregator

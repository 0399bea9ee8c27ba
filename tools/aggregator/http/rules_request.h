#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "cubby/v1/config.pb.h"

namespace cubby::aggregator {

/// The rules of a configuration.
v1::StationRules rules_of(const v1::StationConfig& config);
/// As docs/spec/http.md writes them.
boost::json::object to_json(const v1::StationRules& rules);
/// Changes `rules` as the JSON object says; what it leaves out stays as it is. Empty, or what is wrong, by the
/// member's name; then `rules` is not to be used.
std::string change_rules(std::string_view object, v1::StationRules& rules);

}  // namespace cubby::aggregator

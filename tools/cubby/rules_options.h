#pragma once

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cubby::tools {

/// What `cubby operate configure` shall change of a station's rules.
struct RulesOptions {
  std::string retention;
  std::optional<std::uint32_t> upsizing_steps;
  std::string report_every;
  std::string response_deadline;
  std::optional<std::int32_t> utc_offset_min;
  std::string language;
  std::vector<std::string> brands;  // "sf:share=40,guaranteed=10,retention=96h"
  std::vector<std::string> without_brands;
};

void add_rules_options(CLI::App& verb, RulesOptions& options);
bool changes_something(const RulesOptions& options);

/// "sf:share=40,guaranteed=10,retention=96h" as the HTTP interface wants a brand; nullopt: not of that form.
std::optional<boost::json::object> parse_brand(const std::string& text);
/// The rules that change, for the HTTP interface; `in_force` is what it has said. Brands that are not named stay.
boost::json::object changed_rules(const RulesOptions& options, const boost::json::object& in_force);

}  // namespace cubby::tools

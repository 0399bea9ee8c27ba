#include "tools/cubby/rules_options.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "firmware/base/limits.h"
#include "firmware/base/names.h"
#include "tools/support/command_line.h"
#include "tools/support/text.h"

namespace cubby::tools {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kSecondMs = 1'000;
constexpr std::uint64_t kHourMs = 3'600 * kSecondMs;

std::optional<std::uint64_t> percent_from(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc{} && end == text.data() + text.size() && value >= 1 && value <= 100;
  return good ? std::optional(value) : std::nullopt;
}

/// Whole hours; nullopt: not a duration, or another one.
std::optional<std::uint64_t> hours_from(std::string_view text) {
  const auto ms = parse_duration_ms(text);
  const bool good = ms && *ms % kHourMs == 0 && *ms >= kHourMs && *ms / kHourMs <= limits::kRetentionHoursMax;
  return good ? std::optional(*ms / kHourMs) : std::nullopt;
}

/// One "name=value" of a brand.
bool take_rule(std::string_view rule, json::object& brand) {
  const std::size_t equals = std::min(rule.find('='), rule.size());
  const std::string_view name = rule.substr(0, equals);
  const std::string_view value = rule.substr(std::min(equals + 1, rule.size()));
  const bool hours = name == "retention";
  const char* member = hours ? "retention_h" : name == "share" ? "share_percent" : "guaranteed_percent";
  const auto number = hours ? hours_from(value) : percent_from(value);
  if ((!hours && name != "share" && name != "guaranteed") || !number || brand.contains(member)) {
    return false;
  }
  brand[member] = *number;
  return true;
}

CLI::Validator brand_validator() {
  return CLI::Validator(
      [](std::string& text) {
        return parse_brand(text) ? std::string()
                                 : "'" + text +
                                       "' is not a brand with rules such as sf:share=40,guaranteed=10,retention=96h "
                                       "(percent 1 to 100; 1h to 720h)";
      },
      "BRAND:RULES");
}

CLI::Validator hours_validator() {
  return CLI::Validator(
      [](std::string& text) {
        return hours_from(text) ? std::string() : "'" + text + "' is not a duration of whole hours, 1h to 720h";
      },
      "DURATION");
}

std::string_view carrier_of(const json::value& brand) {
  const json::value* carrier = brand.is_object() ? brand.as_object().if_contains("carrier") : nullptr;
  return carrier != nullptr && carrier->is_string() ? std::string_view(carrier->as_string()) : std::string_view();
}

json::array changed_brands(const RulesOptions& options, const json::object& in_force) {
  json::array brands;
  if (const json::value* old = in_force.if_contains("brands"); old != nullptr && old->is_array()) {
    brands = old->as_array();
  }
  const auto find = [&brands](std::string_view carrier) {
    return std::find_if(brands.begin(), brands.end(),
                        [carrier](const json::value& brand) { return carrier_of(brand) == carrier; });
  };
  for (const std::string& carrier : options.without_brands) {
    if (const auto found = find(carrier); found != brands.end()) {
      brands.erase(found);
    }
  }
  for (const std::string& text : options.brands) {
    json::value brand = *parse_brand(text);
    if (const auto found = find(carrier_of(brand)); found != brands.end()) {
      *found = std::move(brand);
    } else {
      brands.push_back(std::move(brand));
    }
  }
  return brands;
}

}  // namespace

std::optional<json::object> parse_brand(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || !is_carrier_name(std::string_view(text).substr(0, colon))) {
    return std::nullopt;
  }
  json::object brand{{"carrier", text.substr(0, colon)}};
  std::string_view rules = std::string_view(text).substr(colon + 1);
  while (true) {
    const std::size_t comma = std::min(rules.find(','), rules.size());
    if (!take_rule(rules.substr(0, comma), brand)) {
      return std::nullopt;
    }
    if (comma == rules.size()) {
      return brand;
    }
    rules.remove_prefix(comma + 1);
  }
}

bool changes_something(const RulesOptions& options) {
  return !options.retention.empty() || options.upsizing_steps || !options.report_every.empty() ||
         !options.response_deadline.empty() || options.utc_offset_min || !options.language.empty() ||
         !options.brands.empty() || !options.without_brands.empty();
}

json::object changed_rules(const RulesOptions& options, const json::object& in_force) {
  json::object rules;
  if (!options.retention.empty()) {
    rules["retention_h"] = *hours_from(options.retention);
  }
  if (options.upsizing_steps) {
    rules["upsizing_steps"] = *options.upsizing_steps;
  }
  if (!options.report_every.empty()) {
    rules["report_interval_s"] = *parse_duration_ms(options.report_every) / kSecondMs;
  }
  if (!options.response_deadline.empty()) {
    rules["response_deadline_s"] = *parse_duration_ms(options.response_deadline) / kSecondMs;
  }
  if (options.utc_offset_min) {
    rules["utc_offset_min"] = *options.utc_offset_min;
  }
  if (!options.language.empty()) {
    rules["language"] = options.language;
  }
  if (!options.brands.empty() || !options.without_brands.empty()) {
    rules["brands"] = changed_brands(options, in_force);
  }
  return rules;
}

void add_rules_options(CLI::App& verb, RulesOptions& options) {
  verb.add_option("--retention", options.retention,
                  "deposited until overdue, 1h to 720h; what is inside keeps a longer one")
      ->check(hours_validator());
  verb.add_option("--upsizing", options.upsizing_steps, "how many sizes larger a parcel may go when none fits")
      ->check(integer_range(0, limits::kUpsizingStepsMax));
  verb.add_option("--report-every", options.report_every, "0 is at once; at most 24h")->check(duration_validator());
  verb.add_option("--response-deadline", options.response_deadline, "an aggregator is dead after so long, 10s to 1h")
      ->check(duration_validator());
  verb.add_option("--utc-offset", options.utc_offset_min, "of local time, in minutes")
      ->check(CLI::Range(limits::kUtcOffsetMinMin, limits::kUtcOffsetMinMax));
  verb.add_option("--language", options.language, "of the display")->check(CLI::IsMember({"en", "zh"}));
  verb.add_option("--brand", options.brands, "all rules of one brand, e.g. sf:share=40,guaranteed=10,retention=96h")
      ->check(brand_validator());
  verb.add_option("--without-brand", options.without_brands, "a brand that has no rules of its own any more")
      ->check(carrier_validator());
  verb.footer(
      "Without a change it prints the rules in force.\n"
      "Example: cubby operate configure --station SX-TY-0007 --retention 72h --brand sf:share=40,guaranteed=10");
}

}  // namespace cubby::tools

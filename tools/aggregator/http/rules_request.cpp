#include "tools/aggregator/http/rules_request.h"

#include <set>

#include "firmware/base/limits.h"
#include "firmware/base/names.h"
#include "tools/aggregator/http/json_members.h"

namespace cubby::aggregator {
namespace {

namespace json = boost::json;

constexpr std::string_view kEnglish = "en";
constexpr std::string_view kChinese = "zh";

bool is_language(std::string_view text) {
  return text == kEnglish || text == kChinese;
}

void read_brand(const json::value& value, const std::string& place, Members& rules, v1::BrandConfig& brand) {
  if (!value.is_object()) {
    rules.note(place.substr(0, place.size() - 1) + " must be an object");
    return;
  }
  Members members(value.as_object(), place);
  const auto number_or_0 = [&](std::string_view name, std::uint64_t most) {
    return static_cast<std::uint32_t>(members.number_or(name, 1, most, 0));
  };
  brand.set_carrier(members.text("carrier", is_carrier_name, "1 to 8 of a-z, 0-9"));
  brand.set_share_percent(number_or_0("share_percent", 100));
  brand.set_retention_h(number_or_0("retention_h", limits::kRetentionHoursMax));
  const std::uint32_t share = brand.share_percent();
  brand.set_guaranteed_percent(number_or_0("guaranteed_percent", share == 0 ? 100 : share));
  rules.note(members.problem());
}

void read_brands(const json::array& list, Members& members, v1::StationRules& rules) {
  rules.clear_brands();
  std::set<std::string> carriers;
  std::uint32_t guaranteed = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = "rules.brands[" + std::to_string(i) + "].";
    v1::BrandConfig& brand = *rules.add_brands();
    read_brand(list[i], place, members, brand);
    guaranteed += brand.guaranteed_percent();
    if (!carriers.insert(brand.carrier()).second) {
      members.note(place + "carrier must not stand twice: " + brand.carrier());
    }
  }
  if (guaranteed > 100) {
    members.note("guaranteed_percent of all rules.brands must be at most 100 together, not " +
                 std::to_string(guaranteed));
  }
}

}  // namespace

// The fields have the same numbers.
v1::StationRules rules_of(const v1::StationConfig& config) {
  v1::StationRules rules;
  rules.ParseFromString(config.SerializeAsString());
  rules.DiscardUnknownFields();
  return rules;
}

json::object to_json(const v1::StationRules& rules) {
  json::array brands;
  for (const v1::BrandConfig& brand : rules.brands()) {
    json::object object{{"carrier", brand.carrier()}};
    const auto add = [&object](const char* name, std::uint32_t value) {
      if (value != 0) {
        object[name] = value;
      }
    };
    add("share_percent", brand.share_percent());
    add("guaranteed_percent", brand.guaranteed_percent());
    add("retention_h", brand.retention_h());
    brands.push_back(std::move(object));
  }
  json::object object;
  object["retention_h"] = rules.retention_h();
  object["upsizing_steps"] = rules.upsizing_steps();
  object["report_interval_s"] = rules.report_interval_s();
  object["response_deadline_s"] = rules.response_deadline_s();
  object["utc_offset_min"] = rules.utc_offset_min();
  object["language"] = rules.language() == v1::PANEL_LANGUAGE_CHINESE ? kChinese : kEnglish;
  object["brands"] = std::move(brands);
  return object;
}

std::string change_rules(std::string_view object, v1::StationRules& rules) {
  boost::system::error_code error;
  const json::value parsed = json::parse(json::string_view(object.data(), object.size()), error);
  if (error || !parsed.is_object()) {
    return "rules must be an object";
  }
  Members members(parsed.as_object(), "rules.");
  const auto number = [&](std::string_view name, std::uint64_t least, std::uint64_t most, std::uint32_t in_force) {
    return static_cast<std::uint32_t>(members.number_or(name, least, most, in_force));
  };
  rules.set_retention_h(number("retention_h", 1, limits::kRetentionHoursMax, rules.retention_h()));
  rules.set_upsizing_steps(number("upsizing_steps", 0, limits::kUpsizingStepsMax, rules.upsizing_steps()));
  rules.set_report_interval_s(number("report_interval_s", 0, limits::kReportIntervalSMax, rules.report_interval_s()));
  rules.set_response_deadline_s(number("response_deadline_s", limits::kResponseDeadlineSMin,
                                       limits::kResponseDeadlineSMax, rules.response_deadline_s()));
  if (members.has("utc_offset_min")) {
    rules.set_utc_offset_min(static_cast<std::int32_t>(
        members.signed_number("utc_offset_min", limits::kUtcOffsetMinMin, limits::kUtcOffsetMinMax)));
  }
  if (members.has("language")) {
    const std::string language = members.text("language", is_language, "en or zh");
    rules.set_language(language == kChinese ? v1::PANEL_LANGUAGE_CHINESE : v1::PANEL_LANGUAGE_ENGLISH);
  }
  if (members.has("brands")) {
    if (const json::array* list = members.array("brands", limits::kBrandsMax)) {
      read_brands(*list, members, rules);
    }
  }
  return members.problem();
}

}  // namespace cubby::aggregator

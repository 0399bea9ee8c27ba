#include "tools/aggregator/http/command_request.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "firmware/base/limits.h"
#include "firmware/base/names.h"
#include "tools/aggregator/http/json_members.h"

namespace cubby::aggregator {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kLifeDefaultMs = 30'000;
constexpr std::uint64_t kExpiryMaxUtcS = std::uint64_t{1} << 40;
constexpr std::array<std::string_view, 4> kSizes{"S", "M", "L", "XL"};

std::uint32_t compartment_of(Members& members) {
  return static_cast<std::uint32_t>(members.number("compartment", 1, limits::kCompartmentsMax));
}

bool is_size(std::string_view text) {
  return std::find(kSizes.begin(), kSizes.end(), text) != kSizes.end();
}

void fill_reserve(Members& members, v1::Reserve& reserve) {
  const std::string size = members.text("size", is_size, "S, M, L or XL");
  reserve.set_size(static_cast<v1::Size>(std::find(kSizes.begin(), kSizes.end(), size) - kSizes.begin() + 1));
  reserve.set_carrier(members.text("carrier", is_carrier_name, "1 to 8 of a-z, 0-9"));
  reserve.set_parcel(members.text_or_none("parcel", is_parcel_text, "at most 32 printable characters"));
  reserve.set_ttl_s(
      static_cast<std::uint32_t>(members.number("ttl_s", limits::kReservationLifeMinS, limits::kReservationLifeMaxS)));
  reserve.set_low_door(members.flag_or_no("low_door"));
}

using Fill = void (*)(Members& members, v1::Command& command);
struct Action {
  std::string_view name;
  Fill fill;
};
constexpr auto kActions = std::to_array<Action>({
    {"open", [](Members& members, v1::Command& command) {
       command.mutable_open_door()->set_compartment(compartment_of(members));
     }},
    {"settle", [](Members& members, v1::Command& command) {
       command.mutable_settle()->set_compartment(compartment_of(members));
       command.mutable_settle()->set_inside(members.flag("inside"));
     }},
    {"block", [](Members& members, v1::Command& command) {
       command.mutable_set_service()->set_compartment(compartment_of(members));
     }},
    {"unblock", [](Members& members, v1::Command& command) {
       command.mutable_set_service()->set_compartment(compartment_of(members));
       command.mutable_set_service()->set_in_service(true);
     }},
    {"reserve", [](Members& members, v1::Command& command) { fill_reserve(members, *command.mutable_reserve()); }},
    {"release", [](Members& members, v1::Command& command) {
       command.mutable_release()->set_compartment(compartment_of(members));
     }},
    {"expire", [](Members& members, v1::Command& command) {
       command.mutable_expire()->set_compartment(compartment_of(members));
     }},
    {"extend", [](Members& members, v1::Command& command) {
       command.mutable_extend()->set_compartment(compartment_of(members));
       command.mutable_extend()->set_hours(
           static_cast<std::uint32_t>(members.number("hours", 1, limits::kExtraHoursMax)));
     }},
    {"reissue", [](Members& members, v1::Command& command) {
       command.mutable_reissue()->set_compartment(compartment_of(members));
     }},
    {"revoke_pass", [](Members& members, v1::Command& command) {
       command.mutable_revoke_pass()->set_serial(static_cast<std::uint32_t>(members.number("serial", 1, UINT32_MAX)));
       command.mutable_revoke_pass()->set_expiry_utc_s(members.number("expiry_utc_s", 1, kExpiryMaxUtcS));
     }},
    {"release_keypad", [](Members&, v1::Command& command) { command.mutable_release_keypad(); }},
    {"configure", [](Members&, v1::Command& command) { command.mutable_configure(); }},
});

std::string names_of_actions() {
  std::string names;
  for (const Action& action : kActions) {
    names += (names.empty() ? "" : ", ") + std::string(action.name);
  }
  return names;
}

}  // namespace

std::string read_order(std::string_view body, Order& order) {
  boost::system::error_code error;
  const json::value parsed = json::parse(json::string_view(body.data(), body.size()), error);
  if (error || !parsed.is_object()) {
    return "the body must be a JSON object";
  }
  Members members(parsed.as_object());
  const std::string name = members.text(
      "action", [](std::string_view) { return true; }, "a text");
  const auto action =
      std::find_if(kActions.begin(), kActions.end(), [&](const Action& known) { return name == known.name; });
  if (action == kActions.end()) {
    return "action must be one of " + names_of_actions();
  }
  const std::uint64_t life_most_ms = name == "open" ? limits::kOpenCommandLifeMs : limits::kCommandLifeMs;
  order.life_ms = members.number_or("life_s", 1, life_most_ms / 1'000, kLifeDefaultMs / 1'000) * 1'000;
  action->fill(members, order.command);
  order.action = action->name;
  if (order.command.has_configure()) {
    const json::object* rules = members.object("rules");
    order.rules = rules == nullptr ? std::string() : json::serialize(*rules);
    order.base_version = static_cast<std::uint32_t>(members.number_or("base_version", 1, UINT32_MAX, 0));
  }
  std::string problem = members.problem();
  if (problem.empty() && members.has("compartment")) {
    order.compartment = compartment_of(members);
  }
  return problem;
}

std::string_view to_words(v1::CommandOutcome outcome) {
  switch (outcome) {
    case v1::COMMAND_OUTCOME_DONE:
      return "done";
    case v1::COMMAND_OUTCOME_EXPIRED:
      return "expired";
    case v1::COMMAND_OUTCOME_REFUSED:
      return "refused";
    case v1::COMMAND_OUTCOME_UNKNOWN:
      return "unknown";
    case v1::COMMAND_OUTCOME_NOT_SUPPORTED:
      return "not_supported";
    case v1::COMMAND_OUTCOME_FAILED:
      return "failed";
    default:
      return "other";
  }
}

std::string_view to_words(v1::CommandRefusal refusal) {
  switch (refusal) {
    case v1::COMMAND_REFUSAL_NO_CLOCK:
      return "the station's clock is not set";
    case v1::COMMAND_REFUSAL_LIFE:
      return "the order lives too long";
    case v1::COMMAND_REFUSAL_BAD_INPUT:
      return "no such compartment, or a number out of range";
    case v1::COMMAND_REFUSAL_WRONG_STATE:
      return "the compartment is not in a state for it";
    case v1::COMMAND_REFUSAL_NO_DOOR:
      return "no door is vacant for it";
    case v1::COMMAND_REFUSAL_BUSY:
      return "too many orders are under way, or the journal is full";
    case v1::COMMAND_REFUSAL_NOT_NEWER:
      return "the rules in force are as new, or newer";
    default:
      return "";
  }
}

}  // namespace cubby::aggregator

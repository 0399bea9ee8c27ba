#include "tools/aggregator/http/command_request.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <optional>

#include "firmware/base/limits.h"

namespace cubby::aggregator {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kLifeDefaultMs = 30'000;

/// The members that an action needs, beside `action` and `life_s`.
struct Shape {
  std::string_view action;
  std::array<std::string_view, 2> members;
};
constexpr auto kShapes = std::to_array<Shape>({
    {"open", {"compartment", ""}},
    {"settle", {"compartment", "inside"}},
    {"block", {"compartment", ""}},
    {"unblock", {"compartment", ""}},
    {"expire", {"compartment", ""}},
    {"extend", {"compartment", "hours"}},
    {"reissue", {"compartment", ""}},
    {"revoke_pass", {"serial", "expiry_utc_s"}},
    {"release_keypad", {"", ""}},
});

std::uint64_t most_of(std::string_view member) {
  if (member == "compartment") {
    return limits::kCompartmentsMax;
  }
  if (member == "hours") {
    return limits::kExtraHoursMax;
  }
  return member == "serial" ? UINT32_MAX : std::uint64_t{1} << 40;
}

/// nullopt: not a whole number from 1 to `most`.
std::optional<std::uint64_t> number(const json::value* value, std::uint64_t most) {
  if (value == nullptr || !value->is_int64() || value->as_int64() < 1 ||
      static_cast<std::uint64_t>(value->as_int64()) > most) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(value->as_int64());
}

void fill(std::string_view action, std::uint64_t first, std::uint64_t second, v1::Command& command) {
  const auto compartment = static_cast<std::uint32_t>(first);
  if (action == "open") {
    command.mutable_open_door()->set_compartment(compartment);
  } else if (action == "settle") {
    command.mutable_settle()->set_compartment(compartment);
    command.mutable_settle()->set_inside(second != 0);
  } else if (action == "block" || action == "unblock") {
    command.mutable_set_service()->set_compartment(compartment);
    command.mutable_set_service()->set_in_service(action == "unblock");
  } else if (action == "expire") {
    command.mutable_expire()->set_compartment(compartment);
  } else if (action == "extend") {
    command.mutable_extend()->set_compartment(compartment);
    command.mutable_extend()->set_hours(static_cast<std::uint32_t>(second));
  } else if (action == "reissue") {
    command.mutable_reissue()->set_compartment(compartment);
  } else if (action == "revoke_pass") {
    command.mutable_revoke_pass()->set_serial(compartment);
    command.mutable_revoke_pass()->set_expiry_utc_s(second);
  } else {
    command.mutable_release_keypad();
  }
}

}  // namespace

std::string read_command(std::string_view body, v1::Command& command, std::uint64_t& life_ms) {
  boost::system::error_code error;
  const json::value parsed = json::parse(json::string_view(body.data(), body.size()), error);
  if (error || !parsed.is_object()) {
    return "the body must be a JSON object";
  }
  const json::object& object = parsed.as_object();
  const json::value* action = object.if_contains("action");
  const auto shape = std::find_if(kShapes.begin(), kShapes.end(), [&](const Shape& known) {
    return action != nullptr && action->is_string() && std::string_view(action->as_string()) == known.action;
  });
  if (shape == kShapes.end()) {
    return "action must be one of open, settle, block, unblock, expire, extend, reissue, revoke_pass, release_keypad";
  }
  for (const auto& [name, value] : object) {
    const std::string_view member(name);
    if (member != "action" && member != "life_s" &&
        (member.empty() || std::find(shape->members.begin(), shape->members.end(), member) == shape->members.end())) {
      return "unknown member '" + std::string(member.substr(0, 32)) + "'";
    }
  }
  std::array<std::uint64_t, 2> values{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string_view member = shape->members[i];
    const json::value* value = member.empty() ? nullptr : object.if_contains(member);
    if (member == "inside") {
      if (value == nullptr || !value->is_bool()) {
        return "inside must be true or false";
      }
      values[i] = value->as_bool() ? 1 : 0;
    } else if (!member.empty()) {
      const auto read = number(value, most_of(member));
      if (!read) {
        return std::string(member) + " must be a whole number from 1 to " + std::to_string(most_of(member));
      }
      values[i] = *read;
    }
  }
  const std::uint64_t life_most_ms = shape->action == "open" ? limits::kOpenCommandLifeMs : limits::kCommandLifeMs;
  life_ms = kLifeDefaultMs;
  if (const json::value* life = object.if_contains("life_s")) {
    const auto seconds = number(life, life_most_ms / 1'000);
    if (!seconds) {
      return "life_s must be a whole number from 1 to " + std::to_string(life_most_ms / 1'000);
    }
    life_ms = *seconds * 1'000;
  }
  fill(shape->action, values[0], values[1], command);
  return {};
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
      return "too many orders are under way";
    default:
      return "";
  }
}

}  // namespace cubby::aggregator

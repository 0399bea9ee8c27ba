#include "firmware/tls/identity.h"

#include <algorithm>
#include <array>

#include "firmware/base/limits.h"

namespace cubby::tls {
namespace {

constexpr std::string_view kScheme = "cubby:";
constexpr std::string_view kSpeaksFor = "speaks-for";
constexpr std::array kRoles{Role::kStation, Role::kConcentrator, Role::kAggregator, Role::kNotifier};

bool is_station_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

bool is_name_of(Role role, std::string_view name) {
  return role == Role::kStation ? is_station_name(name) : is_owner_name(name);
}

}  // namespace

const char* to_text(Role role) {
  switch (role) {
    case Role::kStation:
      return "station";
    case Role::kConcentrator:
      return "concentrator";
    case Role::kAggregator:
      return "aggregator";
    case Role::kNotifier:
      return "notifier";
  }
  return "";
}

std::optional<Role> role_from(std::string_view text) {
  const auto* found = std::find_if(kRoles.begin(), kRoles.end(), [&](Role role) { return text == to_text(role); });
  return found == kRoles.end() ? std::nullopt : std::optional(*found);
}

bool is_station_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::kStationNameMax &&
         std::all_of(name.begin(), name.end(), is_station_character);
}

bool is_owner_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax && std::all_of(name.begin(), name.end(), [](char c) {
    return is_station_character(c) || (c >= 'a' && c <= 'z') || c == '_' || c == '.';
  });
}

bool is_station_pattern(std::string_view pattern) {
  if (!pattern.ends_with('*')) {
    return is_station_name(pattern);
  }
  pattern.remove_suffix(1);
  return pattern.empty() || is_station_name(pattern);
}

std::vector<std::string> identity_uris(const Identity& identity) {
  std::vector<std::string> uris{std::string(kScheme) + to_text(identity.role) + ":" + identity.name};
  if (identity.role == Role::kConcentrator) {
    for (const std::string& pattern : identity.stations) {
      uris.push_back(std::string(kScheme) + std::string(kSpeaksFor) + ":" + pattern);
    }
  }
  return uris;
}

std::optional<Identity> read_identity(std::span<const std::string> uris) {
  Identity identity;
  bool has_role = false;
  for (std::string_view uri : uris) {
    if (!uri.starts_with(kScheme)) {
      continue;
    }
    uri.remove_prefix(kScheme.size());
    const std::size_t colon = std::min(uri.find(':'), uri.size());
    const std::string_view word = uri.substr(0, colon);
    const std::string_view value = uri.substr(std::min(colon + 1, uri.size()));
    if (word == kSpeaksFor) {
      if (!is_station_pattern(value) || identity.stations.size() == kPatternsMax) {
        return std::nullopt;
      }
      identity.stations.emplace_back(value);
      continue;
    }
    const auto role = role_from(word);
    if (!role.has_value() || has_role || !is_name_of(*role, value)) {
      return std::nullopt;
    }
    identity.role = *role;
    identity.name = value;
    has_role = true;
  }
  if (!has_role || identity.stations.empty() == (identity.role == Role::kConcentrator)) {
    return std::nullopt;
  }
  if (identity.role == Role::kStation) {
    identity.stations = {identity.name};
  }
  return identity;
}

}  // namespace cubby::tls

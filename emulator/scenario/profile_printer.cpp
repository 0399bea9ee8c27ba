#include "emulator/scenario/profile_keys.h"
#include "emulator/scenario/profiles.h"

namespace cubby::emulator {
namespace {

// Names have no control characters; that was checked when they were read.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + '"';
}

template <typename Owner>
std::string value_text(const ProfileKey<Owner>& key, Owner& owner) {
  switch (key.kind) {
    case KeyKind::kNumber:
      return std::to_string(key.get(owner));
    case KeyKind::kFlag:
      return key.get(owner) != 0 ? "true" : "false";
    case KeyKind::kWord:
      return quoted(key.words[static_cast<std::size_t>(key.get(owner) - key.low)]);
    case KeyKind::kDate:
      return date_text(static_cast<std::int32_t>(key.get(owner)));
    case KeyKind::kText:
      return quoted(key.text(owner));
    case KeyKind::kNumbers: {
      std::string out;
      for (const std::uint32_t value : key.numbers(owner)) {
        out += (out.empty() ? "[" : ", ") + std::to_string(value);
      }
      return out + "]";
    }
  }
  return {};
}

template <typename Row>
std::string rows_text(std::string_view name, std::span<const ProfileKey<Row>> keys, const std::vector<Row>& rows) {
  std::string out(name);
  out += " = [";
  for (Row row : rows) {
    std::string inside;
    for (const ProfileKey<Row>& key : keys) {
      inside += (inside.empty() ? "" : ", ") + std::string(key.name) + " = " + value_text(key, row);
    }
    out += "\n  {" + inside + "},";
  }
  return out + (rows.empty() ? "]\n" : "\n]\n");
}

}  // namespace

std::string print_profile(const Profile& profile) {
  Profile copy = profile;
  std::string out;
  for (const ProfileKey<Profile>& key : profile_keys()) {
    out += std::string(key.name) + " = " + value_text(key, copy) + "\n";
  }
  std::string brands;
  for (const std::string& carrier : profile.carriers) {
    brands += (brands.empty() ? "" : ", ") + quoted(carrier);
  }
  out += std::string(kCarriers) + " = [" + brands + "]\n";
  out += rows_text(kCities, city_keys(), profile.cities);
  out += rows_text(kLayouts, layout_keys(), profile.layouts);
  out += rows_text(kRounds, round_keys(), profile.rounds);
  out += rows_text(kSeasons, season_keys(), profile.seasons);
  return out;
}

}  // namespace cubby::emulator

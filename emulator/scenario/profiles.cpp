#include "emulator/scenario/profiles.h"

#include <array>
#include <utility>

#include "emulator/world/trace_hash.h"
#include "firmware/base/assert.h"

namespace cubby::emulator {

/// Made from emulator/scenario/profiles/*.toml when the build is configured.
extern const std::array<std::pair<std::string_view, std::string_view>, 4> kBuiltInProfiles;

std::string_view profile_text(std::string_view name) {
  for (const auto& [known, text] : kBuiltInProfiles) {
    if (known == name) {
      return text;
    }
  }
  return {};
}

std::optional<Profile> find_profile(std::string_view name) {
  const std::string_view text = profile_text(name);
  if (text.empty()) {
    return std::nullopt;
  }
  Profile profile;
  const auto problems = read_profile(
      {.name = std::string(name), .file = std::string(name) + ".toml", .text = std::string(text), .settings = {}},
      profile);
  CUBBY_ASSERT(problems.empty());
  return profile;
}

std::vector<std::string> profile_names() {
  std::vector<std::string> names;
  names.reserve(kBuiltInProfiles.size());
  for (const auto& [name, text] : kBuiltInProfiles) {
    names.emplace_back(name);
  }
  return names;
}

std::uint64_t profile_identity(const Profile& profile) {
  const std::string text = print_profile(profile);
  TraceHash hash;
  hash.add(TraceKind::kEvent, Instant{}, std::as_bytes(std::span(text)));
  return hash.value();
}

}  // namespace cubby::emulator

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/people/profile.h"

namespace cubby::emulator {

/// A profile's TOML text larger than this is refused.
inline constexpr std::size_t kProfileTextMax = 256 * 1024;

/// A profile as somebody asks for it: the text of a file, and settings that go above it.
struct ProfileRequest {
  std::string name;                   // Of the profile.
  std::string file;                   // What a sentence about the text begins with.
  std::string text;                   // TOML, docs/simulation.md.
  std::vector<std::string> settings;  // "key=value"; a word or text needs no quotes.
};

/// Sentences of the form `file:line:column: what` about everything that is wrong, in the order of the text, then of the
/// settings. Empty: `profile` is complete and consistent; else it is not to be used.
std::vector<std::string> read_profile(const ProfileRequest& request, Profile& profile);

/// The built-in profile of that name, or nullopt. "shanxi" is the province of the founding example.
std::optional<Profile> find_profile(std::string_view name);
/// Its text as TOML; empty if there is none of that name.
std::string_view profile_text(std::string_view name);
std::vector<std::string> profile_names();

/// True: the key is part of how the stations are made, or of what was drawn when they were. False: whoever goes on
/// with a fleet may give it another value; or there is no such key.
bool may_not_change_under_way(std::string_view key);

/// All keys of a profile with their values, as TOML that reads back as the same profile.
std::string print_profile(const Profile& profile);
/// Equal for profiles whose keys have equal values, whatever their names; else different, but for one in 2^64.
std::uint64_t profile_identity(const Profile& profile);

}  // namespace cubby::emulator

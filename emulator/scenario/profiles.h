#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/people/profile.h"

namespace cubby::emulator {

/// The built-in profile of that name, or nullopt. "shanxi" is the province of the founding example.
std::optional<Profile> find_profile(std::string_view name);
std::vector<std::string> profile_names();

}  // namespace cubby::emulator

#pragma once

#include <string>
#include <vector>

#include "emulator/people/profile.h"

namespace cubby::tools {

/// The profile of that name, or of that file if the name has a `/` or ends in `.toml`, with `settings` ("key=value")
/// above it. Sentences about everything that is wrong; empty: `profile` is good.
std::vector<std::string> choose_profile(const std::string& name, const std::vector<std::string>& settings,
                                        emulator::Profile& profile);
/// The profile as a TOML file, with its name and identity in its first line.
std::string describe_profile(const emulator::Profile& profile);
std::string identity_text(const emulator::Profile& profile);

}  // namespace cubby::tools

#include "tools/emulator/profile_choice.h"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "emulator/scenario/profiles.h"
#include "firmware/base/names.h"
#include "tools/support/text.h"

namespace cubby::tools {
namespace {

// Empty: `text` has the file's content, or more than any profile may have.
std::string read_text(const std::string& file, std::string& text) {
  std::error_code code;
  if (std::filesystem::is_directory(file, code)) {
    return "is a folder";
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    return "cannot be read";
  }
  text.resize(emulator::kProfileTextMax + 1);
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return stream.bad() ? "cannot be read" : std::string();
}

}  // namespace

std::vector<std::string> choose_profile(const std::string& name, const std::vector<std::string>& settings,
                                        emulator::Profile& profile) {
  emulator::ProfileRequest request;
  request.settings = settings;
  if (name.find('/') != std::string::npos || name.ends_with(".toml")) {
    request.name = std::filesystem::path(name).stem().string();
    request.file = name;
    disarm(request.name);
    disarm(request.file);
    if (const std::string problem = read_text(name, request.text); !problem.empty()) {
      return {"--profile: " + request.file + ": " + problem};
    }
    return emulator::read_profile(request, profile);
  }
  request.name = name;
  request.file = name;
  request.text = emulator::profile_text(name);
  if (!request.text.empty()) {
    return emulator::read_profile(request, profile);
  }
  std::string all;
  for (const std::string& known : emulator::profile_names()) {
    all += (all.empty() ? "" : ", ") + known;
  }
  const std::string close = nearest(name, emulator::profile_names());
  return {"--profile: '" + name + "' is not known" + (close.empty() ? "" : "; did you mean " + close + "?") + " (" +
          all + ", or a file)"};
}

std::string identity_text(const emulator::Profile& profile) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016" PRIx64, emulator::profile_identity(profile));
  return text.data();
}

std::string describe_profile(const emulator::Profile& profile) {
  return "# " + profile.name + ", identity " + identity_text(profile) + "\n" + emulator::print_profile(profile);
}

}  // namespace cubby::tools

#include "tools/cubby/board_options.h"

#include <algorithm>

#include "tools/support/text.h"

namespace cubby::tools {
namespace {

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = std::min(text.find(at), text.size());
    parts.emplace_back(text.substr(0, end));
    if (end == text.size()) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string family_names() {
  std::string names;
  for (const BoardFamily family : kBoardFamilies) {
    const bool last = family == kBoardFamilies.back();
    names += (names.empty() ? "" : last ? " or " : ", ") + std::string(to_string(family));
  }
  return names;
}

BoardChoice choose_board(const BoardWords& words) {
  BoardChoice choice;
  const auto family = board_family(words.family);
  if (!family.has_value()) {
    choice.option = "--family";
    choice.error = "'" + words.family + "' is no family of boards; there are " + family_names();
    return choice;
  }
  choice.profile = emulator::default_profile(*family);
  const auto apply = [&](const char* option, const std::string& setting) {
    if (choice.error.empty()) {
      choice.error = apply_setting(choice.profile, setting);
      choice.option = option;
    }
  };
  if (!words.address.empty()) {
    apply("--address", "address=" + words.address);
  }
  if (!words.channels.empty()) {
    apply("--channels", "channels=" + words.channels);
  }
  for (const std::string& setting : words.settings) {
    apply("--set", setting);
  }
  return choice;
}

BoardChoice parse_board(std::string_view text) {
  BoardWords words;
  std::vector<std::string> parts = split(text, ',');
  words.settings.assign(parts.begin() + 1, parts.end());
  parts = split(parts.front(), ':');
  words.family = parts[0];
  words.address = parts.size() > 1 ? parts[1] : "";
  words.channels = parts.size() > 2 ? parts[2] : "";
  const bool empty_part = (parts.size() > 1 && words.address.empty()) || (parts.size() > 2 && words.channels.empty());
  if (parts.size() > 3 || empty_part) {
    BoardChoice choice;
    choice.error =
        "'" + std::string(text) + "' is not FAMILY:ADDRESS:CHANNELS,name=value,..., e.g. p1:1:24,local_echo=on";
    return choice;
  }
  return choose_board(words);
}

}  // namespace cubby::tools

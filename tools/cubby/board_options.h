#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hardware/boards/board_profile.h"

namespace cubby::tools {

/// What the command line says about one board, as it was typed.
struct BoardWords {
  std::string family;
  std::string address;   // Empty: the family's default.
  std::string channels;  // The same.
  std::vector<std::string> settings;
};

struct BoardChoice {
  emulator::BoardProfile profile;
  std::string error;   // Not empty: one sentence, and there is no profile.
  std::string option;  // Then: what was wrong, "--family", "--address", "--channels" or "--set".
};

BoardChoice choose_board(const BoardWords& words);
/// "p1", "p1:3", "p1:3:24" or "p1:3:24,status_order=first,local_echo=on".
BoardChoice parse_board(std::string_view text);
/// "p1, p2, p5, p6 or p7".
std::string family_names();

}  // namespace cubby::tools

#pragma once

#include <string>
#include <vector>

#include "emulator/hardware/boards/board_profile.h"

namespace cubby::emulator {

/// One frame of tests/vectors/lock_boards.json.
struct GoldenFrame {
  BoardFamily family = BoardFamily::kP1;
  bool from_host = false;
  std::string hex;
  std::string meaning;
  bool checksum_ok = false;
};

/// All of them; a file that cannot be read gives none, and a test that looks at nothing must fail.
std::vector<GoldenFrame> golden_frames();

}  // namespace cubby::emulator

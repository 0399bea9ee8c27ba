#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "emulator/hardware/boards/cabinet.h"
#include "tools/cubby/board_line.h"
#include "tools/cubby/board_traffic.h"

namespace cubby::tools {

/// What is behind a line: a cabinet, or the recording of one.
struct BoardsBehind {
  std::unique_ptr<emulator::Cabinet> cabinet;
  std::unique_ptr<Replay> replay;  // Exactly one of the two is there.
  std::vector<emulator::BoardFamily> families;
};

struct ServeOptions {
  std::string control_path;  // Empty: none.
  std::FILE* record = nullptr;
  bool strict_baud = false;
};

/// Serves until SIGINT, SIGTERM, `quit`, or the line is gone. Returns the exit code.
int serve_boards(BoardsBehind boards, BoardLine& line, const ServeOptions& options);

}  // namespace cubby::tools

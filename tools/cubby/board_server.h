#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "emulator/hardware/boards/cabinet.h"
#include "tools/cubby/board_control.h"
#include "tools/cubby/board_line.h"
#include "tools/cubby/board_traffic.h"

namespace cubby::tools {

/// What is behind a line: a cabinet, or the recording of one.
struct BoardsBehind {
  std::unique_ptr<emulator::Cabinet> cabinet;
  std::unique_ptr<Replay> replay;  // Exactly one of the two is there.
  std::vector<BoardFamily> families;
};

struct ServeOptions {
  std::FILE* record = nullptr;  // Null: none.
  bool strict_baud = false;
};

/// Serves until SIGINT, SIGTERM, SIGHUP, `quit`, or the line is gone. Returns the exit code.
int serve_boards(BoardsBehind boards, BoardLine& line, BoardControl& control, const ServeOptions& options);

}  // namespace cubby::tools

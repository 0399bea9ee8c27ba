#pragma once

#include <string>
#include <vector>

#include "tools/cubby/board_prompt.h"

namespace cubby::tools {

/// The prompt's orders about the line, its faults and the boards on it.
const std::vector<std::string>& line_orders();
/// Does one of them; `words` begins with it.
PromptAnswer obey_line(emulator::Cabinet& cabinet, const std::vector<std::string>& words, Instant now);
/// What may be typed: lines, each with a newline.
std::string line_help();

}  // namespace cubby::tools

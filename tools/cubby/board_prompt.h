#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "emulator/hardware/boards/cabinet.h"

namespace cubby::tools {

struct PromptAnswer {
  std::string text;  // Lines for the person who asked, without a newline at the end.
  bool good = true;
  bool quit = false;
  std::uint64_t unplug_ms = 0;  // Not 0: the host's adapter vanishes for so long.
};

/// Does what one line says: "shut 3", "open 3", "jam 3 10s", "doors", ... Doors have the numbers 1, 2, ... over all
/// boards in their order.
PromptAnswer obey_prompt(emulator::Cabinet& cabinet, std::string_view line, Instant now);
/// The same for a replay, which has neither doors nor boards.
PromptAnswer obey_replay_prompt(std::string_view line);
/// "door 3 (p1 board 1, channel 3): open, holds a parcel".
std::string describe_door(const emulator::Cabinet& cabinet, std::size_t index, Instant now);
/// "door 3 opens".
std::string describe_news(const emulator::DoorNews& news);
/// What may be typed, for --help and `help`.
std::string prompt_help();

}  // namespace cubby::tools

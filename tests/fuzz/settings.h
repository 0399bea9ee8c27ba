#pragma once

#include "firmware/drivers/lock_board.h"
#include "fuzz/targets.h"

namespace cubby::fuzz {

/// A board that the configuration would take: kSettingsBytes of the input.
inline constexpr std::size_t kSettingsBytes = 8;
drivers::BoardSettings settings_from(Input& input, BoardFamily family);
/// Two bytes of the input. One that the family has.
drivers::Request request_from(Input& input, const drivers::BoardSettings& board);

}  // namespace cubby::fuzz

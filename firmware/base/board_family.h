#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cubby {

/// The protocols that lock boards of different makers speak; docs/spec/boards.md has their frames. Numbers as
/// BoardFamily of config.proto.
enum class BoardFamily : std::uint8_t { kP1 = 1, kP2 = 2, kP5 = 5, kP6 = 6, kP7 = 7 };
inline constexpr std::array kBoardFamilies{BoardFamily::kP1, BoardFamily::kP2, BoardFamily::kP5, BoardFamily::kP6,
                                           BoardFamily::kP7};

/// "p1" or "P1"; nullopt: no such family.
std::optional<BoardFamily> board_family(std::string_view name);
/// "p1".
std::string_view to_string(BoardFamily family);

/// Whether a board answers an unlock: never, at once, or when its pulse has had time to work.
enum class UnlockReply : std::uint8_t { kNone, kStatus, kLate };

}  // namespace cubby

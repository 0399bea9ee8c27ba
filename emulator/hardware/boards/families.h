#pragma once

#include <memory>

#include "emulator/hardware/boards/lock_board_device.h"

namespace cubby::emulator {

// One a family, for make_board().
std::unique_ptr<LockBoardDevice> make_p1(const BoardProfile&, LockWiring&, std::uint8_t index, std::uint64_t seed);
std::unique_ptr<LockBoardDevice> make_p2(const BoardProfile&, LockWiring&, std::uint8_t index, std::uint64_t seed);
std::unique_ptr<LockBoardDevice> make_p5(const BoardProfile&, LockWiring&, std::uint8_t index, std::uint64_t seed);
std::unique_ptr<LockBoardDevice> make_p6(const BoardProfile&, LockWiring&, std::uint8_t index, std::uint64_t seed);
std::unique_ptr<LockBoardDevice> make_p7(const BoardProfile&, LockWiring&, std::uint8_t index, std::uint64_t seed);

}  // namespace cubby::emulator

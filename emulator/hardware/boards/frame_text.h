#pragma once

#include <span>
#include <string>

#include "emulator/hardware/boards/board_profile.h"
#include "firmware/base/bytes.h"

namespace cubby::emulator {

/// A frame at the beginning of some bytes, in words. `size` of 0: there is none.
struct ToldFrame {
  std::size_t size = 0;
  std::string text;
};

/// What the frame at the beginning of `bytes` says, if it is one of the family with a checksum that verifies.
ToldFrame tell_frame(BoardFamily family, Bytes bytes, bool from_host);
/// All of a burst: its frames of these families, "; " between them, and how many bytes are none.
std::string tell_burst(std::span<const BoardFamily> families, Bytes bytes, bool from_host);
/// "8A 01 01 11 9B".
std::string to_hex(Bytes bytes);

}  // namespace cubby::emulator

#pragma once

#include <optional>
#include <vector>

#include "fuzz/settings.h"
#include "support/board_frames.h"

namespace cubby::fuzz {

/// What a board, a bad line or nobody says next: a control byte of the input, and what it asks for.
///   0: bytes of the input, as many as the next byte says (at most 31)
///   1: the right answer, with what the input makes the board tell
///   2: the same with one byte changed
///   3: the same, cut off
///   4: the request given back
///   5: nothing
std::vector<std::byte> reply_from(Input& input, const drivers::BoardSettings& board, drivers::Request request);

struct Found {
  std::size_t at = 0;
  tests::Meaning meaning;
};
/// The first answer to that request in `received`, as the specification has it.
std::optional<Found> find_answer(const drivers::BoardSettings& board, drivers::Request request, Bytes received);

}  // namespace cubby::fuzz

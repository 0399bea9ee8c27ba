#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/drivers/lock_board.h"

namespace cubby::tests {

// The frames of docs/spec/boards.md once more, written from the specification alone: drivers and emulated boards are
// both measured against it, so it shares nothing with either.

/// Whether the last bytes of `frame` are the checksum of those before.
bool checksum_holds(BoardFamily family, Bytes frame);
/// `body` with its checksum behind it.
std::vector<std::byte> sealed(BoardFamily family, std::vector<std::byte> body);

/// What a host has to send. Empty: the family has no such command.
std::vector<std::byte> request_frame(const drivers::BoardSettings& board, drivers::Request request);

/// What a board has to tell.
struct Told {
  std::uint64_t inputs = 0;      // As LockBoard::input_count() numbers them.
  bool refuses = false;          // P5: exception 03; P7: result FF. The others cannot say so.
  bool form_b = false;           // P6.
  bool still_shut = false;       // Of an unlock: its door, when the answer is given.
  std::uint8_t address_low = 0;  // P2: the low half of the address, which means nothing here.
};
/// The answer to that request.
std::vector<std::byte> answer_frame(const drivers::BoardSettings& board, drivers::Request request, const Told& told);

struct Meaning {
  drivers::Exchange what = drivers::Exchange::kDone;  // Or kRefused.
  std::uint64_t inputs = 0;
};
/// What the bytes say if an answer to that request begins at their first byte; nullopt: none does.
std::optional<Meaning> meaning_of(const drivers::BoardSettings& board, drivers::Request request, Bytes from);

/// Which of the board's locks the frame that is exactly `frame` may give current to: a bit a channel. 0 for anything
/// that is no frame to that board with a checksum that verifies.
std::uint64_t coils_of(const drivers::BoardSettings& board, Bytes frame);

}  // namespace cubby::tests

#pragma once

#include <cstdint>

#include "firmware/base/board_family.h"
#include "firmware/base/bytes.h"
#include "firmware/base/instant.h"
#include "firmware/base/limits.h"

/// Lock boards, one file a family.
namespace cubby::drivers {

/// What became of one request to a board.
enum class Exchange : std::uint8_t {
  kNone,     // Nothing was asked.
  kWaiting,  // Sent; the reply may still come.
  kDone,     // The board said that it did it.
  kSent,     // The frame left; the board is one that does not answer to it.
  kNotSent,  // The bus refused the frame: nothing left this controller.
  kUnknown,  // Sent, no valid reply in time: whether it took effect nobody can say.
  kRefused,  // The board answered that it did not.
};

/// A board as its driver has to know it: docs/spec/boards.md, "Profile". What means nothing in a family is not read.
struct BoardSettings {
  BoardFamily family = BoardFamily::kP5;
  std::uint8_t address = 1;
  std::uint8_t channels = 8;       // Locks; 1..limits::kBoardChannelsMax.
  std::uint8_t first_channel = 0;  // Number on the wire of the first lock.
  bool status_last = false;        // Channels 1 to 8 are in the last status byte.
  bool shut_is_one = true;         // What the switch of a shut door reads.
  UnlockReply unlock_reply = UnlockReply::kStatus;
  std::uint16_t unlock_reply_ms = 0;  // Of kLate.
  std::uint16_t pulse_ms = 200;       // P5: a multiple of 100, at most 1000. The others' pulses are the boards' own.
};

/// As most boards of the family are.
BoardSettings default_settings(BoardFamily family);

struct Request {
  enum class Kind : std::uint8_t {
    kNone,
    kAllOff,  // Switches all outputs off.
    kRead,    // Reads all inputs.
    kUnlock,  // Pulses the coil of `channel`, timed by the board.
  };
  Kind kind = Kind::kNone;
  std::uint8_t channel = 0;  // Counted from 0.
};

/// What the bytes that came say to a request.
struct Answer {
  Exchange what = Exchange::kWaiting;  // kWaiting: nothing yet. Else kDone or kRefused.
  std::uint8_t at = 0;                 // Where in them it begins.
  std::uint64_t inputs = 0;            // Of kRead that was done; see LockBoard::input_count().
};

/// The frames of a family: bytes in, bytes out, no state. Outputs pulse coils, inputs read door switches and item
/// sensors, both numbered from 0. Objects live for ever.
class LockBoard {
 public:
  /// Writes the frame of `request`; returns its size, 0: the family has no such command.
  std::size_t encode(const BoardSettings& board, Request request, MutableBytes into) const {
    return do_encode(board, request, into);
  }
  /// Looks for the answer to `request`, whose frame was `sent`, in all bytes that came since. Garbage may stand before
  /// it (a glitch at turn-round, an echo); answers of other boards and to other requests are passed over.
  Answer answer(const BoardSettings& board, Request request, Bytes sent, Bytes received) const {
    return do_answer(board, request, sent, received);
  }
  /// False: the board says nothing to it, ever.
  bool answers(const BoardSettings& board, Request::Kind kind) const { return do_answers(board, kind); }
  /// After the last byte of the request: until the last byte of its answer at the latest, or, where the board does not
  /// answer, until it listens again.
  Duration patience(const BoardSettings& board, Request::Kind kind, std::int64_t byte_time_us) const {
    return do_patience(board, kind, byte_time_us);
  }
  /// How many inputs there are: one a lock, set if its door reads shut; after those, in families that have them, one an
  /// item sensor, set if something is inside. At most 64.
  std::size_t input_count(const BoardSettings& board) const { return do_input_count(board); }
  /// Whether a CRC-16 guards the frames. Where an 8-bit sum does, noise can make one request of another.
  bool guarded_by_crc16() const { return do_guarded_by_crc16(); }

 protected:
  constexpr LockBoard() = default;
  ~LockBoard() = default;

  /// An unlock is answered as the settings say, everything else always.
  static bool usually_answers(const BoardSettings& board, Request::Kind kind) {
    return kind != Request::Kind::kUnlock || board.unlock_reply != UnlockReply::kNone;
  }
  /// limits::kReplyTimeout, or as late as the settings say.
  static Duration usual_patience(const BoardSettings& board, Request::Kind kind);

 private:
  virtual std::size_t do_encode(const BoardSettings& board, Request request, MutableBytes into) const = 0;
  virtual Answer do_answer(const BoardSettings& board, Request request, Bytes sent, Bytes received) const = 0;
  virtual bool do_answers(const BoardSettings& board, Request::Kind kind) const { return usually_answers(board, kind); }
  virtual Duration do_patience(const BoardSettings& board, Request::Kind kind, std::int64_t) const {
    return usual_patience(board, kind);
  }
  virtual std::size_t do_input_count(const BoardSettings& board) const { return board.channels; }
  virtual bool do_guarded_by_crc16() const { return false; }
};

const LockBoard& lock_board(BoardFamily family);

// Each in the file of its name.
const LockBoard& lock_board_p1();
const LockBoard& lock_board_p2();
const LockBoard& lock_board_p5();
const LockBoard& lock_board_p6();
const LockBoard& lock_board_p7();

}  // namespace cubby::drivers

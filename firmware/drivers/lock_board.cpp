#include "firmware/drivers/lock_board.h"

#include "firmware/base/assert.h"

namespace cubby::drivers {
namespace {

/// A late reply has its pulse's time, and this.
constexpr Duration kLateMargin = Duration::milliseconds(120);

}  // namespace

BoardSettings default_settings(BoardFamily family) {
  switch (family) {
    case BoardFamily::kP1:
      return {.family = family,
              .address = 1,
              .channels = 8,
              .first_channel = 1,
              .status_last = true,
              .unlock_reply = UnlockReply::kLate,
              .unlock_reply_ms = 500};
    case BoardFamily::kP2:
      return {.family = family,
              .address = 0,
              .channels = 16,
              .first_channel = 0,
              .unlock_reply = UnlockReply::kNone,
              .unlock_reply_ms = 200};
    case BoardFamily::kP5:
      return {.family = family};
    case BoardFamily::kP6:
      return {.family = family,
              .address = 1,
              .channels = 12,
              .first_channel = 1,
              .unlock_reply = UnlockReply::kLate,
              .unlock_reply_ms = 200};
    case BoardFamily::kP7:
      break;
  }
  return {.family = family,
          .address = 0,
          .channels = 24,
          .first_channel = 1,
          .unlock_reply = UnlockReply::kLate,
          .unlock_reply_ms = 400};
}

Duration LockBoard::usual_patience(const BoardSettings& board, Request::Kind kind) {
  const bool late = kind == Request::Kind::kUnlock && board.unlock_reply == UnlockReply::kLate;
  return late ? Duration::milliseconds(board.unlock_reply_ms) + kLateMargin : limits::kReplyTimeout;
}

const LockBoard& lock_board(BoardFamily family) {
  switch (family) {
    case BoardFamily::kP1:
      return lock_board_p1();
    case BoardFamily::kP2:
      return lock_board_p2();
    case BoardFamily::kP5:
      return lock_board_p5();
    case BoardFamily::kP6:
      return lock_board_p6();
    case BoardFamily::kP7:
      break;
  }
  return lock_board_p7();
}

}  // namespace cubby::drivers

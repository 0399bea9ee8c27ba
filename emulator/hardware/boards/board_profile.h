#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/board_family.h"
#include "firmware/base/instant.h"

namespace cubby::emulator {

/// Which status byte holds channels 1 to 8.
enum class StatusOrder : std::uint8_t { kFirst, kLast };
/// What closes the switch's contact: the door when it shuts, or when it opens.
enum class Feedback : std::uint8_t { kClosing, kOpening };
/// P6: with the lock's number, or without.
enum class ReplyForm : std::uint8_t { kA, kB };
enum class OpenAll : std::uint8_t { kSequential, kSimultaneous };

/// What a board is and how it differs from its sisters: each contradiction between sources is a field here.
struct BoardProfile {
  BoardFamily family = BoardFamily::kP1;
  std::uint32_t baud = 9600;
  std::uint8_t address = 1;
  std::uint8_t channels = 8;
  std::uint8_t first_channel = 1;                  // Number on the wire of the first lock.
  StatusOrder status_order = StatusOrder::kLast;   // Of what the board says.
  StatusOrder unlock_order = StatusOrder::kFirst;  // P1: of what "unlock several" brings.
  std::uint8_t closed_bit = 1;                     // What a bit of a shut door is.
  Feedback feedback = Feedback::kClosing;
  UnlockReply unlock_reply = UnlockReply::kLate;
  std::uint32_t unlock_reply_ms = 500;
  ReplyForm reply_form = ReplyForm::kA;
  std::uint32_t pulse_ms = 300;
  bool local_echo = false;      // The adapter gives the host its own bytes back.
  bool garbage_prefix = false;  // FA FD 99 99 before each transmission.
  std::uint32_t busy_after_unlock_ms = 0;
  bool unsolicited = false;
  OpenAll open_all = OpenAll::kSequential;
  std::uint32_t open_all_step_ms = 400;
};

inline constexpr std::uint8_t kBoardChannelsMax = 50;

BoardProfile default_profile(BoardFamily family);

/// Applies `name=value`. Returns one sentence that names what is allowed; empty: done. After an error the profile is
/// as it was.
std::string apply_setting(BoardProfile& profile, std::string_view setting);
/// Whether family, address and channels go together; empty: they do.
std::string profile_problem(const BoardProfile& profile);
/// Every setting that the family has, as `name=value name=value ...`.
std::string settings_of(const BoardProfile& profile);

/// One byte with start and stop bit, rounded to a microsecond.
constexpr Duration byte_time(std::uint32_t baud) {
  return Duration::microseconds((10'000'000 + baud / 2) / baud);
}

}  // namespace cubby::emulator

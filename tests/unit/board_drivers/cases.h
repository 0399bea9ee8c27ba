#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "firmware/drivers/bus_exchange.h"
#include "firmware/drivers/lock_board.h"
#include "support/board_frames.h"
#include "support/scripted_bus.h"

namespace cubby::drivers {

inline constexpr std::array kFamilies{BoardFamily::kP1, BoardFamily::kP2, BoardFamily::kP5, BoardFamily::kP6,
                                      BoardFamily::kP7};
inline constexpr Request kRead{.kind = Request::Kind::kRead};
inline constexpr Request kAllOff{.kind = Request::Kind::kAllOff};
constexpr Request unlock_of(std::uint8_t channel) {
  return {.kind = Request::Kind::kUnlock, .channel = channel};
}

/// "80 01 00 33 B2".
std::string hex(Bytes bytes);
std::vector<std::byte> bytes_of(const std::string& hex);
std::vector<std::byte> joined(std::initializer_list<Bytes> parts);

/// Every board that a family has and a driver takes: models, numbers of the first lock, orders, both senses of the
/// switches, ways of answering an unlock.
std::vector<BoardSettings> boards_of(BoardFamily family);
std::string describe(const BoardSettings& board);

/// A request to a board that answers it, and one right answer.
struct Answered {
  BoardSettings board;
  Request request;
  tests::Told told;
  std::vector<std::byte> sent;
  std::vector<std::byte> answer;
  Exchange what = Exchange::kDone;
};
std::ostream& operator<<(std::ostream& out, const Answered& answered);
/// For each of boards_of(): reads with several patterns of doors, unlocks of the first and the last lock, and what
/// else the family has.
std::vector<Answered> answered_by(BoardFamily family);
/// A few of them, one of each shape of frame, for what takes long.
std::vector<Answered> shapes_of(BoardFamily family);

/// One exchange on a segment where a test says what arrives.
struct Exchanging {
  tests::ScriptedBus bus;
  BusExchange exchange{bus};
  BoardSettings board;
  Instant now{1'000'000};

  explicit Exchanging(const BoardSettings& settings) : board(settings) {}
  Status start(Request request) { return exchange.start(board, request, now, false); }
  /// Puts these bytes behind the request, after `pause`.
  void arrive(Bytes bytes, Duration pause = Duration::milliseconds(5)) { bus.arrive(bytes, bus.sent_until() + pause); }
  /// How it ends; `now` is then the time at which it did.
  Exchange finish();
  Instant give_up(Request request) const {
    return bus.sent_until() + lock_board(board.family).patience(board, request.kind, bus.byte_time_us());
  }
};

}  // namespace cubby::drivers

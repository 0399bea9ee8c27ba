#include "fuzz/settings.h"

namespace cubby::fuzz {

using drivers::BoardSettings;
using drivers::Request;

BoardSettings settings_from(Input& input, BoardFamily family) {
  Input own(input.take(kSettingsBytes));
  auto board = drivers::default_settings(family);
  const auto address = own.byte();
  const auto model = own.byte();
  const auto first = own.byte();
  board.status_last = own.flag() != board.status_last;
  const bool sense = own.flag();
  const auto reply = own.pick({UnlockReply::kStatus, UnlockReply::kLate, UnlockReply::kNone});
  board.unlock_reply_ms = own.pick<std::uint16_t>({0, 100, 500});
  board.pulse_ms = static_cast<std::uint16_t>(100 * (1 + own.one_of(10)));
  const auto model_of = [&](std::initializer_list<std::uint8_t> models) {
    return models.begin()[model % models.size()];
  };
  switch (family) {
    case BoardFamily::kP1:
      board.address = static_cast<std::uint8_t>(1 + address % 31);
      board.channels = model_of({8, 12, 18, 24, 32, 50});
      board.shut_is_one = !sense;
      break;
    case BoardFamily::kP2:
      board.address = static_cast<std::uint8_t>(address % 16);
      board.channels = model_of({16, 12});
      board.first_channel = board.channels == 12 ? static_cast<std::uint8_t>(first % 2) : std::uint8_t{0};
      board.shut_is_one = !sense;
      break;
    case BoardFamily::kP5:
      board.address = static_cast<std::uint8_t>(1 + address % 247);
      board.channels = static_cast<std::uint8_t>(model % 2 == 0 ? 8 : 1 + model % limits::kBoardChannelsMax);
      board.shut_is_one = !sense;
      return board;
    case BoardFamily::kP6:
      board.address = static_cast<std::uint8_t>(1 + address % 15);
      board.channels = model_of({12, 24});
      board.first_channel = static_cast<std::uint8_t>(1 - first % 2);
      break;
    case BoardFamily::kP7:
      board.address = static_cast<std::uint8_t>(address % 32);
      board.channels = model_of({24, 8, 12, 16, 32, 48});
      board.first_channel = static_cast<std::uint8_t>(1 - first % 2);
      break;
  }
  board.unlock_reply = reply;
  return board;
}

Request request_from(Input& input, const BoardSettings& board) {
  auto kind = input.pick({Request::Kind::kRead, Request::Kind::kUnlock, Request::Kind::kAllOff});
  const auto channel = static_cast<std::uint8_t>(input.one_of(board.channels));
  const bool has_all_off = board.family == BoardFamily::kP5 || board.family == BoardFamily::kP6;
  if (kind == Request::Kind::kAllOff && !has_all_off) {
    kind = Request::Kind::kRead;
  }
  return {.kind = kind, .channel = kind == Request::Kind::kUnlock ? channel : std::uint8_t{0}};
}

}  // namespace cubby::fuzz

#include "unit/board_drivers/cases.h"

#include <algorithm>

namespace cubby::drivers {
namespace {

std::vector<std::uint8_t> models_of(BoardFamily family) {
  switch (family) {
    case BoardFamily::kP1:
      return {8, 12, 18, 24, 32, 50};
    case BoardFamily::kP2:
      return {12, 16};
    case BoardFamily::kP5:
      return {1, 8, 9, 32, 50};
    case BoardFamily::kP6:
      return {12, 24};
    case BoardFamily::kP7:
      break;
  }
  return {8, 12, 16, 24, 32, 48};
}

std::vector<std::uint8_t> first_channels_of(BoardFamily family, std::uint8_t channels) {
  if (family == BoardFamily::kP1) {
    return {1};  // 0 is "all".
  }
  if (family == BoardFamily::kP5 || (family == BoardFamily::kP2 && channels == 16)) {
    return {0};
  }
  return {0, 1};
}

std::vector<std::uint8_t> addresses_of(BoardFamily family) {
  switch (family) {
    case BoardFamily::kP1:
      return {1, 31};
    case BoardFamily::kP2:
      return {0, 15};
    case BoardFamily::kP5:
      return {1, 247};
    case BoardFamily::kP6:
      return {1, 15};
    case BoardFamily::kP7:
      break;
  }
  return {0, 31};
}

/// Says of the settings that the family does not read only one.
std::vector<BoardSettings> settings_both_ways(const BoardSettings& board) {
  std::vector<BoardSettings> all;
  const bool p1 = board.family == BoardFamily::kP1;
  const bool has_sense = p1 || board.family == BoardFamily::kP2 || board.family == BoardFamily::kP5;
  for (const bool status_last : {false, true}) {
    for (const bool shut_is_one : {false, true}) {
      for (const auto reply : {UnlockReply::kNone, UnlockReply::kStatus, UnlockReply::kLate}) {
        const bool meant = (p1 || !status_last) && (has_sense || shut_is_one) &&
                           (board.family != BoardFamily::kP5 || reply == UnlockReply::kStatus);
        if (meant) {
          all.push_back(board);
          all.back().status_last = status_last;
          all.back().shut_is_one = shut_is_one;
          all.back().unlock_reply = reply;
          all.back().unlock_reply_ms = reply == UnlockReply::kLate ? 300 : 0;
        }
      }
    }
  }
  return all;
}

std::vector<std::uint64_t> patterns_of(const BoardSettings& board) {
  const auto count = lock_board(board.family).input_count(board);
  const auto all = (std::uint64_t{1} << count) - 1;
  return {0, all, 1, all ^ std::uint64_t{1} << (board.channels - 1), 0x5A5A'5A5A'5A5A'5A5A & all};
}

Answered answered(const BoardSettings& board, Request request, const tests::Told& told) {
  return {.board = board,
          .request = request,
          .told = told,
          .sent = tests::request_frame(board, request),
          .answer = tests::answer_frame(board, request, told),
          .what = told.refuses ? Exchange::kRefused : Exchange::kDone};
}

void add_unlocks(std::vector<Answered>& all, const BoardSettings& board) {
  for (const std::uint8_t channel : {std::uint8_t{0}, static_cast<std::uint8_t>(board.channels - 1)}) {
    for (const bool still_shut : {false, true}) {
      all.push_back(answered(board, unlock_of(channel), {.still_shut = still_shut}));
      if (board.family == BoardFamily::kP6) {
        all.push_back(answered(board, unlock_of(channel), {.form_b = true, .still_shut = still_shut}));
      }
    }
    if (board.family == BoardFamily::kP5 || board.family == BoardFamily::kP7) {
      all.push_back(answered(board, unlock_of(channel), {.refuses = true}));
    }
  }
}

}  // namespace

std::string hex(Bytes bytes) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (const std::byte value : bytes) {
    text += text.empty() ? "" : " ";
    text += kDigits[std::to_integer<unsigned>(value) >> 4];
    text += kDigits[std::to_integer<unsigned>(value) & 15];
  }
  return text;
}

std::vector<std::byte> bytes_of(const std::string& hex) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 3) {
    bytes.push_back(static_cast<std::byte>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::vector<std::byte> joined(std::initializer_list<Bytes> parts) {
  std::vector<std::byte> all;
  for (const Bytes part : parts) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

std::vector<BoardSettings> boards_of(BoardFamily family) {
  std::vector<BoardSettings> all;
  for (const auto channels : models_of(family)) {
    for (const auto first_channel : first_channels_of(family, channels)) {
      for (const auto address : addresses_of(family)) {
        auto board = default_settings(family);
        board.channels = channels;
        board.first_channel = first_channel;
        board.address = address;
        const auto both = settings_both_ways(board);
        all.insert(all.end(), both.begin(), both.end());
      }
    }
  }
  return all;
}

std::string describe(const BoardSettings& board) {
  return "P" + std::to_string(static_cast<int>(board.family)) + " address=" + std::to_string(board.address) +
         " channels=" + std::to_string(board.channels) + " first_channel=" + std::to_string(board.first_channel) +
         " status_last=" + std::to_string(board.status_last) + " shut_is_one=" + std::to_string(board.shut_is_one) +
         " unlock_reply=" + std::to_string(static_cast<int>(board.unlock_reply));
}

std::ostream& operator<<(std::ostream& out, const Answered& answered) {
  return out << describe(answered.board) << ": " << hex(answered.sent) << " -> " << hex(answered.answer);
}

std::vector<Answered> answered_by(BoardFamily family) {
  std::vector<Answered> all;
  for (const auto& board : boards_of(family)) {
    for (const auto inputs : patterns_of(board)) {
      all.push_back(answered(board, kRead, {.inputs = inputs}));
    }
    if (family == BoardFamily::kP5) {
      all.push_back(answered(board, kAllOff, {}));
    }
    if (family == BoardFamily::kP5 || family == BoardFamily::kP7) {
      all.push_back(answered(board, kRead, {.refuses = true}));
    }
    if (lock_board(family).answers(board, Request::Kind::kUnlock)) {
      add_unlocks(all, board);
    }
  }
  return all;
}

std::vector<Answered> shapes_of(BoardFamily family) {
  auto board = default_settings(family);
  board.unlock_reply = UnlockReply::kStatus;
  std::vector<Answered> all{answered(board, kRead, {.inputs = patterns_of(board).back()})};
  board.channels = models_of(family).back();
  all.push_back(answered(board, kRead, {.inputs = patterns_of(board).back()}));
  add_unlocks(all, board);
  if (family == BoardFamily::kP5) {
    all.push_back(answered(board, kAllOff, {}));
  }
  return all;
}

Exchange Exchanging::finish() {
  auto outcome = exchange.tick(now);
  while (outcome == Exchange::kWaiting) {
    now = std::max(now, exchange.wake());
    outcome = exchange.tick(now);
  }
  return outcome;
}

}  // namespace cubby::drivers

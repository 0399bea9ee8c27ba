#include "fuzz/replies.h"

namespace cubby::fuzz {

using drivers::BoardSettings;
using drivers::Request;

namespace {

std::vector<std::byte> right_answer(Input& input, const BoardSettings& board, Request request) {
  const auto count = drivers::lock_board(board.family).input_count(board);
  const auto flags = input.byte();
  tests::Told told;
  told.refuses = (flags & 1) != 0 && (board.family == BoardFamily::kP5 || board.family == BoardFamily::kP7);
  told.form_b = (flags & 2) != 0;
  told.still_shut = (flags & 4) != 0;
  told.inputs = (flags & 8) != 0 ? input.number() : ~std::uint64_t{0};
  told.inputs &= (std::uint64_t{1} << count) - 1;
  return tests::answer_frame(board, request, told);
}

}  // namespace

std::vector<std::byte> reply_from(Input& input, const BoardSettings& board, Request request) {
  std::vector<std::byte> bytes;
  switch (input.one_of(6)) {
    case 0: {
      const auto raw = input.take(input.byte() & 0x1F);
      bytes.assign(raw.begin(), raw.end());
      break;
    }
    case 1:
      bytes = right_answer(input, board, request);
      break;
    case 2:
      bytes = right_answer(input, board, request);
      bytes[input.one_of(bytes.size())] = static_cast<std::byte>(input.byte());
      break;
    case 3:
      bytes = right_answer(input, board, request);
      bytes.resize(input.one_of(bytes.size()));
      break;
    case 4:
      bytes = tests::request_frame(board, request);
      break;
    default:
      break;
  }
  return bytes;
}

std::optional<Found> find_answer(const BoardSettings& board, Request request, Bytes received) {
  for (std::size_t at = 0; at < received.size(); ++at) {
    if (const auto meaning = tests::meaning_of(board, request, received.subspan(at)); meaning.has_value()) {
      return Found{.at = at, .meaning = *meaning};
    }
  }
  return std::nullopt;
}

}  // namespace cubby::fuzz

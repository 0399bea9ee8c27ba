// Drivers: settings and a request, then what is received, piece by piece (replies.h). Each prefix of it is taken for
// exactly what the specification makes of it.
#include <algorithm>

#include "fuzz/replies.h"

namespace cubby::fuzz {
namespace {

using drivers::Exchange;
using drivers::Request;

/// As much as BusExchange ever shows a driver.
constexpr std::size_t kReceivedMax = 128;

void fuzz(BoardFamily family, Bytes bytes) {
  Input input(bytes);
  const auto board = settings_from(input, family);
  const auto request = request_from(input, board);
  const auto& driver = drivers::lock_board(family);

  std::array<std::byte, limits::kBusFrameMax> frame{};
  const Bytes sent = Bytes(frame).first(driver.encode(board, request, frame));
  const auto wanted = tests::request_frame(board, request);
  require(std::equal(sent.begin(), sent.end(), wanted.begin(), wanted.end()), "a request is the specification's");
  if (!driver.answers(board, request.kind)) {
    return;
  }

  std::vector<std::byte> received;
  while (!input.empty() && received.size() < kReceivedMax) {
    const auto reply = reply_from(input, board, request);
    received.insert(received.end(), reply.begin(), reply.end());
  }
  received.resize(std::min(received.size(), kReceivedMax));
  const auto inputs_max = (std::uint64_t{1} << driver.input_count(board)) - 1;
  for (std::size_t size = 0; size <= received.size(); ++size) {
    const auto prefix = Bytes(received).first(size);
    const auto answer = driver.answer(board, request, sent, prefix);
    const auto found = find_answer(board, request, prefix);
    if (!found.has_value()) {
      require(answer.what == Exchange::kWaiting, "what is no answer is not taken for one");
      continue;
    }
    require(answer.what == found->meaning.what, "an answer is taken for what it says");
    require(answer.at == found->at, "the first answer counts");
    require(answer.inputs <= inputs_max, "there are no more inputs than input_count()");
    require(request.kind != Request::Kind::kRead || answer.inputs == found->meaning.inputs,
            "doors are taken for what the answer says");
  }
}

}  // namespace

void driver_p1(Bytes input) {
  fuzz(BoardFamily::kP1, input);
}
void driver_p2(Bytes input) {
  fuzz(BoardFamily::kP2, input);
}
void driver_p5(Bytes input) {
  fuzz(BoardFamily::kP5, input);
}
void driver_p6(Bytes input) {
  fuzz(BoardFamily::kP6, input);
}
void driver_p7(Bytes input) {
  fuzz(BoardFamily::kP7, input);
}

}  // namespace cubby::fuzz

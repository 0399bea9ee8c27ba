// P1, "8A/80": the most common relabelled board. Frames end with the XOR of all bytes before.
#include <algorithm>
#include <array>

#include "firmware/base/assert.h"
#include "firmware/drivers/lock_board.h"
#include "firmware/drivers/lock_frames.h"

namespace cubby::drivers {
namespace {

constexpr std::byte kUnlock{0x8A};
constexpr std::byte kRead{0x80};
constexpr std::byte kAll{0x00};
constexpr std::byte kDo{0x11};
constexpr std::byte kAsk{0x33};
constexpr std::byte kPressed{0x11};
constexpr std::byte kReleased{0x00};
constexpr std::size_t kShort = 5;
constexpr std::size_t kReadOverhead = 4;  // Head, address, the question's byte, sum.

/// Models of up to 24 channels fill three bytes.
std::size_t status_bytes(const BoardSettings& board) {
  return board.channels <= 24 ? 3 : (board.channels + std::size_t{7}) / 8;
}

class P1LockBoard final : public LockBoard {
 private:
  std::size_t do_encode(const BoardSettings& board, Request request, MutableBytes into) const override {
    if (request.kind != Request::Kind::kRead && request.kind != Request::Kind::kUnlock) {
      return 0;
    }
    const bool unlock = request.kind == Request::Kind::kUnlock;
    const auto channel = static_cast<std::byte>(request.channel + board.first_channel);
    // Channel 0 is "all".
    CUBBY_ASSERT(!unlock || (request.channel < board.channels && channel != kAll));
    const std::array body{unlock ? kUnlock : kRead, static_cast<std::byte>(board.address), unlock ? channel : kAll,
                          unlock ? kDo : kAsk};
    std::copy(body.begin(), body.end(), into.begin());
    into[body.size()] = xor_of(body);
    return kShort;
  }

  Answer do_answer(const BoardSettings& board, Request request, Bytes sent, Bytes received) const override {
    if (request.kind == Request::Kind::kRead) {
      return find_answer(received, [&](Bytes from) { return status(board, from); });
    }
    return find_answer(received, [&](Bytes from) {
      const bool is_reply = from.size() >= kShort && std::equal(sent.begin(), sent.begin() + 3, from.begin()) &&
                            (from[3] == kPressed || from[3] == kReleased) && xor_of(from.first(kShort)) == std::byte{0};
      return Answer{.what = is_reply ? Exchange::kDone : Exchange::kWaiting};
    });
  }

  static Answer status(const BoardSettings& board, Bytes from) {
    const auto bytes = status_bytes(board);
    const auto size = kReadOverhead + bytes;
    if (from.size() < size || from[0] != kRead || from[1] != static_cast<std::byte>(board.address) ||
        from[size - 2] != kAsk || xor_of(from.first(size)) != std::byte{0}) {
      return {};
    }
    std::uint64_t ones = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      const auto group = board.status_last ? bytes - 1 - i : i;
      ones |= std::to_integer<std::uint64_t>(from[2 + i]) << (8 * group);
    }
    const auto locks = low_bits(board.channels);
    if ((ones & ~locks) != 0) {
      return {};  // Channels that the board has not: noise, or its bytes are in the other order.
    }
    return {.what = Exchange::kDone, .inputs = board.shut_is_one ? ones : ~ones & locks};
  }
};

constinit const P1LockBoard kBoard;

}  // namespace

const LockBoard& lock_board_p1() {
  return kBoard;
}

}  // namespace cubby::drivers

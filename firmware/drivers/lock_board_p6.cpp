// P6, DingChang: DC 02 to the board, DC FE from it; the sum leaves the two bytes of the head out. 1 is open.
#include <algorithm>
#include <array>

#include "firmware/base/assert.h"
#include "firmware/drivers/lock_board.h"
#include "firmware/drivers/lock_frames.h"

namespace cubby::drivers {
namespace {

constexpr std::byte kHead{0xDC};
constexpr std::byte kToBoard{0x02};
constexpr std::byte kFromBoard{0xFE};
constexpr std::byte kOpenOne{0x10};
constexpr std::byte kReadAll{0x12};
constexpr std::byte kOutputs{0x1A};
constexpr std::size_t kSummedFrom = 2;
constexpr std::size_t kDataAt = 5;
constexpr std::size_t kOverhead = 6;  // Head of two, address, command, length, sum.

std::size_t mask_bytes(const BoardSettings& board) {
  return (board.channels + std::size_t{7}) / 8;
}

class P6LockBoard final : public LockBoard {
 private:
  std::size_t do_encode(const BoardSettings& board, Request request, MutableBytes into) const override {
    std::array<std::byte, limits::kBoardChannelsMax / 8 + 1> data{};
    std::byte command = kReadAll;
    std::size_t length = 0;
    if (request.kind == Request::Kind::kUnlock) {
      CUBBY_ASSERT(request.channel < board.channels);
      command = kOpenOne;
      data[0] = static_cast<std::byte>(request.channel + board.first_channel);
      length = 1;
    } else if (request.kind == Request::Kind::kAllOff) {
      command = kOutputs;
      length = mask_bytes(board);
    }
    const std::array head{kHead, kToBoard, static_cast<std::byte>(board.address), command,
                          static_cast<std::byte>(length)};
    std::copy(head.begin(), head.end(), into.begin());
    std::copy_n(data.begin(), length, into.begin() + kDataAt);
    into[kDataAt + length] = sum_of(Bytes(into).subspan(kSummedFrom, kDataAt - kSummedFrom + length));
    return kOverhead + length;
  }

  Answer do_answer(const BoardSettings& board, Request request, Bytes sent, Bytes received) const override {
    return find_answer(received, [&](Bytes from) -> Answer {
      if (from.size() < kOverhead || from[0] != kHead || from[1] != kFromBoard || from[2] != sent[2] ||
          from[3] != sent[3]) {
        return {};
      }
      const auto size = kOverhead + std::to_integer<std::size_t>(from[4]);
      if (from.size() < size || sum_of(from.subspan(kSummedFrom, size - 1 - kSummedFrom)) != from[size - 1]) {
        return {};
      }
      const auto data = from.subspan(kDataAt, size - kOverhead);
      return request.kind == Request::Kind::kRead ? inputs(board, data) : unlocked(sent, data);
    });
  }

  /// Form A tells the lock and its state, form B the state alone: the maker's manual has both.
  static Answer unlocked(Bytes sent, Bytes data) {
    const bool form_a = data.size() == 2 && data[0] == sent[kDataAt];
    return {.what = form_a || data.size() == 1 ? Exchange::kDone : Exchange::kWaiting};
  }

  static Answer inputs(const BoardSettings& board, Bytes data) {
    if (data.size() != mask_bytes(board)) {
      return {};
    }
    std::uint64_t open = 0;
    for (const std::byte value : data) {
      open = open << 8 | std::to_integer<std::uint64_t>(value);
    }
    const auto locks = low_bits(board.channels);
    if ((open & ~locks) != 0) {
      return {};  // Locks that the board has not.
    }
    return {.what = Exchange::kDone, .inputs = ~open & locks};
  }

  /// What a board says to "outputs" is in no source: it is sent, and nothing is waited for.
  bool do_answers(const BoardSettings& board, Request::Kind kind) const override {
    return kind != Request::Kind::kAllOff && usually_answers(board, kind);
  }
};

constinit const P6LockBoard kBoard;

}  // namespace

const LockBoard& lock_board_p6() {
  return kBoard;
}

}  // namespace cubby::drivers

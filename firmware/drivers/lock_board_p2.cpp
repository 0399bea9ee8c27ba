// P2, Kerong CU12 and CU16: STX .. ETX, and the low byte of the sum of everything before it.
#include <algorithm>
#include <array>

#include "firmware/base/assert.h"
#include "firmware/drivers/lock_board.h"
#include "firmware/drivers/lock_frames.h"

namespace cubby::drivers {
namespace {

constexpr std::byte kStx{0x02};
constexpr std::byte kEtx{0x03};
constexpr std::byte kStatus{0x30};
constexpr std::byte kUnlock{0x31};
constexpr std::byte kStatusReply{0x35};
constexpr std::size_t kBare = 5;
constexpr std::size_t kStatusSize = 9;
constexpr std::byte kBoardPart{0xF0};
/// Real boards neither hear nor say anything for 25 to 100 ms after an unlock.
constexpr Duration kBusy = Duration::milliseconds(110);

class P2LockBoard final : public LockBoard {
 private:
  std::size_t do_encode(const BoardSettings& board, Request request, MutableBytes into) const override {
    if (request.kind != Request::Kind::kRead && request.kind != Request::Kind::kUnlock) {
      return 0;
    }
    const bool unlock = request.kind == Request::Kind::kUnlock;
    const int lock = unlock ? request.channel + board.first_channel : 0;
    CUBBY_ASSERT(lock <= 0x0F && board.address <= 0x0F && (!unlock || request.channel < board.channels));
    const std::array body{kStx, static_cast<std::byte>(board.address << 4 | lock), unlock ? kUnlock : kStatus, kEtx};
    std::copy(body.begin(), body.end(), into.begin());
    into[body.size()] = sum_of(body);
    return kBare;
  }

  /// An unlock is answered with the status too, if it is answered at all.
  Answer do_answer(const BoardSettings& board, Request, Bytes, Bytes received) const override {
    return find_answer(received, [&](Bytes from) { return status(board, from); });
  }

  static Answer status(const BoardSettings& board, Bytes from) {
    if (from.size() < kStatusSize || from[0] != kStx ||
        (from[1] & kBoardPart) != static_cast<std::byte>(board.address << 4) || from[2] != kStatusReply ||
        from[kStatusSize - 2] != kEtx || sum_of(from.first(kStatusSize - 1)) != from[kStatusSize - 1]) {
      return {};
    }
    const std::uint64_t ones = load_le<std::uint16_t>(from.subspan(3, 2));
    const std::uint64_t items = load_le<std::uint16_t>(from.subspan(5, 2));
    const auto locks = low_bits(board.channels);
    return {.what = Exchange::kDone,
            .inputs = ((board.shut_is_one ? ones : ~ones) & locks) | (items & locks) << board.channels};
  }

  Duration do_patience(const BoardSettings& board, Request::Kind kind, std::int64_t) const override {
    const auto usual = usual_patience(board, kind);
    return kind == Request::Kind::kUnlock ? std::max(usual, kBusy + limits::kReplyTimeout) : usual;
  }
  std::size_t do_input_count(const BoardSettings& board) const override { return std::size_t{2} * board.channels; }
};

constinit const P2LockBoard kBoard;

}  // namespace

const LockBoard& lock_board_p2() {
  return kBoard;
}

}  // namespace cubby::drivers

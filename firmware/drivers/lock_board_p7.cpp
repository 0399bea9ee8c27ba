// P7, "WKLY": four magic bytes, the frame's whole length, an XOR over all of it at the end.
#include <algorithm>
#include <array>

#include "firmware/base/assert.h"
#include "firmware/drivers/lock_board.h"
#include "firmware/drivers/lock_frames.h"

namespace cubby::drivers {
namespace {

constexpr std::array kMagic{std::byte{0x57}, std::byte{0x4B}, std::byte{0x4C}, std::byte{0x59}};
constexpr std::byte kOpenOne{0x82};
constexpr std::byte kReadAll{0x84};
constexpr std::byte kOk{0x00};
constexpr std::byte kFail{0xFF};
constexpr std::byte kOpen{0x00};
constexpr std::byte kShut{0x01};
constexpr std::size_t kDataAt = 7;    // Magic, length, address, command.
constexpr std::size_t kOverhead = 8;  // And the sum.
constexpr std::size_t kOpenedData = 3;
constexpr std::size_t kStatesAt = 2;  // In the data: result, count.
/// It is slow: 220 ms at most until it tells all doors, 450 ms until it tells of an opening.
constexpr Duration kReadLatencyMax = Duration::milliseconds(220);
constexpr Duration kMargin = Duration::milliseconds(20);

static_assert(kOverhead + kStatesAt + limits::kBoardChannelsMax <= limits::kBusReplyMax);

class P7LockBoard final : public LockBoard {
 private:
  std::size_t do_encode(const BoardSettings& board, Request request, MutableBytes into) const override {
    if (request.kind != Request::Kind::kRead && request.kind != Request::Kind::kUnlock) {
      return 0;
    }
    const bool unlock = request.kind == Request::Kind::kUnlock;
    CUBBY_ASSERT(!unlock || request.channel < board.channels);
    const auto size = kOverhead + (unlock ? std::size_t{1} : std::size_t{0});
    std::copy(kMagic.begin(), kMagic.end(), into.begin());
    into[4] = static_cast<std::byte>(size);
    into[5] = static_cast<std::byte>(board.address);
    into[6] = unlock ? kOpenOne : kReadAll;
    into[kDataAt] = static_cast<std::byte>(request.channel + board.first_channel);
    into[size - 1] = xor_of(Bytes(into).first(size - 1));
    return size;
  }

  Answer do_answer(const BoardSettings& board, Request request, Bytes sent, Bytes received) const override {
    return find_answer(received, [&](Bytes from) -> Answer {
      if (from.size() < kOverhead || !std::equal(kMagic.begin(), kMagic.end(), from.begin()) || from[5] != sent[5] ||
          from[6] != sent[6]) {
        return {};
      }
      const auto size = std::to_integer<std::size_t>(from[4]);
      if (size < kOverhead || from.size() < size || xor_of(from.first(size)) != std::byte{0}) {
        return {};
      }
      const auto data = from.subspan(kDataAt, size - kOverhead);
      return request.kind == Request::Kind::kRead ? inputs(board, data) : opened(sent, data);
    });
  }

  static Answer opened(Bytes sent, Bytes data) {
    if (data.size() != kOpenedData || (data[0] != kOk && data[0] != kFail) || data[1] != sent[kDataAt]) {
      return {};
    }
    return {.what = data[0] == kOk ? Exchange::kDone : Exchange::kRefused};
  }

  static Answer inputs(const BoardSettings& board, Bytes data) {
    if (data.size() == 1 && data[0] == kFail) {
      return {.what = Exchange::kRefused};
    }
    if (data.size() != kStatesAt + board.channels || data[0] != kOk ||
        data[1] != static_cast<std::byte>(board.channels)) {
      return {};
    }
    Answer answer{.what = Exchange::kDone};
    for (std::size_t i = 0; i < board.channels; ++i) {
      const auto state = data[kStatesAt + i];
      if (state != kOpen && state != kShut) {
        return {};
      }
      answer.inputs |= state == kShut ? std::uint64_t{1} << i : 0;
    }
    return answer;
  }

  Duration do_patience(const BoardSettings& board, Request::Kind kind, std::int64_t byte_time_us) const override {
    if (kind == Request::Kind::kRead) {
      const auto bytes = static_cast<std::int64_t>(kOverhead + kStatesAt + board.channels);
      return kReadLatencyMax + kMargin + Duration::microseconds(byte_time_us * bytes);
    }
    return usual_patience(board, kind);
  }
};

constinit const P7LockBoard kBoard;

}  // namespace

const LockBoard& lock_board_p7() {
  return kBoard;
}

}  // namespace cubby::drivers

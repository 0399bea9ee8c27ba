#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "firmware/base/instant.h"
#include "firmware/base/limits.h"
#include "firmware/base/status.h"
#include "firmware/drivers/lock_board.h"
#include "firmware/hal/serial_bus.h"

namespace cubby::drivers {

/// The one request that may run on a segment, to a board of any family. Each frame is sent once and never repeated.
/// An answer counts only if it is to the running request; whatever arrives at other times is thrown away.
class BusExchange {
 public:
  explicit BusExchange(hal::SerialBus& bus) : bus_(bus) {}

  /// The adapter gives back what is sent: an answer counts only behind that echo. Without it, a reading that comes
  /// behind an echo is not taken: the adapter is not what it was said to be, and on P1 an echo would answer an unlock.
  void expect_echo(bool echo) { has_echo_ = echo; }

  /// `board` must outlive the exchange. `idle`: see hal::SerialBus::send. kWrongState: another runs. kNotSent: as
  /// Exchange::kNotSent. kNotSupported: the family has no such command; nothing was sent.
  Status start(const BoardSettings& board, Request request, Instant now, bool idle);
  /// Takes what has arrived. kWaiting until the exchange is over, then its outcome once, then kNone. It is over
  /// LockBoard::patience() after the request's last byte at the latest.
  Exchange tick(Instant now);
  /// When tick() has work next; Instant::max() while no exchange runs.
  Instant wake() const;
  /// Of the reading that was done last: see LockBoard::input_count().
  std::uint64_t inputs() const { return answer_.inputs; }

  /// See firmware/base/image.h; `boards` are those of which one was given to start().
  template <typename Image>
  void image(Image& image, std::span<const BoardSettings> boards) {
    std::size_t board = board_ == nullptr ? boards.size() : static_cast<std::size_t>(board_ - boards.data());
    image(has_echo_, board, request_, answer_, give_up_, echo_due_, echo_came_, sent_, sent_size_, received_,
          received_size_);
    board_ = board < boards.size() ? &boards[board] : nullptr;
    family_ = board_ == nullptr ? nullptr : &lock_board(board_->family);
  }

 private:
  static constexpr std::size_t kReceivedMax = 128;
  static_assert(kReceivedMax / 2 >= limits::kBusReplyMax, "half of it is kept when it is full");

  Bytes sent() const { return Bytes(sent_).first(sent_size_); }
  Bytes received() const { return Bytes(received_).first(received_size_); }
  void receive(Instant now);
  void look();
  bool take_echo();
  void drop(std::size_t count);

  hal::SerialBus& bus_;
  bool has_echo_ = false;
  const LockBoard* family_ = nullptr;
  const BoardSettings* board_ = nullptr;
  Request request_;
  Answer answer_;
  Instant give_up_ = Instant::max();
  bool echo_due_ = false;   // The echo has not come yet.
  bool echo_came_ = false;  // One did that was not expected, before a reading.
  std::array<std::byte, limits::kBusFrameMax> sent_{};
  std::size_t sent_size_ = 0;
  std::array<std::byte, kReceivedMax> received_{};
  std::size_t received_size_ = 0;
};

}  // namespace cubby::drivers

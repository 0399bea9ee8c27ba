#include "firmware/drivers/bus_exchange.h"

#include <algorithm>

#include "firmware/base/assert.h"

namespace cubby::drivers {

Status BusExchange::start(const BoardSettings& board, Request request, Instant now, bool idle) {
  CUBBY_ASSERT(request.kind != Request::Kind::kNone);
  if (request_.kind != Request::Kind::kNone) {
    return Status::kWrongState;
  }
  const auto& family = lock_board(board.family);
  sent_size_ = family.encode(board, request, sent_);
  if (sent_size_ == 0) {
    return Status::kNotSupported;
  }
  // What is in the receiver now was never asked for by this request.
  while (bus_.receive(received_, now) == received_.size()) {
  }
  received_size_ = 0;
  if (bus_.send(sent(), now, idle) != Status::kOk) {
    return Status::kNotSent;
  }
  family_ = &family;
  board_ = &board;
  request_ = request;
  answer_ = {};
  echo_due_ = has_echo_;
  echo_came_ = false;
  const auto byte_time = bus_.byte_time_us();
  give_up_ = now + Duration{byte_time * static_cast<std::int64_t>(sent_size_)} +
             family.patience(board, request.kind, byte_time);
  return Status::kOk;
}

Exchange BusExchange::tick(Instant now) {
  if (request_.kind == Request::Kind::kNone) {
    return Exchange::kNone;
  }
  receive(now);
  auto outcome = answer_.what;
  if (outcome == Exchange::kWaiting) {
    if (now < give_up_) {
      return outcome;
    }
    outcome = family_->answers(*board_, request_.kind) ? Exchange::kUnknown : Exchange::kSent;
  }
  request_ = {};
  give_up_ = Instant::max();
  return outcome;
}

Instant BusExchange::wake() const {
  if (request_.kind == Request::Kind::kNone) {
    return Instant::max();
  }
  return std::min(give_up_, bus_.next_arrival());
}

void BusExchange::receive(Instant now) {
  while (answer_.what == Exchange::kWaiting) {
    if (received_size_ == kReceivedMax) {
      // More than any reply: noise. The end of it may be the reply's beginning.
      drop(kReceivedMax / 2);
    }
    const auto size = bus_.receive(MutableBytes(received_).subspan(received_size_), now);
    if (size == 0) {
      return;
    }
    received_size_ += size;
    look();
  }
}

void BusExchange::look() {
  // A board that does not answer may all the same; then what it says is nobody's.
  if ((echo_due_ && !take_echo()) || !family_->answers(*board_, request_.kind) || echo_came_) {
    return;
  }
  const auto answer = family_->answer(*board_, request_, sent(), received());
  if (answer.what == Exchange::kWaiting) {
    return;
  }
  const bool behind_echo = answer.at >= sent_size_ && std::equal(sent().begin(), sent().end(), received_.begin());
  if (!has_echo_ && request_.kind == Request::Kind::kRead && behind_echo) {
    echo_came_ = true;  // No answer is taken any more; the time that it has stays its own.
    return;
  }
  answer_ = answer;
}

/// Drops everything up to the end of the echo, if it is there.
bool BusExchange::take_echo() {
  const auto all = received();
  const auto found =
      std::search(all.begin(), all.end(), sent_.begin(), sent_.begin() + static_cast<std::ptrdiff_t>(sent_size_));
  if (found == all.end()) {
    return false;
  }
  echo_due_ = false;
  drop(static_cast<std::size_t>(found - all.begin()) + sent_size_);
  return true;
}

void BusExchange::drop(std::size_t count) {
  std::copy(received_.begin() + static_cast<std::ptrdiff_t>(count),
            received_.begin() + static_cast<std::ptrdiff_t>(received_size_), received_.begin());
  received_size_ -= count;
}

}  // namespace cubby::drivers

#include "firmware/ports/posix/byte_line.h"

#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace cubby::posix {
namespace {

bool try_again(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

void ByteLine::adopt(Descriptor descriptor, bool connecting) {
  close();
  in_.clear();
  reason_.clear();
  descriptor_ = std::move(descriptor);
  state_ = connecting ? State::kConnecting : State::kUp;
}

void ByteLine::fail(const char* reason) {
  close();
  reason_ = reason;
}

void ByteLine::close() {
  if (!descriptor_.valid()) {
    return;
  }
  // A frame that a stuck port kept would open a door when nobody waits for it any more.
  if (isatty(descriptor_.get()) != 0) {
    (void)tcflush(descriptor_.get(), TCIOFLUSH);
  }
  descriptor_.reset(-1);
  state_ = State::kDown;
  out_.clear();
}

Status ByteLine::send(Bytes data) {
  return start_sending(data, true);
}

Status ByteLine::send_now(Bytes data) {
  return start_sending(data, false);
}

Status ByteLine::start_sending(Bytes data, bool may_wait) {
  if (state_ != State::kUp) {
    return state_ == State::kConnecting ? Status::kBusy : Status::kNotSent;
  }
  if (out_.size() + data.size() > limits_.out || (!may_wait && !out_.empty())) {
    return Status::kBusy;
  }
  std::size_t taken = 0;
  if (out_.empty()) {
    const ssize_t done = calls_.write(descriptor_.get(), data.data(), data.size());
    if (done < 0 && !try_again(errno)) {
      fail(std::strerror(errno));
      return Status::kNotSent;
    }
    taken = done > 0 ? static_cast<std::size_t>(done) : 0;
    if (taken == 0 && !may_wait) {
      return Status::kBusy;
    }
  }
  const Bytes rest = data.subspan(taken);
  out_.insert(out_.end(), rest.begin(), rest.end());
  return Status::kOk;
}

std::size_t ByteLine::receive(MutableBytes into) {
  if (in_.empty() && state_ == State::kUp) {
    read_some();
  }
  const std::size_t size = std::min(into.size(), in_.size());
  std::copy_n(in_.begin(), size, into.begin());
  in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(size));
  return size;
}

void ByteLine::service() {
  if (state_ == State::kConnecting) {
    finish_connecting();
  }
  if (state_ == State::kUp) {
    write_some();
  }
  if (state_ == State::kUp) {
    read_some();
  }
}

void ByteLine::finish_connecting() {
  pollfd wait{.fd = descriptor_.get(), .events = POLLOUT, .revents = 0};
  if (poll(&wait, 1, 0) <= 0) {
    return;
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(descriptor_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
    fail(std::strerror(error));
    return;
  }
  state_ = State::kUp;
}

void ByteLine::write_some() {
  while (!out_.empty()) {
    const ssize_t done = calls_.write(descriptor_.get(), out_.data(), out_.size());
    if (done < 0 && !try_again(errno)) {
      fail(std::strerror(errno));
      return;
    }
    if (done <= 0) {
      return;
    }
    out_.erase(out_.begin(), out_.begin() + done);
  }
}

void ByteLine::read_some() {
  std::array<std::byte, 512> chunk{};
  while (in_.size() < limits_.in) {
    const std::size_t room = std::min(chunk.size(), limits_.in - in_.size());
    const ssize_t size = calls_.read(descriptor_.get(), chunk.data(), room);
    if (size < 0 && try_again(errno)) {
      return;
    }
    if (size <= 0) {
      fail(size == 0 ? "the other side has closed" : std::strerror(errno));
      return;
    }
    in_.insert(in_.end(), chunk.begin(), chunk.begin() + size);
  }
}

void ByteLine::watch(std::vector<pollfd>& set) const {
  if (!descriptor_.valid()) {
    return;
  }
  short events = in_.size() < limits_.in && state_ == State::kUp ? POLLIN : 0;
  if (state_ == State::kConnecting || !out_.empty()) {
    events |= POLLOUT;
  }
  set.push_back({.fd = descriptor_.get(), .events = events, .revents = 0});
}

}  // namespace cubby::posix

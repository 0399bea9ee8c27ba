#include "emulator/hardware/network_pipe.h"

#include <algorithm>

namespace cubby::emulator {

void NetworkPipe::connected() {
  if (state_ == hal::LinkState::kConnecting && reachable_) {
    state_ = hal::LinkState::kUp;
  }
}

void NetworkPipe::refused() {
  if (state_ == hal::LinkState::kConnecting) {
    state_ = hal::LinkState::kDown;
  }
}

void NetworkPipe::disconnected() {
  do_close();
}

void NetworkPipe::consume_outgoing(std::size_t size) {
  outgoing_.erase(outgoing_.begin(), outgoing_.begin() + static_cast<std::ptrdiff_t>(size));
}

void NetworkPipe::deliver(Bytes bytes) {
  if (state_ == hal::LinkState::kUp) {
    incoming_.insert(incoming_.end(), bytes.begin(), bytes.end());
  }
}

void NetworkPipe::set_reachable(bool reachable) {
  reachable_ = reachable;
  if (!reachable) {
    do_close();
  }
}

void NetworkPipe::power_cycle() {
  do_close();
}

Status NetworkPipe::do_connect() {
  if (state_ != hal::LinkState::kDown) {
    return Status::kBusy;
  }
  if (reachable_) {
    state_ = hal::LinkState::kConnecting;  // Otherwise it stays down: no route.
  }
  return Status::kOk;
}

Status NetworkPipe::do_send(Bytes bytes) {
  const RoomScope scope(meter_, Room::kWire);
  if (state_ != hal::LinkState::kUp) {
    return Status::kNotSent;
  }
  ++frames_up_;
  outgoing_.insert(outgoing_.end(), bytes.begin(), bytes.end());
  return Status::kOk;
}

std::size_t NetworkPipe::do_receive(MutableBytes into) {
  const std::size_t count = std::min(into.size(), incoming_.size() - taken_);
  std::copy_n(incoming_.begin() + static_cast<std::ptrdiff_t>(taken_), count, into.begin());
  taken_ += count;
  if (taken_ == incoming_.size()) {
    incoming_.clear();
    taken_ = 0;
  }
  return count;
}

void NetworkPipe::do_close() {
  state_ = hal::LinkState::kDown;
  outgoing_.clear();
  incoming_.clear();
  taken_ = 0;
}

}  // namespace cubby::emulator

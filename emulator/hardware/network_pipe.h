#pragma once

#include <cstdint>
#include <vector>

#include "emulator/world/room_meter.h"
#include "firmware/hal/network_link.h"

namespace cubby::emulator {

/// The station's network: a byte stream whose far end is moved by the host between windows.
class NetworkPipe final : public hal::NetworkLink {
 public:
  /// Host's end; see HostLink.
  bool wants_connection() const { return state_ == hal::LinkState::kConnecting; }
  void connected();
  void refused();
  void disconnected();
  bool is_up() const { return state_ == hal::LinkState::kUp; }
  /// Books its processor time there; may be null.
  void set_meter(RoomMeter* meter) { meter_ = meter; }
  Bytes outgoing() const { return outgoing_; }
  void consume_outgoing(std::size_t size);
  void deliver(Bytes bytes);

  /// World's end: the network is there or not. Losing it drops the connection and what is under way.
  void set_reachable(bool reachable);
  bool reachable() const { return reachable_; }
  /// The controller has lost its power.
  void power_cycle();
  bool has_incoming() const { return taken_ < incoming_.size(); }
  std::uint64_t frames_up() const { return frames_up_; }
  void restore_count(std::uint64_t frames_up) { frames_up_ = frames_up; }

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(state_, reachable_, outgoing_, incoming_, taken_, frames_up_);
  }

 private:
  Status do_connect() override;
  hal::LinkState do_state() const override { return state_; }
  Status do_send(Bytes bytes) override;
  std::size_t do_receive(MutableBytes into) override;
  void do_close() override;

  RoomMeter* meter_ = nullptr;
  hal::LinkState state_ = hal::LinkState::kDown;
  bool reachable_ = true;
  std::vector<std::byte> outgoing_;
  std::vector<std::byte> incoming_;
  std::size_t taken_ = 0;
  std::uint64_t frames_up_ = 0;
};

}  // namespace cubby::emulator

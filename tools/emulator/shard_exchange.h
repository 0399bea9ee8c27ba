#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "emulator/fleet/fleet.h"
#include "tools/emulator/centre_link.h"

namespace cubby::tools {

/// Moves the frames of a range of stations over one connection to the centre, window by window. The
/// answers to window k are delivered at the end of window k + 1: always, so that they come at the same
/// virtual time whatever the centre's speed, and both sides can work at the same time.
class ShardExchange {
 public:
  /// `awaiting`: the centre has answers for these stations already, see CentreMemory::under_way.
  ShardExchange(emulator::Fleet& fleet, std::size_t begin, std::size_t end, std::unique_ptr<CentreLink> centre,
                bool awaiting = false);

  /// At the end of a window: sends what the stations said, delivers what the centre answered to the window
  /// before. False: the connection is gone (the stations know); call again after connect().
  bool exchange(std::uint64_t utc_ms);
  /// A barrier is out, or its answers are here, that the next exchange() delivers.
  bool awaiting() const { return awaiting_ || !early_.empty(); }
  /// Frames of the centre that the next exchange() delivers. Only if it is not awaiting().
  void take_over(std::vector<std::byte> answers) { early_ = std::move(answers); }
  CentreLink& centre() { return *centre_; }
  const CentreLink& centre() const { return *centre_; }
  bool connect(std::uint64_t utc_ms) { return centre_->connect(utc_ms); }
  void remember(CentreMemory& memory) const;
  bool connected() const { return centre_->connected(); }

 private:
  void gather();
  void deliver(Bytes answers);
  void disconnect();

  emulator::Fleet& fleet_;
  std::size_t begin_;
  std::size_t end_;
  std::unique_ptr<CentreLink> centre_;
  bool awaiting_;                           // A barrier is out.
  std::vector<std::size_t> connected_now_;  // Stations that the last gather() connected, in order.
  std::vector<std::byte> out_;
  std::vector<std::byte> answers_;
  std::vector<std::byte> early_;
  std::vector<std::byte> frame_;
};

/// Connects the station if it wants to be, and appends what it said in its last run, on its channel. True: it has been
/// connected now, and answers to what it said before belong to a connection that is gone.
bool gather_station(emulator::Fleet& fleet, std::size_t index, std::vector<std::byte>& out);

/// Appends one frame.
void append_frame(std::uint32_t channel, Bytes message, std::vector<std::byte>& out);

/// Appends the frames in `frames`, all of channel 1, with another channel.
void append_with_channel(Bytes frames, std::uint32_t channel, std::vector<std::byte>& out);

}  // namespace cubby::tools

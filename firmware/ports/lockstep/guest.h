#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "firmware/app/assembly.h"
#include "firmware/hal/held_keys.h"
#include "firmware/ports/lockstep/remote_hardware.h"

namespace cubby::lockstep {

/// The controller in lock-step: boots and ticks when the world says so, and has no time of its own. Holds the whole
/// controller: static storage.
class Guest {
 public:
  /// `port` is the name in the greeting; both outlive the guest.
  Guest(ByteStream& stream, std::string_view port);
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  /// Greets and obeys until the stream ends (kIo) or something is no order: kCorrupt, kBadInput, kWrongState.
  Status run();

 private:
  static constexpr std::size_t kVersionMax = 32;

  Status obey(const Channel::Frame& frame);
  Status boot(Bytes data);
  Status tick(Bytes data);
  Status answer_knows(Bytes data);
  Status answer_poll_of(Bytes data);
  std::uint8_t outcome_flags() const;

  std::string_view port_;
  std::array<std::byte, kToGuestMax + kFrameTrailer> buffer_{};
  Channel channel_;
  WorldView world_;
  RemoteBus bus_{world_};
  RemoteFlash flash_{world_};
  RemoteClock clock_{world_};
  RemoteSupply supply_{world_};
  RemoteLink link_{world_};
  RemotePanel panel_{world_};
  hal::HeldKeys keys_;  // As BOOT told them.
  RemoteRandom random_{world_};
  HostWatches watchdog_;
  RemoteTrace trace_{world_};
  std::array<std::byte, limits::kConfigBytesMax> config_{};
  std::array<char, kVersionMax> version_{};
  std::optional<app::Assembly> assembly_;
};

}  // namespace cubby::lockstep

#pragma once

#include <cstddef>
#include <cstdint>

#include "emulator/hardware/board_segment.h"
#include "emulator/hardware/front_panel_device.h"
#include "emulator/hardware/network_pipe.h"
#include "emulator/hardware/nor_flash_device.h"
#include "firmware/app/assembly.h"

namespace cubby::emulator {

/// What a station has for a controller that is elsewhere: the hardware, and a look at what waits in it.
struct RemoteHardware {
  hal::Hardware hardware;
  const BoardSegment& segment;
  const NorFlashDevice& flash;
  const NetworkPipe& pipe;
  const FrontPanelDevice& panel;
};

/// A controller that runs in another program, on this world's hardware: it does what app::Assembly would. One
/// station's.
class RemoteController {
 public:
  virtual ~RemoteController() = default;
  /// The supply is there: a fresh controller boots. What is passed is used until power_off().
  virtual Status boot(const RemoteHardware& hardware, const app::AssemblyOptions& options) = 0;
  virtual Result<Wake> tick(Instant now) = 0;
  /// See DoorBank::knows(), which must be started for a yes.
  virtual bool knows(std::size_t board, std::uint64_t inputs) = 0;
  /// See DoorBank::idle_poll_of(); never before the bank is started.
  virtual Instant idle_poll_of(std::size_t board, Instant from) = 0;
  virtual void power_off() = 0;
  /// See core::Controller::settled(), after the last boot or tick.
  virtual bool settled() const = 0;
  /// It is gone for good and not by a power cut: boot() and tick() fail from now on.
  virtual bool lost() const = 0;
};

}  // namespace cubby::emulator

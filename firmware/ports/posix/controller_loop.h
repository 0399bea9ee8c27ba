#pragma once

#include <memory>

#include "firmware/app/assembly.h"
#include "firmware/ports/posix/controller_config.h"
#include "firmware/ports/posix/event_log.h"
#include "firmware/ports/posix/file_flash.h"
#include "firmware/ports/posix/host_files.h"
#include "firmware/ports/posix/host_time.h"
#include "firmware/ports/posix/line_devices.h"
#include "firmware/ports/posix/service_manager.h"

namespace cubby::posix {

/// One controller and all that it is connected to, in one thread: service the descriptors, tick, wait.
class ControllerLoop {
 public:
  struct Keys {
    StationKeys station;
    StationKey pass{};
  };
  /// All must outlive the loop.
  ControllerLoop(const ControllerConfig& config, const Keys& keys, SystemCalls& calls, FileFlash& flash);

  enum class End : std::uint8_t {
    kStopped,        // A signal asked for it.
    kJournalFailed,  // Nothing can be made durable any more: start again and mount what the disk has.
    kRefused,        // The configuration cannot be served.
  };
  /// Until `stop`, a descriptor, becomes readable.
  End run(int stop);

 private:
  // Of the kernel's waking and of a sync before it; an exchange that begins so late reaches into the next slot by less.
  static constexpr Duration kTickLateness = Duration::milliseconds(20);
  static constexpr Duration kWaitMost = Duration::seconds(1);  // The watchdog is fed by ticks.
  static constexpr Duration kFinishWithin = Duration::seconds(1);
  static constexpr Duration kSafeModeFor = Duration::seconds(60);

  bool boot();
  Instant turn();
  /// True: the descriptor `stop` is readable.
  bool wait(Instant until, int stop);
  void finish();
  hal::FrontPanel& panel();

  const ControllerConfig& config_;
  SystemCalls& calls_;
  FileFlash& flash_;
  HostTime time_;
  RunFile run_file_;
  ServiceManager manager_;
  HostClock clock_;
  FilePowerMonitor power_;
  hal::HeldKeys keys_;
  KernelRandom random_;
  LineBus bus_;
  std::unique_ptr<LinePanel> line_panel_;  // Null: the station has none.
  NoPanel no_panel_;
  TcpLink link_;
  EventLog log_;
  std::unique_ptr<app::Assembly> controller_;
  std::vector<pollfd> waits_;
};

}  // namespace cubby::posix

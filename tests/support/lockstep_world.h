#pragma once

#include "emulator/hardware/modbus_segment.h"
#include "emulator/hardware/small_devices.h"
#include "emulator/lockstep/lockstep_host.h"
#include "firmware/hal/held_keys.h"

namespace cubby::tests {

/// The hardware of a station without boards or people, for a guest to ask.
class LockstepWorld {
 public:
  /// `trace` must outlive this.
  explicit LockstepWorld(TraceSink& trace) : trace_(trace) {}

  Status boot(emulator::LockstepHost& host) {
    const hal::Hardware hardware{.bus = segment_,
                                 .flash = flash,
                                 .clock = clock_,
                                 .power = supply_,
                                 .link = pipe_,
                                 .panel = panel_,
                                 .keys = keys_,
                                 .random = random_,
                                 .watchdog = watchdog_,
                                 .trace = &trace_};
    return host.boot({.hardware = hardware, .segment = segment_, .flash = flash, .pipe = pipe_, .panel = panel_},
                     {.config = as_bytes("any"), .firmware_version = "test"});
  }

  emulator::NorFlashDevice flash{hal::FlashGeometry{}};
  Instant now{};

 private:
  class NoWiring final : public emulator::BoardWiring {
    bool input(std::uint8_t, std::uint8_t, Instant) override { return true; }
    void coil_on(std::uint8_t, std::uint8_t, Instant, Duration) override {}
  };

  TraceSink& trace_;
  emulator::TraceHash hash_;
  NoWiring wiring_;
  emulator::ModbusSegment segment_{hash_, wiring_};
  emulator::RtcDevice clock_{now, 1'000};
  emulator::SupplyDevice supply_;
  emulator::NetworkPipe pipe_;
  emulator::FrontPanelDevice panel_{hash_, now};
  hal::HeldKeys keys_;
  emulator::RandomDevice random_{Prng(1)};
  emulator::WatchdogDevice watchdog_;
};

}  // namespace cubby::tests

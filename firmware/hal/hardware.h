#pragma once

#include "firmware/base/trace.h"
#include "firmware/hal/clock.h"
#include "firmware/hal/front_panel.h"
#include "firmware/hal/key_store.h"
#include "firmware/hal/network_link.h"
#include "firmware/hal/nor_flash.h"
#include "firmware/hal/power_monitor.h"
#include "firmware/hal/random_source.h"
#include "firmware/hal/serial_bus.h"
#include "firmware/hal/watchdog.h"

namespace cubby::hal {

/// All that a controller is connected to. Everything is referenced and must outlive the controller.
struct Hardware {
  SerialBus& bus;
  NorFlash& flash;
  Clock& clock;
  PowerMonitor& power;
  NetworkLink& link;
  FrontPanel& panel;
  KeyStore& keys;
  RandomSource& random;
  Watchdog& watchdog;
  TraceSink* trace = nullptr;  // Optional.
};

}  // namespace cubby::hal

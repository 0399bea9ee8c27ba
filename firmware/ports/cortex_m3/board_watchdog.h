#pragma once

#include "firmware/base/instant.h"
#include "firmware/hal/watchdog.h"
#include "firmware/ports/cortex_m3/registers.h"

namespace cubby::cortex_m3 {

/// After `within` without feed_watchdog() the NMI records where the core was and resets it; if even that fails, the
/// watchdog itself does, as much later. At most 170 s.
inline void start_watchdog(Duration within) {
  watchdog().load = static_cast<std::uint32_t>(within.us * (kCoreHz / 1'000'000));
  watchdog().control = 3;
}
inline void feed_watchdog() {
  watchdog().clear = 1;
}

class BoardWatchdog final : public hal::Watchdog {
 public:
  static constexpr Duration kWithin = Duration::seconds(8);

 private:
  void do_feed() override { feed_watchdog(); }
};

}  // namespace cubby::cortex_m3

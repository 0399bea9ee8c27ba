#pragma once

#include "firmware/base/instant.h"

/// Time since the boot, from SysTick, and sleep. One for the whole image.
namespace cubby::cortex_m3 {

/// Call once, before anything else here.
void start_time();
/// Microseconds since start_time(); exact to one, also with interrupts locked for up to 0.3 s.
Instant time_now();
/// Sleeps until `until` or the next interrupt of a device, if none came since the last call: a byte that arrives while
/// the caller decides to sleep is not slept over.
void doze_until(Instant until);

/// For the vector table.
void on_sys_tick();
void on_timer();
/// Every handler of a device calls it.
void note_interrupt();

}  // namespace cubby::cortex_m3

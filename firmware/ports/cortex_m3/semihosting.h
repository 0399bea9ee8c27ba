#pragma once

#include <cstdint>

namespace cubby::cortex_m3 {

/// Ends QEMU with an exit code, where it was started with -semihosting; for test images. Without it this is a fault.
[[noreturn]] inline void leave_emulator(std::uint32_t code) {
  const std::uint32_t arguments[2]{0x20026, code};    // ADP_Stopped_ApplicationExit.
  register std::uint32_t operation asm("r0") = 0x20;  // SYS_EXIT_EXTENDED.
  register const std::uint32_t* parameter asm("r1") = arguments;
  asm volatile("bkpt 0xAB" ::"r"(operation), "r"(parameter) : "memory");
  for (;;) {
  }
}

}  // namespace cubby::cortex_m3

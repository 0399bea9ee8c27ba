// Vector table and the way from reset to main(). Everything here runs before, or in place of, the rest of the image.
#include <array>
#include <cstddef>
#include <cstdint>

#include "firmware/ports/cortex_m3/fault.h"
#include "firmware/ports/cortex_m3/memory_map.h"
#include "firmware/ports/cortex_m3/registers.h"
#include "firmware/ports/cortex_m3/time_base.h"
#include "firmware/ports/cortex_m3/uart.h"

int main();

extern "C" {
// Of the linker script.
extern std::uint32_t cubby_data_begin[];
extern std::uint32_t cubby_data_end[];
extern const std::uint32_t cubby_data_image[];
extern std::uint32_t cubby_bss_begin[];
extern std::uint32_t cubby_bss_end[];
extern void (*const cubby_constructors_begin[])();
extern void (*const cubby_constructors_end[])();

/// The supply is failing: of kBrownOutInterrupt. An image that has a power monitor defines it.
void cubby_brown_out();
__attribute__((weak)) void cubby_brown_out() {}
}

namespace {

using namespace cubby::cortex_m3;

/// Nobody may touch the 4 KiB below the stack: one word too many is a fault, and overwrites nothing.
void guard_stack() {
  constexpr std::uint32_t kGuardSize = 4096;
  protection().region = 0;
  protection().base = reinterpret_cast<std::uint32_t>(cubby_stack_begin) - kGuardSize;
  protection().attributes = std::uint32_t{1} << 28 | 11 << 1 | 1;
  protection().control = 5;
  asm volatile("dsb\n isb" ::: "memory");
}

void start() {
  std::uint32_t* to = cubby_data_begin;
  for (const std::uint32_t* from = cubby_data_image; to < cubby_data_end; ++from, ++to) {
    *to = *from;
  }
  for (to = cubby_bss_begin; to < cubby_bss_end; ++to) {
    *to = 0;
  }
  for (void (*const* call)() = cubby_constructors_begin; call < cubby_constructors_end; ++call) {
    (*call)();
  }
  system_control().configuration = system_control().configuration | 0x10;
  system_control().handler_control = system_control().handler_control | 0x0007'0000;
  guard_stack();
  main();
  reset();
}

// In assembly: a compiler may use the stack that is painted here.
__attribute__((naked, noreturn)) void on_reset() {
  asm volatile(
      "ldr r0, =cubby_stack_begin\n"
      "ldr r1, =cubby_stack_end\n"
      "ldr r2, =0xC5C5C5C5\n"
      "mov sp, r1\n"
      "1: cmp r0, r1\n"
      "bhs 2f\n"
      "str r2, [r0], #4\n"
      "b 1b\n"
      "2: bl %c0\n"
      ".ltorg\n" ::"i"(start));
}

// The stack may be what is wrong: the handler begins on a fresh one and is told where the old one was.
__attribute__((naked, noreturn)) void on_fault() {
  asm volatile(
      "mov r0, sp\n"
      "ldr r1, =cubby_stack_end\n"
      "mov sp, r1\n"
      "b cubby_core_fault\n"
      ".ltorg\n");
}

__attribute__((naked, noreturn)) void on_nmi() {
  asm volatile(
      "mov r0, sp\n"
      "ldr r1, =cubby_stack_end\n"
      "mov sp, r1\n"
      "b cubby_watchdog_expired\n"
      ".ltorg\n");
}

template <unsigned kNumber>
void on_uart_receive() {
  Uart::on_receive_interrupt(kNumber);
  note_interrupt();
}

template <unsigned kNumber>
void on_uart_send() {
  Uart::on_send_interrupt(kNumber);
  note_interrupt();
}

void on_timer_interrupt() {
  on_timer();
}

void on_brown_out() {
  cubby_brown_out();
  note_interrupt();
}

using Handler = void (*)();

struct VectorTable {
  std::uint32_t* stack;
  std::array<Handler, 15> core;
  std::array<Handler, 32> devices;
};

constexpr std::array<Handler, 32> device_handlers() {
  std::array<Handler, 32> handlers{};
  handlers.fill(on_fault);  // An interrupt that nobody has asked for.
  handlers[0] = on_uart_receive<0>;
  handlers[1] = on_uart_send<0>;
  handlers[2] = on_uart_receive<1>;
  handlers[3] = on_uart_send<1>;
  handlers[4] = on_uart_receive<2>;
  handlers[5] = on_uart_send<2>;
  handlers[kTimerInterrupt] = on_timer_interrupt;
  handlers[kBrownOutInterrupt] = on_brown_out;
  return handlers;
}

__attribute__((section(".vectors"), used)) constexpr VectorTable kVectors{
    .stack = cubby_stack_end,
    .core = {on_reset, on_nmi, on_fault, on_fault, on_fault, on_fault, nullptr, nullptr, nullptr, nullptr, on_fault,
             on_fault, nullptr, on_fault, on_sys_tick},
    .devices = device_handlers()};

}  // namespace

#include "firmware/ports/cortex_m3/time_base.h"

#include "firmware/ports/cortex_m3/registers.h"

namespace cubby::cortex_m3 {
namespace {

// SysTick runs through its whole range, so that the core is not woken a thousand times a second to count.
constexpr std::uint32_t kReload = 0x00FF'FFFF;
constexpr std::uint32_t kPending = std::uint32_t{1} << 26;
constexpr std::uint32_t kCyclesPerUs = kCoreHz / 1'000'000;
constexpr std::int64_t kSleepMaxUs = 60'000'000;

volatile std::uint32_t rounds = 0;
volatile bool interrupted = false;

}  // namespace

void start_time() {
  rounds = 0;
  sys_tick().reload = kReload;
  sys_tick().current = 0;
  sys_tick().control = 7;
  enable_interrupt(kTimerInterrupt);
}

Instant time_now() {
  const InterruptLock lock;
  std::uint32_t value = sys_tick().current;
  std::uint32_t whole = rounds;
  if ((system_control().interrupt_state & kPending) != 0) {
    value = sys_tick().current;  // It went round, before or after it was read: now it has for certain.
    ++whole;
  }
  // At 0 the round is over, and counted or pending; the next value is kReload.
  const std::uint32_t into_round = value == 0 ? 0 : kReload - value + 1;
  const std::uint64_t cycles = std::uint64_t{whole} * (kReload + 1) + into_round;
  return {static_cast<std::int64_t>(cycles / kCyclesPerUs)};
}

void doze_until(Instant until) {
  const InterruptLock lock;
  const std::int64_t left_us = (until - time_now()).us;
  if (!interrupted && left_us > 0) {
    const auto cycles = static_cast<std::uint32_t>((left_us < kSleepMaxUs ? left_us : kSleepMaxUs) * kCyclesPerUs);
    timer().control = 0;
    timer().reload = cycles;
    timer().value = cycles;
    timer().control = 9;
    // Wakes by a pending interrupt although they are locked; it is served when the lock goes.
    asm volatile("dsb\n wfi" ::: "memory");
    timer().control = 0;
  }
  interrupted = false;
}

void on_sys_tick() {
  rounds = rounds + 1;
}

void on_timer() {
  timer().control = 0;
  timer().interrupts = 1;
}

void note_interrupt() {
  interrupted = true;
}

}  // namespace cubby::cortex_m3

#pragma once

#include <cstdint>

/// The registers that the port uses, of a Cortex-M3 (ARMv7-M) and of the board mps2-an385 (ARM application note 385).
namespace cubby::cortex_m3 {

inline constexpr std::uint32_t kCoreHz = 25'000'000;  // Of the core, SysTick, timers, UARTs and the watchdog.

struct SysTickRegisters {
  volatile std::uint32_t control;  // Bit 0 runs, 1 interrupts, 2 counts the core's clock.
  volatile std::uint32_t reload;   // 24 bits.
  volatile std::uint32_t current;
  volatile std::uint32_t calibration;
};

struct SystemControlRegisters {
  volatile std::uint32_t cpu_id;
  volatile std::uint32_t interrupt_state;  // ICSR; bit 26: SysTick is pending.
  volatile std::uint32_t vector_table;
  volatile std::uint32_t reset_control;  // AIRCR.
  volatile std::uint32_t system_control;
  volatile std::uint32_t configuration;  // CCR; bit 4 traps a division by 0.
  volatile std::uint32_t priorities[3];
  volatile std::uint32_t handler_control;  // SHCSR; bits 16 to 18 let memory, bus and usage faults be told apart.
  volatile std::uint32_t fault_status;     // CFSR.
  volatile std::uint32_t hard_fault_status;
  volatile std::uint32_t debug_fault_status;
  volatile std::uint32_t memory_fault_address;
  volatile std::uint32_t bus_fault_address;
};

struct ProtectionRegisters {
  volatile std::uint32_t type;
  volatile std::uint32_t control;  // Bit 0 protects, 2 leaves what no region covers as it was.
  volatile std::uint32_t region;
  volatile std::uint32_t base;
  volatile std::uint32_t
      attributes;  // Bit 28 no code, 26 to 24 who may (0: nobody), 5 to 1 log2 of the size - 1, 0 counts.
};

struct UartRegisters {
  volatile std::uint32_t data;
  volatile std::uint32_t state;    // Bit 0: the send register is full; 1: the receive register is.
  volatile std::uint32_t control;  // Bit 0 sends, 1 receives, 2 and 3 interrupt after either.
  volatile std::uint32_t interrupts;
  volatile std::uint32_t divisor;  // Clock cycles a bit, at least 16.
};

struct TimerRegisters {
  volatile std::uint32_t control;  // Bit 0 runs, 3 interrupts.
  volatile std::uint32_t value;    // Counts down; at 0 it interrupts and begins again at `reload`.
  volatile std::uint32_t reload;
  volatile std::uint32_t interrupts;
};

struct WatchdogRegisters {
  volatile std::uint32_t load;  // Cycles until the NMI, and again until the reset.
  volatile std::uint32_t value;
  volatile std::uint32_t control;  // Bit 0 raises the NMI, 1 resets when that was not cleared.
  volatile std::uint32_t clear;    // Any write: not now; counts from `load` again.
};

template <typename Registers>
Registers& registers_at(std::uint32_t address) {
  return *reinterpret_cast<Registers*>(address);
}

inline SysTickRegisters& sys_tick() {
  return registers_at<SysTickRegisters>(0xE000'E010);
}
inline SystemControlRegisters& system_control() {
  return registers_at<SystemControlRegisters>(0xE000'ED00);
}
inline ProtectionRegisters& protection() {
  return registers_at<ProtectionRegisters>(0xE000'ED90);
}
inline TimerRegisters& timer() {
  return registers_at<TimerRegisters>(0x4000'0000);
}
inline WatchdogRegisters& watchdog() {
  return registers_at<WatchdogRegisters>(0x4000'8000);
}

/// Interrupt numbers, as the vector table counts them behind the core's own 16.
inline constexpr unsigned kTimerInterrupt = 8;
inline constexpr unsigned kBrownOutInterrupt = 31;  // Of no device of the board: a comparator's, or a debugger's.

inline void enable_interrupt(unsigned number) {
  registers_at<volatile std::uint32_t>(0xE000'E100) = std::uint32_t{1} << number;
}

/// Interrupts wait while this object lives; may be nested.
class InterruptLock {
 public:
  InterruptLock() {
    asm volatile("mrs %0, primask" : "=r"(before_));
    asm volatile("cpsid i" ::: "memory");
  }
  ~InterruptLock() { asm volatile("msr primask, %0" ::"r"(before_) : "memory"); }
  InterruptLock(const InterruptLock&) = delete;
  InterruptLock& operator=(const InterruptLock&) = delete;

 private:
  std::uint32_t before_ = 0;
};

}  // namespace cubby::cortex_m3

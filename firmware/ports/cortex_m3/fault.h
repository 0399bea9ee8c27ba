#pragma once

#include <array>
#include <cstdint>
#include <optional>

/// What ended the boot before, kept in RAM that neither start-up nor a reset clears.
namespace cubby::cortex_m3 {

enum class FaultKind : std::uint32_t {
  kCore = 1,   // The core could not go on: an address, an instruction, a division by 0, a full stack.
  kAssertion,  // CUBBY_ASSERT, or abort().
  kWatchdog,   // The loop has not come round.
};

struct FaultRecord {
  std::uint32_t magic = 0;
  FaultKind kind = FaultKind::kCore;
  std::uint32_t pc = 0;         // Where; 0: the stack that says so was itself gone.
  std::uint32_t lr = 0;         // Called from.
  std::uint32_t status = 0;     // kCore: the core's CFSR.
  std::uint32_t address = 0;    // kCore: what was accessed, if CFSR says that it is known.
  std::uint32_t line = 0;       // kAssertion.
  std::array<char, 32> file{};  // kAssertion: the end of its name, closed by a 0.
  std::uint32_t in_a_row = 0;   // Boots that ended so, this one included, without one that lasted.
  std::uint32_t sum = 0;
};

/// The record that the boot before has left, once: it is cleared by this call. None after a power-on.
std::optional<FaultRecord> take_fault();
/// This boot has lasted: the next fault is the first in a row again.
void note_lasted();
/// Says the record on the console.
void tell(const FaultRecord& record);

/// Records the fault and resets the core.
[[noreturn]] void fail(FaultRecord record);
[[noreturn]] void reset();

}  // namespace cubby::cortex_m3

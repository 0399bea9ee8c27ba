#pragma once

#include <cstddef>
#include <cstdint>

/// Symbols of the linker script mps2_an385.ld, and what stands beside them on the board (docs/cortex-m3.md).
extern "C" {
extern std::uint32_t cubby_stack_begin[];  // The lowest word of RAM.
extern std::uint32_t cubby_stack_end[];
extern std::uint32_t cubby_ram_end[];
extern std::uint32_t cubby_kept[];  // No reset and no start-up clears it.
}

namespace cubby::cortex_m3 {

inline constexpr std::size_t kKeptSize = 256;

// The station page, behind the code.
inline constexpr std::uint32_t kStationPageAt = 0x0002'0000;
// The region that QEMU backs with a file, the board's flash chip: journal, number of the boot, input register.
inline constexpr std::uint32_t kJournalAt = 0x2100'0000;
inline constexpr std::uint32_t kJournalSectors = 32;
inline constexpr std::uint32_t kBootsAt = 0x2102'0000;
inline constexpr std::uint32_t kBootsSectors = 2;
inline constexpr std::uint32_t kSupplyInputAt = 0x2103'0000;

inline constexpr std::uint32_t kStackPaint = 0xC5C5'C5C5;

/// Most of the stack that was ever in use since the start, in bytes, by its paint.
inline std::size_t stack_used() {
  const std::uint32_t* word = cubby_stack_begin;
  while (word < cubby_stack_end && *word == kStackPaint) {
    ++word;
  }
  return static_cast<std::size_t>(cubby_stack_end - word) * sizeof(*word);
}
inline std::size_t stack_size() {
  return static_cast<std::size_t>(cubby_stack_end - cubby_stack_begin) * sizeof(std::uint32_t);
}

}  // namespace cubby::cortex_m3

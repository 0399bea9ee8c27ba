#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "firmware/base/limits.h"

namespace cubby::core {

/// One bit a compartment; bit i is compartment number i + 1.
using CompartmentBits = std::array<std::uint64_t, (limits::kCompartmentsMax + 63) / 64>;

constexpr bool test_bit(const CompartmentBits& bits, std::uint8_t compartment) {
  return (bits[(compartment - 1U) / 64] >> ((compartment - 1U) % 64) & 1) != 0;
}

constexpr void set_bit(CompartmentBits& bits, std::uint8_t compartment, bool value) {
  auto& word = bits[(compartment - 1U) / 64];
  const auto mask = std::uint64_t{1} << ((compartment - 1U) % 64);
  word = value ? word | mask : word & ~mask;
}

constexpr bool any(const CompartmentBits& bits) {
  std::uint64_t all = 0;
  for (const auto word : bits) {
    all |= word;
  }
  return all != 0;
}

/// Number of the first compartment; 0: none is set.
constexpr std::uint8_t first(const CompartmentBits& bits) {
  for (std::size_t word = 0; word < bits.size(); ++word) {
    if (bits[word] != 0) {
      return static_cast<std::uint8_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits[word])) + 1);
    }
  }
  return 0;
}

}  // namespace cubby::core

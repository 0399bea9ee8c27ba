#pragma once

#include <cstdint>
#include <vector>

#include "firmware/base/bytes.h"

namespace cubby::emulator {

constexpr std::byte xor_of(Bytes bytes) {
  std::byte value{0};
  for (const std::byte byte : bytes) {
    value ^= byte;
  }
  return value;
}

constexpr std::byte sum_of(Bytes bytes) {
  unsigned value = 0;
  for (const std::byte byte : bytes) {
    value += static_cast<unsigned>(byte);
  }
  return static_cast<std::byte>(value & 0xFFU);
}

/// Bytes of a frame from numbers, without a cast at each.
template <typename... Numbers>
std::vector<std::byte> frame_of(Numbers... numbers) {
  return {static_cast<std::byte>(numbers)...};
}

}  // namespace cubby::emulator

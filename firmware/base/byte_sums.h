#pragma once

#include "firmware/base/bytes.h"

/// The 8-bit sums that lock boards put behind their frames.
namespace cubby {

constexpr std::byte xor_of(Bytes bytes) {
  std::byte sum{0};
  for (const std::byte value : bytes) {
    sum ^= value;
  }
  return sum;
}

/// Low byte of the sum.
constexpr std::byte sum_of(Bytes bytes) {
  unsigned sum = 0;
  for (const std::byte value : bytes) {
    sum += std::to_integer<unsigned>(value);
  }
  return static_cast<std::byte>(sum & 0xFF);
}

}  // namespace cubby

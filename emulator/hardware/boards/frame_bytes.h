#pragma once

#include <cstddef>
#include <vector>

#include "firmware/base/byte_sums.h"

namespace cubby::emulator {

/// Bytes of a frame from numbers, without a cast at each.
template <typename... Numbers>
std::vector<std::byte> frame_of(Numbers... numbers) {
  return {static_cast<std::byte>(numbers)...};
}

}  // namespace cubby::emulator

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "cubby/v1/uplink.nanopb.h"
#include "firmware/base/instant.h"

/// What the files of Uplink share; of no use elsewhere.
namespace cubby::wire {

inline constexpr Duration kSlowRetry = Duration::seconds(150);  // After what does not heal by itself in seconds.

template <std::size_t Size>
void copy_to(pb_byte_t (&to)[Size], const std::array<std::byte, Size>& from) {
  std::copy_n(reinterpret_cast<const pb_byte_t*>(from.data()), Size, to);
}

template <std::size_t Size>
std::array<std::byte, Size> copy_from(const pb_byte_t (&from)[Size]) {
  std::array<std::byte, Size> to;
  std::copy_n(reinterpret_cast<const std::byte*>(from), Size, to.begin());
  return to;
}

}  // namespace cubby::wire

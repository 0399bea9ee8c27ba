#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "firmware/base/bytes.h"

/// Numbers of seven bits a byte, the low ones first; the top bit says that another byte follows.
namespace cubby::aggregator {

inline constexpr std::size_t kVarintMax = 10;  // Bytes.

/// Returns the end of what was written.
inline std::byte* put_varint(std::uint64_t value, std::byte* out) {
  for (; value >= 0x80; value >>= 7) {
    *out++ = static_cast<std::byte>(value | 0x80);
  }
  *out++ = static_cast<std::byte>(value);
  return out;
}

inline void put_varint(std::uint64_t value, std::vector<std::byte>& out) {
  if (value < 0x80) {
    out.push_back(static_cast<std::byte>(value));
    return;
  }
  std::array<std::byte, kVarintMax> bytes;
  out.insert(out.end(), bytes.data(), put_varint(value, bytes.data()));
}

/// Signed numbers, so that small ones stay short: 0, -1, 1, -2 ...
constexpr std::uint64_t zigzag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t from_zigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1 ^ (0 - (value & 1)));
}

/// Takes a number off the front. False: it does not end, or has more than 64 bits.
inline bool take_varint(Bytes& from, std::uint64_t& value) {
  if (!from.empty() && from.front() < std::byte{0x80}) {
    value = std::to_integer<std::uint64_t>(from.front());
    from = from.subspan(1);
    return true;
  }
  value = 0;
  for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
    const auto octet = std::to_integer<std::uint64_t>(from.front());
    from = from.subspan(1);
    value |= (octet & 0x7F) << shift;
    if (octet < 0x80) {
      return shift < 63 || octet < 2;
    }
  }
  return false;
}

}  // namespace cubby::aggregator

#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace cubby {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// Little-endian integers, the order of every format of ours.
template <typename T>
constexpr void store_le(MutableBytes to, T value) {
  if (std::endian::native == std::endian::little && !std::is_constant_evaluated()) {
    std::memcpy(to.data(), &value, sizeof(T));  // One instruction where compilers do not join the loop's.
    return;
  }
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    to[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
}
template <typename T>
constexpr T load_le(Bytes from) {
  if (std::endian::native == std::endian::little && !std::is_constant_evaluated()) {
    T value{};
    std::memcpy(&value, from.data(), sizeof(T));
    return value;
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<std::uint64_t>(from[i]) << (8 * i);
  }
  return static_cast<T>(value);
}

/// What stands in an enumeration that came from outside: it may be none of its values, and then even
/// reading it as one is not allowed.
template <typename Enum>
std::underlying_type_t<Enum> number_in(const Enum& value) {
  std::underlying_type_t<Enum> number{};
  std::memcpy(&number, &value, sizeof(number));
  return number;
}

using JournalUid = std::array<std::byte, 16>;
using StoreUid = std::array<std::byte, 16>;
using Nonce = std::array<std::byte, 16>;
using StationKey = std::array<std::byte, 32>;

}  // namespace cubby

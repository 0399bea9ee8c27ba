#include "firmware/base/digest.h"

#include "firmware/base/assert.h"

namespace cubby {

// HKDF is HMAC alone, so every build shares it: extract with an empty salt (32 zero bytes), then one
// round of expand.
Sha256Digest hkdf_sha256(Bytes input_key, std::span<const Bytes> info) {
  constexpr std::size_t kInfoPartsMax = 4;
  CUBBY_ASSERT(info.size() <= kInfoPartsMax);
  const std::array<std::byte, 32> salt{};
  const std::array<Bytes, 1> key_parts{input_key};
  const Sha256Digest pseudorandom_key = hmac_sha256(salt, key_parts);
  const std::array<std::byte, 1> round{std::byte{1}};
  std::array<Bytes, kInfoPartsMax + 1> parts{};
  std::size_t count = 0;
  for (const Bytes part : info) {
    parts[count++] = part;
  }
  parts[count++] = round;
  return hmac_sha256(pseudorandom_key, std::span(parts).first(count));
}

bool equal_constant_time(Bytes a, Bytes b) {
  if (a.size() != b.size()) {
    return false;
  }
  std::byte difference{};
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= a[i] ^ b[i];
  }
  return difference == std::byte{};
}

}  // namespace cubby

#include "firmware/base/hotp.h"

#include "firmware/base/assert.h"
#include "firmware/base/digest.h"

namespace cubby {

std::uint32_t hotp(Bytes key, std::uint64_t counter, int digits) {
  CUBBY_ASSERT(digits >= 6 && digits <= 8);
  std::array<std::byte, 8> message;  // Big-endian, as RFC 4226 section 5.1 says.
  for (std::size_t i = 0; i < message.size(); ++i) {
    message[i] = static_cast<std::byte>(counter >> (8 * (7 - i)));
  }
  const Sha1Digest mac = hmac_sha1(key, message);
  const std::size_t offset = static_cast<std::size_t>(mac[19] & std::byte{0x0F});
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = (value << 8) | static_cast<std::uint32_t>(mac[offset + i]);
  }
  value &= 0x7FFF'FFFFU;
  std::uint32_t modulus = 1;
  for (int i = 0; i < digits; ++i) {
    modulus *= 10;
  }
  return value % modulus;
}

PickupCode pickup_code(const StationKey& key, std::uint64_t counter, std::size_t digits) {
  CUBBY_ASSERT(digits == limits::kCodeDigits || digits == limits::kShortCodeDigits);
  std::uint32_t value = hotp(key, counter, static_cast<int>(digits));
  PickupCode code;
  code.size = static_cast<std::uint8_t>(digits);
  for (std::size_t i = digits; i-- > 0;) {
    code.digits[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return code;
}

StationKey derive_station_key(Bytes fleet_key, std::string_view station, std::uint32_t version) {
  std::array<std::byte, 4> version_bytes;
  store_le<std::uint32_t>(version_bytes, version);
  const std::array<Bytes, 3> info{as_bytes("cubby station key"), version_bytes, as_bytes(station)};
  return hkdf_sha256(fleet_key, info);
}

StationKey derive_pass_key(Bytes fleet_key) {
  const std::array<Bytes, 1> info{as_bytes("cubby pass key")};
  return hkdf_sha256(fleet_key, info);
}

}  // namespace cubby

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "firmware/base/bytes.h"
#include "firmware/base/limits.h"

namespace cubby {

/// A pickup code as decimal digits, no terminator. Never log it.
struct PickupCode {
  std::array<char, limits::kCodeDigits> digits{};
  std::uint8_t size = 0;  // Digits that are used.
  std::string_view text() const { return {digits.data(), size}; }
  friend bool operator==(const PickupCode&, const PickupCode&) = default;
};

/// HOTP of RFC 4226 with 6..8 digits, as a number below 10^digits.
std::uint32_t hotp(Bytes key, std::uint64_t counter, int digits);

/// The one derivation of a parcel's code: hotp(station key, counter, digits) with leading zeros. `digits`:
/// limits::kCodeDigits or limits::kShortCodeDigits.
PickupCode pickup_code(const StationKey& key, std::uint64_t counter, std::size_t digits);

/// station key = HKDF(fleet key, "cubby station key" || version (4 bytes LE) || station).
StationKey derive_station_key(Bytes fleet_key, std::string_view station, std::uint32_t version);

/// Key that signs couriers' and technicians' passes: HKDF(fleet key, "cubby pass key").
StationKey derive_pass_key(Bytes fleet_key);

}  // namespace cubby

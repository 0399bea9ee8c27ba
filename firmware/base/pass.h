#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "firmware/base/bytes.h"
#include "firmware/base/inplace_string.h"
#include "firmware/base/limits.h"
#include "firmware/base/result.h"

namespace cubby {

/// A courier's or technician's pass: text that is shown to the scanner and verified offline,
/// `CB1.<role>.<carrier>.<expiry, UTC seconds, lower hex>.<mac>`. The mac is the first 16 bytes, in
/// lower hex, of HMAC-SHA-256(pass key, everything before the last dot).
struct Pass {
  char role = 'C';  // 'C' courier, 'T' technician.
  InplaceString<limits::kCarrierMax> carrier;
  std::uint64_t expiry_utc_s = 0;
};

inline constexpr std::size_t kPassTextMax = 64;

/// Writes a pass and returns its length. The carrier has 1..8 bytes of [a-z0-9].
std::size_t make_pass(const StationKey& pass_key, char role, std::string_view carrier, std::uint64_t expiry_utc_s,
                      std::span<char, kPassTextMax> text);

/// kBadInput: not a pass. kRefused: the mac is wrong. kTimeout: expired (not checked while `utc_s` is
/// unknown: a station that has lost its clock goes on serving couriers).
Result<Pass> read_pass(const StationKey& pass_key, std::string_view text, std::optional<std::uint64_t> utc_s);

}  // namespace cubby

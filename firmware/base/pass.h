#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "firmware/base/bytes.h"
#include "firmware/base/inplace_string.h"
#include "firmware/base/limits.h"
#include "firmware/base/result.h"

namespace cubby {

/// A courier's, technician's or sender's pass; form and rules: docs/spec/passes.md.
struct Pass {
  static constexpr char kCourier = 'C';
  static constexpr char kTechnician = 'T';
  static constexpr char kSender = 'S';

  char role = kCourier;
  InplaceString<limits::kCarrierMax> holder;  // The brand of courier or sender, or the technician.
  std::uint64_t issued_utc_s = 0;
  std::uint64_t expiry_utc_s = 0;
  std::uint32_t serial = 0;  // Never 0 in a pass.
};

inline constexpr std::size_t kPassTextMax = 80;

/// Writes a pass and returns its length. `station` is where a technician's or sender's holds. The holder has 1..8
/// bytes of [a-z0-9]; times are below 2^40.
std::size_t make_pass(const StationKey& pass_key, const Pass& pass, std::string_view station,
                      std::span<char, kPassTextMax> text);

/// The pass, if the centre signed it for this station. Whether it holds now is not looked at.
/// kBadInput: not a pass. kRefused: the mac is wrong.
Result<Pass> read_pass(const StationKey& pass_key, std::string_view text, std::string_view station);

}  // namespace cubby

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "firmware/base/bytes.h"
#include "firmware/base/limits.h"
#include "firmware/core/compartment_bits.h"

namespace cubby::core {

/// The codes of the parcels inside, in memory only: derived from the station key and each parcel's
/// counter, or its group's, never stored, never shown.
class PickupCodes {
 public:
  void set_key(const StationKey& key) { key_ = key; }

  void put(std::uint8_t compartment, std::uint64_t counter);
  void remove(std::uint8_t compartment) { codes_[compartment - 1U] = kNone; }

  /// The first counter from `counter` on whose code no live parcel has.
  std::uint64_t first_unique(std::uint64_t counter) const;
  /// The compartments that `digits` open: none, one, or those of a collection group. Looks at every live
  /// code, whatever matches, so that the time does not tell.
  CompartmentBits find(std::string_view digits) const;

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;  // No code has so many digits.
  static_assert(limits::kCodeDigits <= 9);

  CompartmentBits match(std::uint32_t code) const;

  StationKey key_{};
  std::array<std::uint32_t, limits::kCompartmentsMax> codes_ = [] {
    std::array<std::uint32_t, limits::kCompartmentsMax> none{};
    none.fill(kNone);
    return none;
  }();
};

}  // namespace cubby::core

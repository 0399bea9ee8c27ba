#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "firmware/base/bytes.h"
#include "firmware/base/limits.h"
#include "firmware/core/compartment_bits.h"

namespace cubby::core {

/// A second input of limits::kSecondDigits digits as the number that is stored and compared; nullopt: it is none.
std::optional<std::uint16_t> second_number(std::string_view digits);

/// The codes of the parcels inside, in memory only: derived from the station key and each parcel's
/// counter, or its group's, never stored, never shown. A short code counts only with its second input.
class PickupCodes {
 public:
  /// Of the codes that are given from now on.
  void set_key(const StationKey& key, std::uint16_t version) {
    key_ = key;
    key_version_ = version;
  }
  std::uint16_t key_version() const { return key_version_; }
  /// Of the codes that are given from now on: limits::kCodeDigits or limits::kShortCodeDigits.
  void set_digits(std::size_t digits) { digits_ = digits; }

  /// `second`: what belongs to a short code; nullopt: the code is typed alone.
  void put(std::uint8_t compartment, std::uint64_t counter, std::optional<std::uint16_t> second = std::nullopt) {
    put(compartment, key_, counter, second);
  }
  /// A code that was made with an older key.
  void put(std::uint8_t compartment, const StationKey& key, std::uint64_t counter, std::optional<std::uint16_t> second);
  void remove(std::uint8_t compartment);

  /// The first counter from `counter` on whose code no live parcel has.
  std::uint64_t first_unique(std::uint64_t counter) { return first_unique(counter, digits_); }
  std::uint64_t first_unique(std::uint64_t counter, std::size_t digits);
  /// Codes of so many digits are given here, or a parcel with one still waits.
  bool in_use(std::size_t digits) const;
  /// The compartments whose code these digits are; of a short code those only whose second input `second` is (empty
  /// for a code that is typed alone). Looks at every live code and second input, whatever matches, so that the time
  /// does not tell.
  CompartmentBits find(std::string_view digits, std::string_view second = {}) const;
  /// All whose code these digits are, whatever is typed after them.
  CompartmentBits with_digits(std::string_view digits) const;

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(key_, key_version_, newest_, digits_, codes_, seconds_);
  }

 private:
  /// Codes of both kinds are compared as one number.
  static constexpr std::uint32_t kShort = 0x8000'0000;
  static constexpr std::uint32_t kNone = UINT32_MAX;      // No code has so many digits.
  static constexpr std::uint16_t kNoSecond = UINT16_MAX;  // No second input has so many.
  static_assert(limits::kCodeDigits <= 9 && limits::kSecondDigits <= 4);

  template <typename T>
  static constexpr std::array<T, limits::kCompartmentsMax> filled_with(T value) {
    std::array<T, limits::kCompartmentsMax> all{};
    all.fill(value);
    return all;
  }
  std::uint32_t code_of(const StationKey& key, std::uint64_t counter, std::size_t digits);
  /// Where the code is equal, and of the second input what `mask` selects.
  CompartmentBits match(std::uint32_t code, std::uint32_t second, std::uint32_t mask) const;

  /// The code that was derived last: what a deposit is given, its end asks for again.
  struct Derived {
    StationKey key{};
    std::uint64_t counter = 0;
    std::uint8_t digits = 0;  // 0: none yet.
    std::uint32_t code = 0;
  };

  StationKey key_{};
  std::uint16_t key_version_ = 1;
  Derived newest_;
  std::size_t digits_ = limits::kCodeDigits;
  std::array<std::uint32_t, limits::kCompartmentsMax> codes_ = filled_with(kNone);
  std::array<std::uint32_t, limits::kCompartmentsMax> seconds_ = filled_with(std::uint32_t{kNoSecond});
};

}  // namespace cubby::core

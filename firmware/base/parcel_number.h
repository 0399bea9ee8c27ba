#pragma once

#include <cstdint>
#include <string_view>

#include "firmware/base/inplace_string.h"
#include "firmware/base/limits.h"

/// Numbers on parcels. Some carry a check digit: a misread one must not be booked.
namespace cubby {

enum class ParcelNumberKind : std::uint8_t {
  kOpaque = 1,  // A brand's own; nothing to check.
  kS10,         // UPU S10: two letters, eight digits, a check digit, two letters.
  kSscc,        // GS1 SSCC: 18 digits, the last one checks; as a barcode with the application identifier 00 before it.
};

struct ParcelNumberCheck {
  ParcelNumberKind kind = ParcelNumberKind::kOpaque;
  bool good = true;
  char expected = 0;  // Check digit that the others ask for; 0 if opaque.
};

/// Only upper-case letters make an S10 number: couriers' scanners send no others.
ParcelNumberCheck check_parcel_number(std::string_view text);

/// Check digit of an S10 number's eight digits, as a character. UPU S10-12, annex: weights 8 6 4 2 3 5 9 7.
char s10_check_digit(std::string_view digits);
/// Check digit of an SSCC's first 17 digits. GS1 General Specifications, 7.9.
char sscc_check_digit(std::string_view digits);

/// What is typed after a short code: the last digits of the parcel's number, zeros before them if it has
/// fewer. Whatever else stands in the number does not count: RB473124829CN gives 4829.
using SecondInput = InplaceString<limits::kSecondDigits>;
SecondInput second_input(std::string_view parcel);

}  // namespace cubby

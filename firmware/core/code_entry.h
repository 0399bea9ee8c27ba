#pragma once

#include <cstdint>
#include <string_view>

#include "firmware/base/inplace_string.h"
#include "firmware/base/limits.h"
#include "firmware/core/pickup_codes.h"

namespace cubby::core {

/// What a recipient types or shows to the scanner, put together until it can be judged. It never looks whether a
/// code is good: after a short one the second input is asked for, whatever the code is.
class CodeEntry {
 public:
  enum class Step : std::uint8_t {
    kNothing,      // What was entered is no code (or no second input): no guess.
    kSecondInput,  // A short code is there; its second input is missing.
    kComplete,     // digits() and second() can be judged.
    kElsewhere,    // The code of another station: no guess.
  };

  explicit CodeEntry(const PickupCodes& codes) : codes_(codes) {}

  void clear();
  void type(char digit);
  /// The key `#`. After kSecondInput the next digits are the second input; kNothing leaves it at that.
  Step enter();
  /// A QR code's text, or digits alone. What does not lead on changes nothing.
  Step scan(std::string_view text, std::string_view station);

  std::string_view digits() const { return digits_.view(); }
  /// Empty: the code stands alone.
  std::string_view second() const { return second_.view(); }

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(typed_, digits_, second_);
  }

 private:
  Step take_code(std::string_view digits, std::string_view second);

  const PickupCodes& codes_;
  InplaceString<limits::kCodeDigits + 1> typed_;  // One more than a code has, so that too many are seen.
  InplaceString<limits::kCodeDigits> digits_;     // Empty: a code is being typed.
  InplaceString<limits::kSecondDigits> second_;
};

}  // namespace cubby::core

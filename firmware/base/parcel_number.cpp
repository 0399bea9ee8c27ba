#include "firmware/base/parcel_number.h"

#include <algorithm>
#include <array>

namespace cubby {
namespace {

constexpr std::size_t kS10Size = 13;
constexpr std::size_t kSsccSize = 18;
constexpr std::string_view kSsccIdentifier = "00";

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool all_letters(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

char s10_check_digit(std::string_view digits) {
  constexpr std::array<int, 8> kWeights{8, 6, 4, 2, 3, 5, 9, 7};
  int sum = 0;
  for (std::size_t i = 0; i < kWeights.size(); ++i) {
    sum += kWeights[i] * (digits[i] - '0');
  }
  const int check = 11 - sum % 11;
  if (check == 10) {
    return '0';
  }
  return check == 11 ? '5' : static_cast<char>('0' + check);
}

char sscc_check_digit(std::string_view digits) {
  int sum = 0;
  for (std::size_t i = 0; i + 1 < kSsccSize; ++i) {
    sum += (digits[i] - '0') * (i % 2 == 0 ? 3 : 1);
  }
  return static_cast<char>('0' + (10 - sum % 10) % 10);
}

ParcelNumberCheck check_parcel_number(std::string_view text) {
  if (text.size() == kS10Size && all_letters({text.data(), 2}) && all_digits({text.data() + 2, 9}) &&
      all_letters({text.data() + 11, 2})) {
    const char expected = s10_check_digit({text.data() + 2, 8});
    return {ParcelNumberKind::kS10, text[10] == expected, expected};
  }
  if (text.size() == kSsccIdentifier.size() + kSsccSize && text.starts_with(kSsccIdentifier)) {
    text.remove_prefix(kSsccIdentifier.size());
  }
  if (text.size() == kSsccSize && all_digits(text)) {
    const char expected = sscc_check_digit(text);
    return {ParcelNumberKind::kSscc, text.back() == expected, expected};
  }
  return {};
}

SecondInput second_input(std::string_view parcel) {
  std::array<char, limits::kSecondDigits> last{};
  last.fill('0');
  std::size_t place = last.size();
  for (auto c = parcel.rbegin(); c != parcel.rend() && place > 0; ++c) {
    if (*c >= '0' && *c <= '9') {
      last[--place] = *c;
    }
  }
  return SecondInput({last.data(), last.size()});
}

}  // namespace cubby

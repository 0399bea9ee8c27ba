#include "firmware/core/code_entry.h"

#include <algorithm>
#include <array>

namespace cubby::core {
namespace {

constexpr std::string_view kQrPrefix = "CBQ1.";

bool is_digits(std::string_view text, std::size_t size) {
  return text.size() == size && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

void CodeEntry::clear() {
  typed_.clear();
  digits_.clear();
  second_.clear();
}

void CodeEntry::type(char digit) {
  std::array<char, limits::kCodeDigits + 2> text{};
  const auto size = typed_.view().copy(text.data(), text.size());
  text[size] = digit;
  (void)typed_.assign({text.data(), size + 1});
}

CodeEntry::Step CodeEntry::enter() {
  const auto typed = typed_;
  typed_.clear();
  if (digits_.empty()) {
    return take_code(typed.view(), {});
  }
  return is_digits(typed.view(), limits::kSecondDigits) ? take_code(digits_.view(), typed.view()) : Step::kNothing;
}

CodeEntry::Step CodeEntry::scan(std::string_view text, std::string_view station) {
  if (text.starts_with(kQrPrefix)) {
    text.remove_prefix(kQrPrefix.size());
    if (!text.starts_with(station) || text.size() <= station.size() || text[station.size()] != '.') {
      return Step::kElsewhere;
    }
    text.remove_prefix(station.size() + 1);
  }
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) {
    return take_code(text, {});
  }
  const std::string_view second(text.data() + dot + 1, text.size() - dot - 1);
  return dot == limits::kShortCodeDigits && is_digits(second, limits::kSecondDigits)
             ? take_code({text.data(), dot}, second)
             : Step::kNothing;
}

CodeEntry::Step CodeEntry::take_code(std::string_view digits, std::string_view second) {
  const bool alone = is_digits(digits, limits::kCodeDigits);
  if ((!alone && !is_digits(digits, limits::kShortCodeDigits)) || !codes_.in_use(digits.size())) {
    return Step::kNothing;
  }
  const InplaceString<limits::kCodeDigits> code(digits);  // `digits` may be of this object.
  clear();
  digits_ = code;
  (void)second_.assign(second);
  return alone || !second.empty() ? Step::kComplete : Step::kSecondInput;
}

}  // namespace cubby::core

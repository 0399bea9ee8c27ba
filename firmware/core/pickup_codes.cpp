#include "firmware/core/pickup_codes.h"

#include <algorithm>

#include "firmware/base/assert.h"
#include "firmware/base/hotp.h"

namespace cubby::core {
namespace {

constexpr std::uint32_t kWhole = UINT32_MAX;
constexpr std::uint32_t kNothing = 0;

/// nullopt: not exactly `size` digits.
std::optional<std::uint32_t> parse(std::string_view digits, std::size_t size) {
  if (digits.size() != size) {
    return std::nullopt;
  }
  std::uint32_t value = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') {
      return std::nullopt;
    }
    value = value * 10 + static_cast<std::uint32_t>(digit - '0');
  }
  return value;
}

}  // namespace

std::optional<std::uint16_t> second_number(std::string_view digits) {
  const auto number = parse(digits, limits::kSecondDigits);
  return number.has_value() ? std::optional(static_cast<std::uint16_t>(*number)) : std::nullopt;
}

std::uint32_t PickupCodes::code_of(const StationKey& key, std::uint64_t counter, std::size_t digits) {
  if (newest_.counter == counter && newest_.digits == digits && newest_.key == key) {
    return newest_.code;
  }
  const auto code = parse(pickup_code(key, counter, digits).text(), digits);
  CUBBY_ASSERT(code.has_value());
  newest_ = {.key = key,
             .counter = counter,
             .digits = static_cast<std::uint8_t>(digits),
             .code = *code | (digits == limits::kShortCodeDigits ? kShort : 0)};
  return newest_.code;
}

void PickupCodes::put(std::uint8_t compartment, const StationKey& key, std::uint64_t counter,
                      std::optional<std::uint16_t> second) {
  codes_[compartment - 1U] = code_of(key, counter, second.has_value() ? limits::kShortCodeDigits : limits::kCodeDigits);
  seconds_[compartment - 1U] = second.value_or(kNoSecond);
}

void PickupCodes::remove(std::uint8_t compartment) {
  codes_[compartment - 1U] = kNone;
  seconds_[compartment - 1U] = kNoSecond;
}

std::uint64_t PickupCodes::first_unique(std::uint64_t counter, std::size_t digits) {
  // There are far fewer doors than codes: this ends.
  while (any(match(code_of(key_, counter, digits), kNoSecond, kNothing))) {
    ++counter;
  }
  return counter;
}

bool PickupCodes::in_use(std::size_t digits) const {
  const bool shorts = digits == limits::kShortCodeDigits;
  return digits == digits_ || ((shorts || digits == limits::kCodeDigits) &&
                               std::any_of(codes_.begin(), codes_.end(), [shorts](std::uint32_t code) {
                                 return code != kNone && ((code & kShort) != 0) == shorts;
                               }));
}

CompartmentBits PickupCodes::find(std::string_view digits, std::string_view second) const {
  const bool alone = second.empty();
  const auto code = parse(digits, alone ? limits::kCodeDigits : limits::kShortCodeDigits);
  const auto typed = alone ? std::optional(kNoSecond) : second_number(second);
  if (!code.has_value() || !typed.has_value()) {
    return {};
  }
  return match(*code | (alone ? 0 : kShort), *typed, kWhole);
}

CompartmentBits PickupCodes::with_digits(std::string_view digits) const {
  const bool shorts = digits.size() == limits::kShortCodeDigits;
  const auto code = parse(digits, shorts ? limits::kShortCodeDigits : limits::kCodeDigits);
  return code.has_value() ? match(*code | (shorts ? kShort : 0), kNoSecond, kNothing) : CompartmentBits{};
}

CompartmentBits PickupCodes::match(std::uint32_t code, std::uint32_t second, std::uint32_t mask) const {
  // In two loops, of which compilers do the first several places at a time.
  std::array<std::uint8_t, limits::kCompartmentsMax> equal;
  for (std::size_t i = 0; i < equal.size(); ++i) {
    const std::uint32_t difference = (codes_[i] ^ code) | ((seconds_[i] ^ second) & mask);
    // 1 if they are equal, else 0, without a branch.
    equal[i] = static_cast<std::uint8_t>(((difference | (0U - difference)) >> 31U) ^ 1U);
  }
  // The lowest bits of eight bytes come together in three steps.
  CompartmentBits found{};
  for (std::size_t i = 0; i < equal.size(); i += 8) {
    auto eight = load_le<std::uint64_t>(std::as_bytes(std::span(equal)).subspan(i, 8));
    eight |= eight >> 7;
    eight |= eight >> 14;
    eight |= eight >> 28;
    found[i / 64] |= (eight & 0xFF) << (i % 64);
  }
  return found;
}

}  // namespace cubby::core

#include "firmware/core/pickup_codes.h"

#include "firmware/base/assert.h"
#include "firmware/base/hotp.h"

namespace cubby::core {
namespace {

/// nullopt: not exactly kCodeDigits digits.
std::optional<std::uint32_t> parse(std::string_view digits) {
  if (digits.size() != limits::kCodeDigits) {
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

std::uint32_t code_of(const StationKey& key, std::uint64_t counter) {
  const auto code = parse(pickup_code(key, counter).text());
  CUBBY_ASSERT(code.has_value());
  return *code;
}

}  // namespace

void PickupCodes::put(std::uint8_t compartment, std::uint64_t counter) {
  codes_[compartment - 1U] = code_of(key_, counter);
}

std::uint64_t PickupCodes::first_unique(std::uint64_t counter) const {
  // There are far fewer doors than codes: this ends.
  while (any(match(code_of(key_, counter)))) {
    ++counter;
  }
  return counter;
}

CompartmentBits PickupCodes::find(std::string_view digits) const {
  const auto code = parse(digits);
  return code.has_value() ? match(*code) : CompartmentBits{};
}

CompartmentBits PickupCodes::match(std::uint32_t code) const {
  CompartmentBits found{};
  for (std::uint32_t i = 0; i < codes_.size(); ++i) {
    const std::uint32_t difference = codes_[i] ^ code;
    // 1 if the codes are equal, else 0, without a branch.
    const std::uint64_t equal = (((difference | (0U - difference)) >> 31U) ^ 1U) & 1U;
    found[i / 64] |= equal << (i % 64);
  }
  return found;
}

}  // namespace cubby::core

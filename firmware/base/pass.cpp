#include "firmware/base/pass.h"

#include "firmware/base/assert.h"
#include "firmware/base/digest.h"

namespace cubby {
namespace {

constexpr std::string_view kPrefix = "CB1.";
constexpr std::size_t kMacBytes = 16;
constexpr std::string_view kHexDigits = "0123456789abcdef";

using MacText = std::array<char, 2 * kMacBytes>;

MacText mac_of(const StationKey& pass_key, std::string_view signed_part) {
  const std::array<Bytes, 1> parts{as_bytes(signed_part)};
  const Sha256Digest mac = hmac_sha256(pass_key, parts);
  MacText text;
  for (std::size_t i = 0; i < kMacBytes; ++i) {
    text[2 * i] = kHexDigits[static_cast<std::size_t>(mac[i] >> 4)];
    text[2 * i + 1] = kHexDigits[static_cast<std::size_t>(mac[i] & std::byte{15})];
  }
  return text;
}

// Takes text up to the next dot off the front.
std::string_view take_field(std::string_view& rest) {
  const std::size_t dot = rest.find('.');
  const std::string_view field(rest.data(), dot == std::string_view::npos ? rest.size() : dot);
  rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
  return field;
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  if (text.empty() || text.size() > 12) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  for (const char c : text) {
    const std::size_t digit = kHexDigits.find(c);
    if (digit == std::string_view::npos) {
      return std::nullopt;
    }
    value = value * 16 + digit;
  }
  return value;
}

}  // namespace

std::size_t make_pass(const StationKey& pass_key, char role, std::string_view carrier, std::uint64_t expiry_utc_s,
                      std::span<char, kPassTextMax> text) {
  CUBBY_ASSERT(!carrier.empty() && carrier.size() <= limits::kCarrierMax);
  CUBBY_ASSERT(expiry_utc_s < (std::uint64_t{1} << 40));
  std::size_t size = 0;
  const auto put = [&](std::string_view part) {
    for (const char c : part) {
      text[size++] = c;
    }
  };
  put(kPrefix);
  put({&role, 1});
  put(".");
  put(carrier);
  put(".");
  int shift = 36;
  while (shift > 0 && (expiry_utc_s >> shift) == 0) {
    shift -= 4;
  }
  for (; shift >= 0; shift -= 4) {
    text[size++] = kHexDigits[(expiry_utc_s >> shift) & 15U];
  }
  const MacText mac = mac_of(pass_key, {text.data(), size});
  put(".");
  put({mac.data(), mac.size()});
  return size;
}

Result<Pass> read_pass(const StationKey& pass_key, std::string_view text, std::optional<std::uint64_t> utc_s) {
  if (text.size() > kPassTextMax || !text.starts_with(kPrefix)) {
    return Status::kBadInput;
  }
  const std::size_t last_dot = text.rfind('.');
  std::string_view rest = text;
  rest.remove_prefix(kPrefix.size());
  const std::string_view role = take_field(rest);
  const std::string_view carrier = take_field(rest);
  const std::optional<std::uint64_t> expiry = parse_hex(take_field(rest));
  if (role.size() != 1 || carrier.empty() || carrier.size() > limits::kCarrierMax || !expiry.has_value()) {
    return Status::kBadInput;
  }
  const MacText mac = mac_of(pass_key, {text.data(), last_dot});
  if (!equal_constant_time(as_bytes({mac.data(), mac.size()}), as_bytes(rest))) {
    return Status::kRefused;
  }
  if (utc_s.has_value() && *utc_s > *expiry) {
    return Status::kTimeout;
  }
  Pass pass;
  pass.role = role[0];
  pass.carrier.assign(carrier);
  pass.expiry_utc_s = *expiry;
  return pass;
}

}  // namespace cubby

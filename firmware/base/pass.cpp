#include "firmware/base/pass.h"

#include <array>
#include <optional>

#include "firmware/base/assert.h"
#include "firmware/base/digest.h"

namespace cubby {
namespace {

constexpr std::string_view kPrefix = "CB1.";
constexpr std::size_t kMacBytes = 16;
constexpr std::size_t kTimeDigits = 10;
constexpr std::size_t kSerialDigits = 8;
static_assert(kPrefix.size() + 2 + limits::kCarrierMax + 1 + 2 * (kTimeDigits + 1) + kSerialDigits + 1 +
                  2 * kMacBytes <=
              kPassTextMax);
constexpr std::string_view kRoles = "CTS";
constexpr std::string_view kHexDigits = "0123456789abcdef";

using MacText = std::array<char, 2 * kMacBytes>;

/// `station` is empty for a pass that holds everywhere.
MacText mac_of(const StationKey& pass_key, std::string_view signed_part, std::string_view station) {
  const std::array<Bytes, 3> parts{as_bytes(signed_part), as_bytes(station.empty() ? "" : "@"), as_bytes(station)};
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

std::optional<std::uint64_t> parse_hex(std::string_view text, std::size_t digits_max) {
  if (text.empty() || text.size() > digits_max) {
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

/// Where a pass of that role holds; empty: everywhere.
std::string_view station_of(char role, std::string_view station) {
  return role == Pass::kCourier ? std::string_view("") : station;
}

}  // namespace

std::size_t make_pass(const StationKey& pass_key, const Pass& pass, std::string_view station,
                      std::span<char, kPassTextMax> text) {
  CUBBY_ASSERT(!pass.holder.empty());
  CUBBY_ASSERT(pass.issued_utc_s < (std::uint64_t{1} << 40) && pass.expiry_utc_s < (std::uint64_t{1} << 40));
  std::size_t size = 0;
  const auto put = [&](std::string_view part) {
    for (const char c : part) {
      text[size++] = c;
    }
  };
  const auto put_hex = [&](std::uint64_t value) {
    put(".");
    int shift = 36;
    while (shift > 0 && (value >> shift) == 0) {
      shift -= 4;
    }
    for (; shift >= 0; shift -= 4) {
      text[size++] = kHexDigits[(value >> shift) & 15U];
    }
  };
  put(kPrefix);
  put({&pass.role, 1});
  put(".");
  put(pass.holder.view());
  put_hex(pass.issued_utc_s);
  put_hex(pass.expiry_utc_s);
  put_hex(pass.serial);
  const MacText mac = mac_of(pass_key, {text.data(), size}, station_of(pass.role, station));
  put(".");
  put({mac.data(), mac.size()});
  return size;
}

Result<Pass> read_pass(const StationKey& pass_key, std::string_view text, std::string_view station) {
  if (text.size() > kPassTextMax || !text.starts_with(kPrefix)) {
    return Status::kBadInput;
  }
  const std::size_t last_dot = text.rfind('.');
  std::string_view rest = text;
  rest.remove_prefix(kPrefix.size());
  const std::string_view role = take_field(rest);
  const std::string_view holder = take_field(rest);
  const std::optional<std::uint64_t> issued = parse_hex(take_field(rest), kTimeDigits);
  const std::optional<std::uint64_t> expiry = parse_hex(take_field(rest), kTimeDigits);
  const std::optional<std::uint64_t> serial = parse_hex(take_field(rest), kSerialDigits);
  Pass pass;
  const bool known_role = role.size() == 1 && kRoles.find(role[0]) != std::string_view::npos;
  if (!known_role || holder.empty() || !pass.holder.assign(holder) || !issued || !expiry || serial.value_or(0) == 0) {
    return Status::kBadInput;
  }
  const MacText mac = mac_of(pass_key, {text.data(), last_dot}, station_of(role[0], station));
  if (!equal_constant_time(as_bytes({mac.data(), mac.size()}), as_bytes(rest))) {
    return Status::kRefused;
  }
  pass.role = role[0];
  pass.issued_utc_s = *issued;
  pass.expiry_utc_s = *expiry;
  pass.serial = static_cast<std::uint32_t>(*serial);
  return pass;
}

}  // namespace cubby

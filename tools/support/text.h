#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Small readers of what people type.
namespace cubby::tools {

struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
};
/// "127.0.0.1:7400" or "[::1]:7400"; nullopt: not of that form, or the port is not 0..65535.
std::optional<Endpoint> parse_endpoint(std::string_view text);
/// localhost, or an address of this machine's own loopback in digits.
bool is_loopback(std::string_view host);

/// "90", "90s", "10m", "2h", "1d" in milliseconds; a bare number is seconds. nullopt: not of that form, or
/// above a year.
std::optional<std::uint64_t> parse_duration_ms(std::string_view text);

/// "2025-03-03" or "2025-03-03T08:00:00Z", UTC, as milliseconds since 1970.
std::optional<std::uint64_t> parse_utc_ms(std::string_view text);
std::string format_utc(std::uint64_t utc_ms);

/// The shortest decimal number that reads back as `value`, as tables want it: "4.25", never "4.25E0".
std::string decimal_text(double value);

/// The candidate that looks most like `text`; empty if none does.
std::string nearest(std::string_view text, const std::vector<std::string>& candidates);

/// What is wrong with a parcel number that looks like UPU S10 or GS1 SSCC; empty: nothing, or another kind.
std::string parcel_number_problem(std::string_view text);

}  // namespace cubby::tools

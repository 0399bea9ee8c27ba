#include "tools/support/text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "firmware/base/nearest.h"
#include "firmware/base/parcel_number.h"

namespace cubby::tools {
namespace {

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || text.empty()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return std::nullopt;
  }
  std::string_view host = text.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  if (!port.has_value() || host.empty()) {
    return std::nullopt;
  }
  return Endpoint{.host = std::string(host), .port = *port};
}

bool is_loopback(std::string_view host) {
  in_addr address{};
  // Not by its beginning alone: a name may begin with 127, too.
  return host == "localhost" || host == "::1" ||
         (host.starts_with("127.") && inet_pton(AF_INET, std::string(host).c_str(), &address) == 1);
}

std::optional<std::uint64_t> parse_duration_ms(std::string_view text) {
  constexpr std::uint64_t kYearMs = 366ULL * 86'400'000;
  std::uint64_t unit = 1000;
  if (text.ends_with("ms")) {
    unit = 1;
    text.remove_suffix(2);
  } else if (!text.empty() && (text.back() < '0' || text.back() > '9')) {
    switch (text.back()) {
      case 's':
        unit = 1000;
        break;
      case 'm':
        unit = 60'000;
        break;
      case 'h':
        unit = 3'600'000;
        break;
      case 'd':
        unit = 86'400'000;
        break;
      default:
        return std::nullopt;
    }
    text.remove_suffix(1);
  }
  const auto value = parse_number<std::uint64_t>(text);
  if (!value.has_value() || *value > kYearMs / unit) {
    return std::nullopt;
  }
  return *value * unit;
}

std::optional<std::uint64_t> parse_utc_ms(std::string_view text) {
  std::tm time{};
  if (text.size() != 10 && text.size() != 20) {
    return std::nullopt;
  }
  const std::string copy(text);
  int read = 0;
  if (text.size() == 10) {
    if (std::sscanf(copy.c_str(), "%4d-%2d-%2d%n", &time.tm_year, &time.tm_mon, &time.tm_mday, &read) != 3 ||
        read != 10) {
      return std::nullopt;
    }
  } else if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &time.tm_year, &time.tm_mon, &time.tm_mday,
                         &time.tm_hour, &time.tm_min, &time.tm_sec, &read) != 6 ||
             read != 20) {
    return std::nullopt;
  }
  const std::tm wanted = time;
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  const std::time_t seconds = timegm(&time);
  // A day that the calendar does not have comes back as another one.
  if (seconds < 0 || time.tm_mday != wanted.tm_mday || time.tm_mon + 1 != wanted.tm_mon ||
      time.tm_hour != wanted.tm_hour || time.tm_min != wanted.tm_min || time.tm_sec != wanted.tm_sec) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(seconds) * 1000;
}

std::string decimal_text(double value) {
  std::array<char, 400> text;  // The longest has 309 digits before the point, or 17 behind 308 zeros.
  const auto end = std::to_chars(text.begin(), text.end(), value, std::chars_format::fixed).ptr;
  return {text.begin(), end};
}

std::string format_utc(std::uint64_t utc_ms) {
  const auto seconds = static_cast<std::time_t>(utc_ms / 1000);
  std::tm time{};
  gmtime_r(&seconds, &time);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &time);
  return text.data();
}

std::string nearest(std::string_view text, const std::vector<std::string>& candidates) {
  return std::string(nearest_name(text, candidates));
}

std::string parcel_number_problem(std::string_view text) {
  const ParcelNumberCheck check = check_parcel_number(text);
  if (check.good) {
    return {};
  }
  return std::string(check.kind == ParcelNumberKind::kS10 ? "UPU S10" : "GS1 SSCC") +
         " number with a wrong check digit: it should be " + check.expected;
}

}  // namespace cubby::tools

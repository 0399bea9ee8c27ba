#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

#include "firmware/base/limits.h"

/// What the names that people and machines give may consist of.
namespace cubby {

/// Puts a question mark in the place of every control character of a UTF-8 text, so that a terminal shows what somebody
/// has written and does not obey it.
constexpr void disarm(std::span<char> text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool second = i + 1 < text.size() && byte == 0xC2 && (static_cast<unsigned char>(text[i + 1]) & 0xE0) == 0x80;
    if (byte < 0x20 || byte == 0x7F || second) {
      text[i] = '?';
    }
    if (second) {  // U+0080 to U+009F.
      text[i + 1] = '?';
    }
  }
}

/// Printable ASCII without the blank.
constexpr bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

/// A station's: 1 to 32 of A-Z, 0-9, '-'.
constexpr bool is_station_name(std::string_view text) {
  return !text.empty() && text.size() <= limits::kStationNameMax && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

/// A courier brand's, or a technician's: 1 to 8 of a-z, 0-9.
constexpr bool is_carrier_name(std::string_view text) {
  return !text.empty() && text.size() <= limits::kCarrierMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

/// A parcel's number as a scanner reads it; check digits: parcel_number.h. Empty: none.
constexpr bool is_parcel_text(std::string_view text) {
  return text.size() <= limits::kParcelMax && is_printable(text);
}

}  // namespace cubby

#include "tools/aggregator/core/hex.h"

namespace cubby::aggregator {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

}  // namespace

std::string to_hex(Bytes bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    text += kDigits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

bool from_hex(std::string_view text, MutableBytes bytes) {
  if (text.size() != 2 * bytes.size() || text.find_first_not_of(kDigits) != std::string_view::npos) {
    return false;
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(kDigits.find(text[2 * i]) * 16 + kDigits.find(text[2 * i + 1]));
  }
  return true;
}

}  // namespace cubby::aggregator

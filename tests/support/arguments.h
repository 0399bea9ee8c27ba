#pragma once

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

/// What the test programs that people start by hand take from the command line and the environment.
namespace cubby::tests {

/// True: the variable is 1.
inline bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && std::string(value) == "1";
}

/// A decimal number without a sign; nullopt: it is none, or something follows.
inline std::optional<std::uint64_t> number_of(const std::string& text) {
  char* end = nullptr;
  const std::uint64_t value = std::strtoull(text.c_str(), &end, 10);
  return !text.empty() && text[0] >= '0' && text[0] <= '9' && *end == '\0' ? std::optional(value) : std::nullopt;
}

}  // namespace cubby::tests

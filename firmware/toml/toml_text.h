#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/toml/tomlplusplus.h"

/// TOML files that people write, for hosts: toml++ and the words for what is wrong.
namespace cubby::toml_text {

/// Where something stands: both from 1, the column in characters.
struct Place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

/// What is wrong with a text, in words without control characters.
struct Problem {
  Place at;
  std::string what;
};

struct Parsed {
  toml::table table;
  std::optional<Problem> problem;  // Then the table is empty.
};

/// Parses TOML 1.0; a byte order mark at its beginning is skipped.
Parsed parse(std::string_view text);

}  // namespace cubby::toml_text

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cubby::aggregator {

/// "2026-03-01" of a day number, and back; nullopt: not a date.
std::string day_text(std::int64_t day);
std::optional<std::int64_t> day_from_text(std::string_view text);

}  // namespace cubby::aggregator

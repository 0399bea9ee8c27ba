#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cubby::aggregator {

/// Undoes percent-encoding (and `+` for a space). nullopt: malformed, or the result is not UTF-8 or holds
/// control characters.
std::optional<std::string> percent_decoded(std::string_view text);

using QueryParameters = std::vector<std::pair<std::string, std::string>>;

/// A whole number in decimal digits and nothing else. nullopt: it is none, or outside of the bounds.
std::optional<std::uint64_t> number_from(std::string_view text, std::uint64_t least, std::uint64_t most);

/// The parameters after `?`. nullopt: malformed, or a name comes twice.
std::optional<QueryParameters> parse_query(std::string_view query);

}  // namespace cubby::aggregator

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cubby::aggregator {

/// Openings of one compartment by what they ended in: the figures that `verify` counts three times.
struct OpeningCounts {
  static constexpr std::size_t kKinds = 6;
  static constexpr std::array<std::string_view, kKinds> kNames = {"deposits", "collections", "recalls",
                                                                  "refusals", "drop_offs",   "dispatches"};

  std::array<std::int64_t, kKinds> of{};  // By kNames.

  friend bool operator==(const OpeningCounts&, const OpeningCounts&) = default;
};
enum OpeningKind : std::size_t {
  kDepositKind,
  kCollectionKind,
  kRecallKind,
  kRefusalKind,
  kDropOffKind,
  kDispatchKind
};

/// Sum of the differences.
std::int64_t apart(const OpeningCounts& a, const OpeningCounts& b);
/// No figure is greater than the other's.
bool within(const OpeningCounts& part, const OpeningCounts& whole);
/// "1 deposits, 0 collections, ..."
std::string describe(const OpeningCounts& counts);

}  // namespace cubby::aggregator

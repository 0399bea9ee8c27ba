#include "tools/aggregator/storage/opening_counts.h"

#include <cstdlib>

namespace cubby::aggregator {

std::int64_t apart(const OpeningCounts& a, const OpeningCounts& b) {
  std::int64_t sum = 0;
  for (std::size_t kind = 0; kind < OpeningCounts::kKinds; ++kind) {
    sum += std::abs(a.of[kind] - b.of[kind]);
  }
  return sum;
}

bool within(const OpeningCounts& part, const OpeningCounts& whole) {
  for (std::size_t kind = 0; kind < OpeningCounts::kKinds; ++kind) {
    if (part.of[kind] > whole.of[kind]) {
      return false;
    }
  }
  return true;
}

std::string describe(const OpeningCounts& counts) {
  std::string words;
  for (std::size_t kind = 0; kind < OpeningCounts::kKinds; ++kind) {
    words += (kind == 0 ? "" : ", ") + std::to_string(counts.of[kind]) + " " + std::string(OpeningCounts::kNames[kind]);
  }
  return words;
}

}  // namespace cubby::aggregator

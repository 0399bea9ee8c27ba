#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

/// Which of the names that there are may have been meant by one that is none.
namespace cubby {

/// Letters to put in, leave out or change until one text is the other. Only the first 64 of each are looked at.
constexpr std::size_t edit_distance(std::string_view a, std::string_view b) {
  constexpr std::size_t kSizeMax = 64;
  a = a.substr(0, kSizeMax);
  b = b.substr(0, kSizeMax);
  std::array<std::size_t, kSizeMax + 1> row{};
  for (std::size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, diagonal + 1, changed});
    }
  }
  return row[b.size()];
}

/// The first of the most similar `names`, a range of texts; empty if none is similar.
template <typename Names>
constexpr std::string_view nearest_name(std::string_view text, const Names& names) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, text.size() / 3) + 1;
  for (const std::string_view name : names) {
    const std::size_t distance = edit_distance(text, name);
    if (distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  return best;
}

}  // namespace cubby

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cubby::aggregator {

/// Small numbers for names (cities, brands), from 1 in the order of their first appearance in the log,
/// never changed. Past `capacity` every new name shares the last number, under the name "other": a
/// station that invents names cannot grow the store without bound.
class Dictionary {
 public:
  explicit Dictionary(std::uint32_t capacity) : capacity_(capacity) {}
  std::uint32_t intern(std::string_view name);
  /// Adds the next name as the store has it.
  void load(std::string_view name) { add(std::string(name)); }
  std::uint32_t size() const { return static_cast<std::uint32_t>(names_.size()); }
  std::string_view name(std::uint32_t id) const { return names_[id - 1]; }

 private:
  std::uint32_t add(std::string name);
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::uint32_t capacity_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> ids_;
};

}  // namespace cubby::aggregator

#include "tools/aggregator/core/dictionary.h"

namespace cubby::aggregator {

std::uint32_t Dictionary::intern(std::string_view name) {
  if (const auto found = ids_.find(name); found != ids_.end()) {
    return found->second;
  }
  if (size() >= capacity_) {
    return capacity_;
  }
  return add(size() + 1 == capacity_ ? "other" : std::string(name));
}

std::uint32_t Dictionary::add(std::string name) {
  names_.push_back(name);
  ids_.emplace(std::move(name), size());
  return size();
}

}  // namespace cubby::aggregator

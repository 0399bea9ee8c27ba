#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "firmware/base/assert.h"
#include "firmware/base/status.h"

namespace cubby {

/// A sequence of at most `Capacity` values, stored in place. `T` must be default-constructible.
template <typename T, std::size_t Capacity>
class InplaceVector {
 public:
  static constexpr std::size_t capacity() { return Capacity; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == Capacity; }

  /// kNoSpace: full, nothing was added.
  Status push_back(const T& value) {
    if (full()) {
      return Status::kNoSpace;
    }
    items_[size_++] = value;
    return Status::kOk;
  }
  /// Removes element `index` and moves the last one to its place; order is not kept.
  void swap_remove(std::size_t index) {
    CUBBY_ASSERT(index < size_);
    items_[index] = items_[size_ - 1];
    --size_;
  }
  void clear() { size_ = 0; }
  T& operator[](std::size_t index) {
    CUBBY_ASSERT(index < size_);
    return items_[index];
  }
  const T& operator[](std::size_t index) const {
    CUBBY_ASSERT(index < size_);
    return items_[index];
  }
  T* begin() { return items_.data(); }
  T* end() { return items_.data() + size_; }
  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + size_; }
  std::span<const T> span() const { return {items_.data(), size_}; }

 private:
  std::array<T, Capacity> items_{};
  std::size_t size_ = 0;
};

}  // namespace cubby

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace cubby {

/// Text of at most `Capacity` (<= 255) bytes, stored in place. Longer text is cut by assign().
template <std::size_t Capacity>
class InplaceString {
  static_assert(Capacity <= 255);

 public:
  InplaceString() = default;
  explicit InplaceString(std::string_view text) { assign(text); }

  /// False: it did not fit and was cut.
  bool assign(std::string_view text) {
    size_ = static_cast<std::uint8_t>(text.size() < Capacity ? text.size() : Capacity);
    for (std::size_t i = 0; i < size_; ++i) {
      text_[i] = text[i];
    }
    return text.size() <= Capacity;
  }
  void clear() { size_ = 0; }
  std::string_view view() const { return {text_.data(), size_}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  friend bool operator==(const InplaceString& a, const InplaceString& b) { return a.view() == b.view(); }

 private:
  std::array<char, Capacity> text_{};
  std::uint8_t size_ = 0;
};

}  // namespace cubby

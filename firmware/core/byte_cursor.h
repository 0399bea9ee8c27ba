#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "firmware/base/assert.h"
#include "firmware/base/bytes.h"

namespace cubby::core {

/// Writes fields one after the other into a buffer that is known to be large enough.
class ByteWriter {
 public:
  explicit ByteWriter(MutableBytes into) : into_(into) {}
  template <typename T>
  void put(T value) {
    CUBBY_ASSERT(size_ + sizeof(T) <= into_.size());
    store_le(into_.subspan(size_), value);
    size_ += sizeof(T);
  }
  /// One byte of length, then the text.
  void put_text(std::string_view text) {
    put(static_cast<std::uint8_t>(text.size()));
    put_bytes(as_bytes(text));
  }
  void put_bytes(Bytes bytes) {
    for (const auto byte : bytes) {
      put(std::to_integer<std::uint8_t>(byte));
    }
  }
  std::size_t size() const { return size_; }

 private:
  MutableBytes into_;
  std::size_t size_ = 0;
};

/// Reads fields one after the other. After the first one that is missing everything reads as 0.
class ByteReader {
 public:
  explicit ByteReader(Bytes from) : from_(from) {}
  template <typename T>
  T get() {
    if (!ok_ || from_.size() < sizeof(T)) {
      ok_ = false;
      return T{};
    }
    const auto value = load_le<T>(from_);
    from_ = from_.subspan(sizeof(T));
    return value;
  }
  Bytes get_bytes(std::size_t size) {
    if (!ok_ || from_.size() < size) {
      ok_ = false;
      return {};
    }
    const auto bytes = from_.first(size);
    from_ = from_.subspan(size);
    return bytes;
  }
  /// False in `ok()` if it does not fit into `text`.
  template <typename Text>
  void get_text(Text& text) {
    const auto bytes = get_bytes(get<std::uint8_t>());
    const std::string_view view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!text.assign(view)) {
      ok_ = false;
    }
  }
  bool ok() const { return ok_; }
  bool at_end() const { return from_.empty(); }

 private:
  Bytes from_;
  bool ok_ = true;
};

}  // namespace cubby::core

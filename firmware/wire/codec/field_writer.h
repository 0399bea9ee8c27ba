#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "firmware/base/assert.h"
#include "firmware/base/bytes.h"
#include "firmware/wire/framing/frame.h"

namespace cubby::wire {

/// Writes the fields of a protobuf message one after the other, for the few messages of which there are so many that
/// nanopb's walk over their description is dear. Tags below 16 only.
class FieldWriter {
 public:
  explicit FieldWriter(MutableBytes into) : into_(into) {}

  /// As proto3 has it: 0 is not written.
  void number(std::uint32_t tag, std::uint64_t value) {
    if (value != 0) {
      present(tag, value);
    }
  }
  /// An optional field that is there.
  void present(std::uint32_t tag, std::uint64_t value) {
    std::array<std::byte, 1 + 10> bytes{key(tag, 0)};
    put(Bytes(bytes).first(1 + encode_varint(value, bytes.data() + 1)));
  }
  void fixed64(std::uint32_t tag, std::uint64_t value) {
    std::array<std::byte, 1 + 8> bytes{key(tag, 1)};
    store_le(MutableBytes(bytes).subspan(1), value);
    put(bytes);
  }
  /// Empty text is not written. At most 127 bytes.
  void text(std::uint32_t tag, std::string_view text) {
    CUBBY_ASSERT(text.size() < 0x80);
    if (!text.empty()) {
      put(std::array{key(tag, 2), static_cast<std::byte>(text.size())});
      put(as_bytes(text));
    }
  }

  /// Bytes that were written; more than the room: they are not all there.
  std::size_t size() const { return size_; }
  bool fits() const { return size_ <= into_.size(); }

 private:
  static std::byte key(std::uint32_t tag, unsigned type) {
    CUBBY_ASSERT(tag >= 1 && tag < 16);
    return static_cast<std::byte>(tag << 3 | type);
  }
  void put(Bytes bytes) {
    if (size_ + bytes.size() <= into_.size()) {
      std::copy(bytes.begin(), bytes.end(), into_.begin() + static_cast<std::ptrdiff_t>(size_));
    }
    size_ += bytes.size();
  }

  MutableBytes into_;
  std::size_t size_ = 0;
};

}  // namespace cubby::wire

#pragma once

#include <cstdint>

#include "firmware/base/bytes.h"

namespace cubby::wire {

/// Walks over the fields of one encoded Protobuf message without a copy or an allocation: for who wants one or two
/// fields of it, and to count and bound a message before anything is made of it.
class FieldReader {
 public:
  enum class Wire : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  explicit FieldReader(Bytes message) : at_(message.data()), end_(message.data() + message.size()) {}

  /// Steps to the next field. False at the end, and when the bytes are malformed (see malformed()).
  bool next();
  bool malformed() const { return malformed_; }
  std::uint32_t number() const { return number_; }
  Wire wire() const { return wire_; }
  bool is(std::uint32_t number, Wire wire) const { return number_ == number && wire_ == wire; }
  std::uint64_t value() const { return value_; }  // Of a varint or a fixed field; else 0.
  Bytes bytes() const { return bytes_; }          // Of a field with a length, else empty; points into the message.

 private:
  bool take_varint(std::uint64_t& value);
  bool take_fixed(std::size_t size);
  bool take_bytes();

  const std::byte* at_;
  const std::byte* end_;
  bool malformed_ = false;
  std::uint32_t number_ = 0;
  Wire wire_ = Wire::kVarint;
  std::uint64_t value_ = 0;
  Bytes bytes_;
};

/// Content of the last field `number` that has a length; empty if there is none.
Bytes find_bytes(Bytes message, std::uint32_t number);

}  // namespace cubby::wire

#include "firmware/wire/framing/field_reader.h"

namespace cubby::wire {

bool FieldReader::take_varint(std::uint64_t& value) {
  std::uint64_t result = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_ == end_) {
      return false;
    }
    const auto byte = static_cast<std::uint64_t>(*at_++);
    result |= (byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) {
      value = result;
      return shift < 63 || byte <= 1;  // The tenth byte holds one bit.
    }
  }
  return false;
}

bool FieldReader::take_fixed(std::size_t size) {
  if (static_cast<std::size_t>(end_ - at_) < size) {
    return false;
  }
  for (std::size_t i = 0; i < size; ++i) {
    value_ |= static_cast<std::uint64_t>(at_[i]) << (8 * i);
  }
  at_ += size;
  return true;
}

bool FieldReader::take_bytes() {
  std::uint64_t size = 0;
  if (!take_varint(size) || size > static_cast<std::uint64_t>(end_ - at_)) {
    return false;
  }
  bytes_ = Bytes(at_, static_cast<std::size_t>(size));
  at_ += size;
  return true;
}

bool FieldReader::next() {
  if (malformed_ || at_ == end_) {
    return false;
  }
  std::uint64_t tag = 0;
  if (!take_varint(tag) || tag > UINT32_MAX || (tag >> 3) == 0) {
    malformed_ = true;
    return false;
  }
  number_ = static_cast<std::uint32_t>(tag >> 3);
  wire_ = static_cast<Wire>(tag & 7);
  value_ = 0;
  bytes_ = {};
  bool whole = false;  // Groups (3, 4), which proto3 does not have, and what does not exist (6, 7) never are.
  switch (tag & 7) {
    case static_cast<std::uint64_t>(Wire::kVarint):
      whole = take_varint(value_);
      break;
    case static_cast<std::uint64_t>(Wire::kFixed64):
      whole = take_fixed(8);
      break;
    case static_cast<std::uint64_t>(Wire::kBytes):
      whole = take_bytes();
      break;
    case static_cast<std::uint64_t>(Wire::kFixed32):
      whole = take_fixed(4);
      break;
    default:
      break;
  }
  malformed_ = !whole;
  return whole;
}

Bytes find_bytes(Bytes message, std::uint32_t number) {
  Bytes found;
  for (FieldReader field(message); field.next();) {
    if (field.is(number, FieldReader::Wire::kBytes)) {
      found = field.bytes();
    }
  }
  return found;
}

}  // namespace cubby::wire

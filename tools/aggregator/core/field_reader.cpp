#include "tools/aggregator/core/field_reader.h"

namespace cubby::aggregator {

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
      return true;
    }
  }
  return false;
}

bool FieldReader::take_fixed(std::size_t size) {
  if (static_cast<std::size_t>(end_ - at_) < size) {
    return false;
  }
  value_ = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value_ |= static_cast<std::uint64_t>(at_[i]) << (8 * i);
  }
  at_ += size;
  return true;
}

bool FieldReader::next() {
  if (malformed_ || at_ == end_) {
    return false;
  }
  std::uint64_t tag = 0;
  malformed_ = true;  // Until the field turns out whole.
  if (!take_varint(tag) || tag > UINT32_MAX || (tag >> 3) == 0) {
    return false;
  }
  number_ = static_cast<std::uint32_t>(tag >> 3);
  switch (tag & 7) {
    case 0:
      wire_ = Wire::kVarint;
      malformed_ = !take_varint(value_);
      break;
    case 1:
      wire_ = Wire::kFixed64;
      malformed_ = !take_fixed(8);
      break;
    case 2: {
      wire_ = Wire::kBytes;
      std::uint64_t size = 0;
      if (take_varint(size) && size <= static_cast<std::uint64_t>(end_ - at_)) {
        bytes_ = Bytes(at_, static_cast<std::size_t>(size));
        at_ += size;
        malformed_ = false;
      }
      break;
    }
    case 5:
      wire_ = Wire::kFixed32;
      malformed_ = !take_fixed(4);
      break;
    default:  // Groups (3, 4) and what does not exist (6, 7).
      break;
  }
  return !malformed_;
}

Bytes find_bytes(Bytes message, std::uint32_t number) {
  FieldReader reader(message);
  while (reader.next()) {
    if (reader.is(number, FieldReader::Wire::kBytes)) {
      return reader.bytes();
    }
  }
  return {};
}

}  // namespace cubby::aggregator

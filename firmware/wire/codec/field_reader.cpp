#include "firmware/wire/codec/field_reader.h"

namespace cubby::wire {
namespace {

constexpr std::uint64_t kTagMax = (std::uint64_t{1} << 29) - 1;

bool take_varint(Bytes& bytes, std::uint64_t& value) {
  value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const auto byte = static_cast<std::uint64_t>(bytes[i]);
    value |= (byte & 0x7F) << (7 * i);
    if ((byte & 0x80) == 0) {
      bytes = bytes.subspan(i + 1);
      return i < 9 || byte <= 1;
    }
  }
  return false;
}

bool take_bytes(Bytes& from, std::uint64_t size, Bytes& into) {
  if (size > from.size()) {
    return false;
  }
  into = from.first(static_cast<std::size_t>(size));
  from = from.subspan(static_cast<std::size_t>(size));
  return true;
}

}  // namespace

bool take_field(Bytes& message, WireField& field) {
  using Type = WireField::Type;
  Bytes rest = message;
  std::uint64_t key = 0;
  if (!take_varint(rest, key) || key >> 3 == 0 || key >> 3 > kTagMax) {
    return false;
  }
  field = {.tag = static_cast<std::uint32_t>(key >> 3), .type = static_cast<Type>(key & 7), .number = 0, .bytes = {}};
  std::uint64_t size = 0;
  bool whole = false;  // Groups, which proto3 does not have, never are.
  switch (key & 7) {
    case static_cast<std::uint64_t>(Type::kNumber):
      whole = take_varint(rest, field.number);
      break;
    case static_cast<std::uint64_t>(Type::kFixed64):
      whole = take_bytes(rest, 8, field.bytes);
      break;
    case static_cast<std::uint64_t>(Type::kBytes):
      whole = take_varint(rest, size) && take_bytes(rest, size, field.bytes);
      break;
    case static_cast<std::uint64_t>(Type::kFixed32):
      whole = take_bytes(rest, 4, field.bytes);
      break;
    default:
      break;
  }
  message = whole ? rest : message;
  return whole;
}

}  // namespace cubby::wire

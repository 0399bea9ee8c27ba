#pragma once

#include <cstdint>

#include "firmware/base/bytes.h"

namespace cubby::wire {

/// One field of a protobuf message, as it stands there.
struct WireField {
  enum class Type : std::uint8_t { kNumber = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
  std::uint32_t tag = 0;
  Type type = Type::kNumber;
  std::uint64_t number = 0;  // Of kNumber.
  Bytes bytes;               // Of the others, without the length; points into the message.
};

/// Takes the next field off the front of `message`; false: there is none, or `message`, which is as it was, is none.
/// For those who want one or two fields of a message that somebody else will decode: nanopb walks over the description
/// of every field.
bool take_field(Bytes& message, WireField& field);

}  // namespace cubby::wire

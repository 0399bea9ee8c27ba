#pragma once

#include <string>
#include <string_view>

#include "firmware/base/bytes.h"

namespace cubby::aggregator {

/// Two digits of 0-9 and a-f a byte.
std::string to_hex(Bytes bytes);
/// False: `text` is not exactly as many digits, of 0-9 and a-f, as `bytes` have; they are then not to be used.
bool from_hex(std::string_view text, MutableBytes bytes);

}  // namespace cubby::aggregator

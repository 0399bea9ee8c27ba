#pragma once

#include <string>
#include <string_view>

#include "cubby/v1/event.pb.h"
#include "firmware/base/bytes.h"

namespace cubby::aggregator {

std::string to_hex(Bytes bytes);
/// False: `text` is not exactly as many digits, of 0-9 and a-f, as `bytes` have; they are then not to be used.
bool from_hex(std::string_view text, MutableBytes bytes);

/// False: it is no Event, or there is something in it that this build does not know.
bool read_whole_event(Bytes payload, v1::Event& event);

/// An Event in protobuf's JSON mapping, with the field names of event.proto. A payload that is no Event, or has
/// something that this build does not know, gives {"undecoded": its bytes in hexadecimal}. `kind`, if wanted, becomes
/// the name of its body in event.proto, or "undecoded".
std::string event_json(Bytes payload, std::string* kind = nullptr);

}  // namespace cubby::aggregator

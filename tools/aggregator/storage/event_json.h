#pragma once

#include <string>

#include "cubby/v1/event.pb.h"
#include "firmware/base/bytes.h"

namespace cubby::aggregator {

/// False: it is no Event, or there is something in it that this build does not know.
bool read_whole_event(Bytes payload, v1::Event& event);

/// An Event in protobuf's JSON mapping, with the field names of event.proto. A payload that is no Event, or has
/// something that this build does not know, gives {"undecoded": its bytes in hexadecimal}. `kind`, if wanted, becomes
/// the name of its body in event.proto, or "undecoded".
std::string event_json(Bytes payload, std::string* kind = nullptr);

}  // namespace cubby::aggregator

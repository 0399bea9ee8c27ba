#pragma once

#include "cubby/v1/config.nanopb.h"
#include "cubby/v1/event.nanopb.h"
#include "firmware/base/bytes.h"
#include "firmware/base/result.h"

namespace cubby::wire {

/// Encodes an Event; returns its size. kNoSpace: it does not fit.
Result<std::size_t> encode_event(const cubby_v1_Event& event, MutableBytes into);

/// Makes `event` a ConfigApplied. `config` is an encoded StationConfig; the span itself (not only its
/// bytes) must live until the event is encoded.
void set_config_applied(cubby_v1_Event& event, const Bytes& config, Bytes config_hash);

/// The same of a configuration that is not there as bytes; it must live until the event is encoded.
void set_config_applied(cubby_v1_Event& event, const cubby_v1_StationConfig& config, Bytes config_hash);

/// Which body the Event has (its field's number), and the encoded body itself, without decoding it; 0: none of those
/// that are encoded here, or it is cut off.
std::uint32_t body_of(Bytes bytes, Bytes& body);

/// kCorrupt: not an Event. ConfigApplied.config is skipped.
Status decode_event(Bytes bytes, cubby_v1_Event& event);

}  // namespace cubby::wire

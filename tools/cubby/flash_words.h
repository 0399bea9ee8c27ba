#pragma once

#include <string>

#include "tools/cubby/flash_image.h"

namespace cubby::tools {

/// What a record says, for a person: "intent: compartment 3, collect, attempt 1". Numbers of parcels and recipients are
/// left out.
std::string record_words(const FlashRecord& record);

/// One line of `cubby flash export`: seq, chain, order, where it lies, and the event. 64-bit numbers are texts, as in
/// protobuf's mapping.
std::string event_line(const FlashRecord& record, std::size_t address);

}  // namespace cubby::tools

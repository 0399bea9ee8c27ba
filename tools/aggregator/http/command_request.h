#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cubby/v1/event.pb.h"
#include "cubby/v1/uplink.pb.h"

namespace cubby::aggregator {

/// Reads an operator's order from the JSON of docs/spec/http.md. Empty, or what is wrong with it. `id` and
/// the expiry are not set; `life_ms` says how long the order lives.
std::string read_command(std::string_view body, v1::Command& command, std::uint64_t& life_ms);

/// Words of docs/spec/http.md.
std::string_view to_words(v1::CommandOutcome outcome);
std::string_view to_words(v1::CommandRefusal refusal);

}  // namespace cubby::aggregator

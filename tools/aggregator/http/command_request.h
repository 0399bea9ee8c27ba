#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cubby/v1/event.pb.h"
#include "cubby/v1/uplink.pb.h"

namespace cubby::aggregator {

/// An operator's order: the command without id and expiry.
struct Order {
  v1::Command command;
  std::string_view action;         // Its name.
  std::uint32_t compartment = 0;   // 0: it is about none.
  std::uint64_t life_ms = 0;       // How long it lives.
  std::string rules;               // Of a Configure: JSON of the rules that shall change, see rules_request.h.
  std::uint32_t base_version = 0;  // Of a Configure: version of the rules that the operator has seen; 0: any.
};
/// Reads the JSON of docs/spec/http.md. Empty, or what is wrong with it.
std::string read_order(std::string_view body, Order& order);

/// Words of docs/spec/http.md.
std::string_view to_words(v1::CommandOutcome outcome);
std::string_view to_words(v1::CommandRefusal refusal);

}  // namespace cubby::aggregator

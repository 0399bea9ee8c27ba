#pragma once

#include <optional>
#include <string_view>

#include "firmware/base/pass.h"
#include "firmware/core/station_state.h"
#include "firmware/hal/key_store.h"

namespace cubby::core {

enum class Admission : std::uint8_t {
  kAdmitted,
  kForged,  // No pass, or not signed by the centre for this station.
  kNotNow,  // A true one that does not hold: too old, too early, for too long, used before.
};

struct Visitor {
  Admission admission = Admission::kForged;
  Pass pass;  // Not if forged.
};

inline bool looks_like_pass(std::string_view text) {
  return text.starts_with("CB1.");
}

/// Whose pass that is, by the rules of docs/spec/passes.md. `utc_ms` is the station's clock, if it is set.
Visitor admit(const hal::KeyStore& keys, std::string_view text, std::string_view station,
              std::optional<std::uint64_t> utc_ms, const StationState& state);

}  // namespace cubby::core

#include "firmware/core/roles.h"

namespace cubby::core {
namespace {

std::uint64_t life_s(char role) {
  switch (role) {
    case Pass::kTechnician:
      return limits::kTechnicianPassLifeS;
    case Pass::kSender:
      return limits::kSenderPassLifeS;
    default:
      return limits::kCourierPassLifeS;
  }
}

bool holds(const Pass& pass, std::optional<std::uint64_t> utc_ms, const StationState& state) {
  if (pass.expiry_utc_s < pass.issued_utc_s || pass.expiry_utc_s - pass.issued_utc_s > life_s(pass.role)) {
    return false;
  }
  // Without a clock: it is later than the newest time that was written down.
  const auto not_before_s = utc_ms.value_or(state.last_utc_ms()) / 1000;
  if (pass.expiry_utc_s + limits::kPassClockToleranceS < not_before_s) {
    return false;
  }
  if (utc_ms.has_value() && pass.issued_utc_s > *utc_ms / 1000 + limits::kPassClockToleranceS) {
    return false;
  }
  // Who cannot be told from somebody with a photograph of the pass comes once.
  if (state.pass_revoked(pass.serial)) {
    return false;
  }
  const bool once = pass.role == Pass::kSender || (pass.role == Pass::kTechnician && !utc_ms.has_value());
  return !once || (!state.pass_used(pass.serial) && state.room_for_pass());
}

}  // namespace

Visitor admit(const hal::KeyStore& keys, std::string_view text, std::string_view station,
              std::optional<std::uint64_t> utc_ms, const StationState& state) {
  const auto key = keys.pass_key();
  if (!key.ok()) {
    return {};
  }
  const auto pass = read_pass(key.value(), text, station);
  if (!pass.ok()) {
    return {};
  }
  return {.admission = holds(pass.value(), utc_ms, state) ? Admission::kAdmitted : Admission::kNotNow,
          .pass = pass.value()};
}

}  // namespace cubby::core

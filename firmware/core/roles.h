#pragma once

#include <optional>
#include <string_view>

#include "firmware/base/pass.h"
#include "firmware/hal/key_store.h"

namespace cubby::core {

enum class Role : std::uint8_t { kNobody, kCourier, kTechnician };

struct Visitor {
  Role role = Role::kNobody;
  InplaceString<limits::kCarrierMax> carrier;
  bool expired = false;  // A true pass, but too old; the role is kNobody.
};

inline bool looks_like_pass(std::string_view text) {
  return text.starts_with("CB1.");
}

/// Whose pass that is.
inline Visitor admit(const hal::KeyStore& keys, std::string_view text, std::optional<std::uint64_t> utc_ms) {
  const auto key = keys.pass_key();
  if (!key.ok()) {
    return {};
  }
  const auto utc_s = utc_ms.has_value() ? std::optional<std::uint64_t>(*utc_ms / 1000) : std::nullopt;
  const auto pass = read_pass(key.value(), text, utc_s);
  if (!pass.ok()) {
    return {.role = Role::kNobody, .carrier = {}, .expired = pass.status() == Status::kTimeout};
  }
  return {.role = pass.value().role == 'T' ? Role::kTechnician : Role::kCourier,
          .carrier = pass.value().carrier,
          .expired = false};
}

}  // namespace cubby::core

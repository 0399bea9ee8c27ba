#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace cubby::aggregator {

/// What somebody may ask for, by the token that they bring. docs/spec/http.md, "Roles".
enum class Role : std::uint8_t { kNobody = 0, kViewer, kNotifier, kOperator, kAdmin };
inline constexpr std::size_t kRoles = 5;
/// "nobody", "viewer", "notifier", "operator", "admin".
std::string_view to_text(Role role);

/// May `role` have what is for `least`? A viewer sees no events and a notifier nothing else: neither has what the
/// other one has.
constexpr bool may(Role role, Role least) {
  switch (role) {
    case Role::kNobody:
      return least == Role::kNobody;
    case Role::kViewer:
      return least == Role::kNobody || least == Role::kViewer;
    case Role::kNotifier:
      return least == Role::kNobody || least == Role::kNotifier;
    case Role::kOperator:
      return least != Role::kAdmin;
    case Role::kAdmin:
      return true;
  }
  return false;
}

/// The tokens in force, by role. A role without a token has nobody. Never log one.
class AccessTokens {
 public:
  AccessTokens& set(Role role, std::string token) {
    tokens_[static_cast<std::size_t>(role)] = std::move(token);
    return *this;
  }
  /// Of an Authorization header; kNobody: there is none, or no token that is known. Takes as long for any token of the
  /// same length.
  Role role_of(std::string_view authorization) const;

 private:
  std::array<std::string, kRoles> tokens_;
};

}  // namespace cubby::aggregator

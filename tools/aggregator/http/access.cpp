#include "tools/aggregator/http/access.h"

#include "tools/support/secret_file.h"

namespace cubby::aggregator {

std::string_view to_text(Role role) {
  switch (role) {
    case Role::kNobody:
      return "nobody";
    case Role::kViewer:
      return "viewer";
    case Role::kNotifier:
      return "notifier";
    case Role::kOperator:
      return "operator";
    case Role::kAdmin:
      return "admin";
  }
  return "nobody";
}

Role AccessTokens::role_of(std::string_view authorization) const {
  constexpr std::string_view kScheme = "Bearer ";
  if (!authorization.starts_with(kScheme)) {
    return Role::kNobody;
  }
  const std::string_view token = authorization.substr(kScheme.size());
  Role found = Role::kNobody;
  for (std::size_t i = 1; i < tokens_.size(); ++i) {
    // All are compared: the time does not say whose it is.
    const bool same = tools::equal_secret(token, tokens_[i]) && !token.empty();
    found = same ? static_cast<Role>(i) : found;
  }
  return found;
}

}  // namespace cubby::aggregator

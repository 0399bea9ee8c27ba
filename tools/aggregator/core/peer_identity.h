#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "tools/aggregator/core/certificate_binding.h"

namespace cubby::aggregator {

/// Whom the other side of a connection has proven to be, by its certificate. A value: the core knows no TLS.
struct PeerIdentity {
  /// Names, or beginnings of names followed by '*'.
  std::vector<std::string> stations;
  CertificateHolder holder = {};

  bool may_speak_for(std::string_view station) const {
    return std::any_of(stations.begin(), stations.end(), [&](std::string_view pattern) {
      return pattern.ends_with('*') ? station.starts_with(pattern.substr(0, pattern.size() - 1)) : pattern == station;
    });
  }
};

}  // namespace cubby::aggregator

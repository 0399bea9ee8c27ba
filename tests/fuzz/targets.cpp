#include "fuzz/targets.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace cubby::fuzz {
namespace {

constexpr std::array kTargets{
    Target{"board_p1", board_p1},
    Target{"board_p2", board_p2},
    Target{"board_p5", board_p5},
    Target{"board_p6", board_p6},
    Target{"board_p7", board_p7},
    Target{"driver_p1", driver_p1},
    Target{"driver_p2", driver_p2},
    Target{"driver_p5", driver_p5},
    Target{"driver_p6", driver_p6},
    Target{"driver_p7", driver_p7},
    Target{"bus_exchange", bus_exchange},
    Target{"door_bank", door_bank},
    Target{"panel_link", panel_link},
    Target{"wire_frame", wire_frame},
    Target{"journal_image", journal_image},
    Target{"lockstep_guest", lockstep_guest},
    Target{"session_station", session_station},
    Target{"session_centre", session_centre},
    Target{"http_api", http_api},
    Target{"configuration_file", configuration_file},
    Target{"configuration_message", configuration_message},
    Target{"profile_file", profile_file},
};

}  // namespace

std::span<const Target> targets() {
  return kTargets;
}

const Target* find_target(std::string_view name) {
  const auto* const found =
      std::find_if(kTargets.begin(), kTargets.end(), [&](const Target& target) { return target.name == name; });
  return found == kTargets.end() ? nullptr : found;
}

void require(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
  }
}

}  // namespace cubby::fuzz

#pragma once

#include <cstdint>
#include <vector>

#include "emulator/fleet/fleet.h"
#include "emulator/station/station_world.h"

namespace cubby::emulator {

/// Where and what a profile's stations are, in their order: spread over cities by population and over
/// layouts by their weights, so that the first n are a fair sample of all.
struct StationPlan {
  std::size_t city = 0;
  std::size_t layout = 0;
  std::uint32_t number = 0;  // Within its city, from 1.
};
std::vector<StationPlan> plan_stations(const Profile& profile, std::size_t count);

/// Everything that one station of a fleet is made from.
StationSetup build_station(const Profile& profile, const FleetOptions& options, const StationPlan& plan,
                           std::size_t index);

}  // namespace cubby::emulator

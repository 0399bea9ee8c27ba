#pragma once

#include "firmware/core/station_state.h"
#include "firmware/drivers/door_bank.h"

namespace cubby::core {

/// A board that opened another door in place of one of its is out of service until somebody who serves the station has
/// seen to that compartment: if its outputs are not wired or numbered as the configuration says, the next one is wrong
/// too.
bool board_trusted(const StationState& state, const drivers::DoorBank& doors, std::uint8_t compartment);
/// Doors that are known to be shut and whose board is in service.
CompartmentBits usable_doors(const StationState& state, const drivers::DoorBank& doors);

}  // namespace cubby::core

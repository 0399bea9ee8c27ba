#pragma once

#include <string>

#include "power_loss/lives/world.h"

namespace cubby::power_loss {

std::string at_door(unsigned door, const char* what);
/// There may be a parcel, as far as the controller knows.
bool is_kept(core::CompartmentState state);
/// What the world was promised for a parcel behind that door; null: nothing.
const Accepted* accepted_behind(const World& world, unsigned door);

/// S1: never believed vacant with a parcel inside, nor occupied with none. Empty: it is so.
std::string check_custody(const Machine& machine, unsigned door);
/// S5: a parcel that was accepted has the code that was told, and a dead one stays dead.
std::string check_code(const Machine& machine, const Accepted& told);

/// Compares what the controller believes with the world; all doors are shut. Empty: it is right.
std::string check_beliefs(Machine& machine);

/// The unlock frame that is about to be sent was asked for by somebody since the last boot, not long ago, and a
/// mount of `flash`, as it is now, finds the intent.
std::string check_authority(const Machine& machine, unsigned door, emulator::NorFlashDevice flash);
/// The first half of that alone.
std::string check_asked_for(const Machine& machine, unsigned door);

}  // namespace cubby::power_loss

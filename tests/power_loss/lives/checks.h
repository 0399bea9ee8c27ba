#pragma once

#include <string>

#include "power_loss/lives/world.h"

namespace cubby::power_loss {

/// Compares what the controller believes with the world; all doors are shut. Empty: it is right.
std::string check_beliefs(Machine& machine);

/// The unlock frame that is about to be sent was asked for by somebody since the last boot, not long ago, and a
/// mount of `flash`, as it is now, finds the intent.
std::string check_authority(const Machine& machine, unsigned door, emulator::NorFlashDevice flash);
/// The first half of that alone.
std::string check_asked_for(const Machine& machine, unsigned door);

}  // namespace cubby::power_loss

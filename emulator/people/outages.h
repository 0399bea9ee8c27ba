#pragma once

#include "emulator/people/profile.h"
#include "firmware/base/instant.h"
#include "firmware/base/prng.h"

/// When network, mains and lock boards go and come back. Here, because floating point may be nowhere else.
namespace cubby::emulator {

/// Until the network goes: up for so long on average that the profile's share of all time is up.
Duration draw_network_up(Prng& prng, const Profile& profile);
Duration draw_network_outage(Prng& prng, const Profile& profile);
Duration draw_mains_up(Prng& prng, const Profile& profile);
Duration draw_mains_loss(Prng& prng, const Profile& profile);
/// Until the next board of a station falls silent.
Duration draw_boards_answer(Prng& prng, const Profile& profile);
Duration draw_board_silence(Prng& prng, const Profile& profile);
/// How long the battery carries a station.
Duration battery_life(const Profile& profile);

}  // namespace cubby::emulator

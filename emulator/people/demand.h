#pragma once

#include <cstdint>

#include "emulator/people/profile.h"
#include "firmware/base/instant.h"
#include "firmware/base/prng.h"

/// The demand model as functions of a profile: how long parcels stay, when people come, how many parcels a day has.
namespace cubby::emulator {

/// To the panel, after the one before has left.
inline constexpr Duration kStepUp = Duration::seconds(2);

Duration draw_dwell(Prng& prng, const Profile& profile);
double mean_dwell_s(const Profile& profile);
/// How long a deposit holds its door, on average, if nobody waits for the panel: from the opening for it until the door
/// is shut after the collection.
double mean_holding_s(const Profile& profile);
/// When somebody comes who would be there `dwell` after the parcel was stored, if all hours of the day were the same.
/// `local_us` is the local time since 1970 at which it was stored; the answer is the time since then.
Duration until_collection(const Profile& profile, std::int64_t local_us, Duration dwell);
/// Demand of that local day, as a share of an ordinary one.
double day_factor(const Profile& profile, std::int64_t local_day);
/// Of a bolt, at that time.
std::uint32_t failed_open_per_million(const Profile& profile, std::uint64_t utc_ms);
/// Between two arrivals of the profile's Poisson process on such a day.
Duration draw_arrival_gap(Prng& prng, const Profile& profile, double factor);

}  // namespace cubby::emulator

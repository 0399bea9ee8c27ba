#include "emulator/people/demand.h"

#include <algorithm>

#include "emulator/people/distributions.h"

namespace cubby::emulator {
namespace {

constexpr double kMicro = 1e6;
constexpr std::int64_t kHourUs = 3'600'000'000;
constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kHoursMax = 24 * 366;  // A recipient comes within a year.

// Of a lognormal time with that median.
double mean_of(double median, double sigma) {
  return median * exact_exp(sigma * sigma / 2);
}

bool same_all_day(const Profile& profile) {
  const auto& percent = profile.collection_hour_percent;
  return std::all_of(percent.begin(), percent.end(), [&](std::uint32_t hour) { return hour == percent[0]; });
}

// Time runs faster in eager hours and slower in others, and over a whole day as fast as the clock.
Duration in_eager_hours(const Profile& profile, std::int64_t local_us, Duration dwell) {
  std::int64_t total = 0;
  for (const std::uint32_t percent : profile.collection_hour_percent) {
    total += percent;
  }
  std::int64_t rest_us = dwell.us;
  std::int64_t at_us = local_us;
  for (std::int64_t hour = 0; hour < kHoursMax; ++hour) {
    const std::int64_t eagerness =
        24 * std::int64_t{profile.collection_hour_percent[static_cast<std::size_t>(at_us / kHourUs % 24)]};
    const std::int64_t left_us = kHourUs - at_us % kHourUs;
    const std::int64_t worth_us = left_us * eagerness / total;
    if (rest_us < worth_us) {
      return Duration::microseconds(at_us - local_us + rest_us * total / eagerness);
    }
    rest_us -= worth_us;
    at_us += left_us;
  }
  return Duration::microseconds(at_us - local_us);
}

}  // namespace

Duration draw_dwell(Prng& prng, const Profile& profile) {
  switch (profile.dwell) {
    case DwellKind::kLognormal:
      return hours(std::min(lognormal(prng, profile.dwell_mu_micro / kMicro, profile.dwell_sigma_micro / kMicro),
                            static_cast<double>(kHoursMax)));
    case DwellKind::kExponential:
      return seconds(exponential(prng, profile.dwell_mean_s));
    case DwellKind::kConstant:
      return Duration::seconds(profile.dwell_mean_s);
  }
  return {};
}

double mean_dwell_s(const Profile& profile) {
  if (profile.dwell == DwellKind::kLognormal) {
    return 3600 * mean_of(exact_exp(profile.dwell_mu_micro / kMicro), profile.dwell_sigma_micro / kMicro);
  }
  return profile.dwell_mean_s;
}

double mean_holding_s(const Profile& profile) {
  const double sigma = profile.open_sigma_micro / kMicro;
  return mean_of(profile.open_deposit_median_ms / 1000.0, sigma) + mean_dwell_s(profile) +
         static_cast<double>(kStepUp.us) / kMicro + mean_of(profile.open_pickup_median_ms / 1000.0, sigma);
}

Duration until_collection(const Profile& profile, std::int64_t local_us, Duration dwell) {
  if (!same_all_day(profile)) {
    return in_eager_hours(profile, local_us, dwell);
  }
  const std::int64_t in_day_ms = (local_us + dwell.us) / 1000 % kDayMs;
  const std::int64_t quiet_ms = std::int64_t{profile.quiet_until_h} * 3'600'000;
  if (in_day_ms >= quiet_ms) {
    return dwell;
  }
  // The small hours are spread over the hours after them, in their order.
  return dwell +
         Duration::milliseconds(quiet_ms - in_day_ms + in_day_ms * profile.quiet_spread_h / profile.quiet_until_h);
}

double day_factor(const Profile& profile, std::int64_t local_day) {
  const std::int64_t weekday = (local_day % 7 + 7 + 3) % 7;  // 1970-01-01 was a Thursday.
  double factor = profile.weekday_percent[static_cast<std::size_t>(weekday)] / 100.0;
  for (const ProfileSeason& season : profile.seasons) {
    if (season.from <= local_day && local_day < season.to) {
      factor *= season.demand_percent / 100.0;
    }
  }
  return factor;
}

std::uint32_t failed_open_per_million(const Profile& profile, std::uint64_t utc_ms) {
  const std::int64_t local_day =
      (static_cast<std::int64_t>(utc_ms) + profile.utc_offset_min * std::int64_t{60'000}) / kDayMs;
  std::uint32_t chance = profile.failed_open_per_million;
  for (const ProfileSeason& season : profile.seasons) {
    if (season.from <= local_day && local_day < season.to && season.failed_open_per_million != 0) {
      chance = season.failed_open_per_million;
    }
  }
  return chance;
}

Duration draw_arrival_gap(Prng& prng, const Profile& profile, double factor) {
  return seconds(exponential(prng, mean_holding_s(profile) * 1000 / profile.offered_erlang_milli / factor));
}

}  // namespace cubby::emulator

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "emulator/hardware/panel_display.h"

namespace cubby::emulator {

/// A city of a profile: `stations` of its stations stand there.
struct ProfileCity {
  std::string name;          // "Taiyuan"
  std::string code;          // "TY"
  std::uint32_t weight = 0;  // Population in thousands; stations are shared out by it (largest remainder).
};

/// A cabinet layout of the trade.
struct ProfileLayout {
  std::uint32_t doors_l = 0;
  std::uint32_t doors_m = 0;
  std::uint32_t doors_s = 0;
  std::uint32_t weight = 0;  // Stations of this layout in the full profile.

  std::uint32_t doors() const { return doors_l + doors_m + doors_s; }
};

/// Couriers come between these hours of the day.
struct ProfileRound {
  std::uint32_t from_h = 0;
  std::uint32_t to_h = 0;
};

/// Days with another demand, or with weather that bolts do not like. Local days since 1970, `to` is the day after the
/// last.
struct ProfileSeason {
  std::int32_t from = 0;
  std::int32_t to = 0;
  std::uint32_t demand_percent = 100;
  std::uint32_t failed_open_per_million = 0;  // 0: the profile's.
};

enum class Arrivals : std::uint8_t {
  kRounds,   // Bursts of parcels in the rounds of the day.
  kPoisson,  // Single parcels at any time.
};
enum class DwellKind : std::uint8_t { kLognormal, kExponential, kConstant };

/// The demand model in integers, so that it is the same everywhere: every key of a profile's file has its name here
/// (emulator/scenario/profile_keys.cpp; meaning and source: docs/simulation.md). Probabilities are per million.
struct Profile {
  std::string name;
  std::string prefix;  // Of station names: "SX" gives SX-TY-0007.
  std::uint32_t stations = 0;
  std::int32_t utc_offset_min = 480;
  PanelLanguage language = PanelLanguage::kEnglish;  // Of the stations' displays.
  std::int32_t first_day = 0;                        // Local days since 1970.
  std::vector<ProfileCity> cities;
  std::vector<ProfileLayout> layouts;
  std::vector<std::string> carriers;  // Most frequent first.
  std::uint32_t brands_per_station_min = 1;
  std::uint32_t brands_per_station_max = 1;

  Arrivals arrivals = Arrivals::kRounds;
  // In rounds: mean of parcels *offered* at a station of the mean size a day, x 1000; a station has its share by doors.
  std::uint32_t offered_per_station_day_milli = 0;
  // Poisson: mean of the doors that would be taken at once if there were enough, x 1000, at every station.
  std::uint32_t offered_erlang_milli = 0;
  std::vector<ProfileRound> rounds;
  std::uint32_t burst_min = 1;
  std::uint32_t burst_max = 1;
  std::uint32_t spacing_min_s = 1;
  std::uint32_t spacing_max_s = 1;
  bool recall = true;                               // Couriers ask for overdue parcels before they leave.
  std::array<std::uint32_t, 4> size_per_million{};  // S, M, L, too big.
  std::array<std::uint32_t, 7> weekday_percent{};   // Of the demand, from Monday.
  std::vector<ProfileSeason> seasons;

  DwellKind dwell = DwellKind::kLognormal;
  std::int32_t dwell_mu_micro = 0;  // Lognormal, of hours, x 10^6.
  std::uint32_t dwell_sigma_micro = 0;
  std::uint32_t dwell_mean_s = 0;  // Exponential and constant.
  std::uint32_t quiet_until_h =
      0;  // Who would come between midnight and then comes in the hours after it; 0: nobody waits.
  std::uint32_t quiet_spread_h = 1;
  std::array<std::uint32_t, 24> collection_hour_percent{};  // How eagerly people collect, by hour of the day.
  std::uint32_t notice_reaction_s = 0;
  std::uint32_t retention_h = 48;

  std::uint32_t open_deposit_median_ms = 0;
  std::uint32_t open_pickup_median_ms = 0;
  std::uint32_t open_sigma_micro = 0;
  std::uint32_t left_open_per_million = 0;
  std::uint32_t left_open_min_s = 1;
  std::uint32_t left_open_max_s = 1;
  std::uint32_t mistype_per_million = 0;
  std::uint32_t refusal_per_million = 0;
  std::uint32_t failed_open_per_million = 0;

  std::uint32_t network_up_per_million = 1'000'000;
  std::uint32_t network_outage_mean_s = 1;
  std::uint32_t mains_losses_per_year = 0;
  std::uint32_t mains_loss_min_s = 1;
  std::uint32_t mains_loss_max_s = 1;
  std::uint32_t battery_s = 0;
  std::uint32_t board_silences_per_year = 0;  // Of a station.
  std::uint32_t board_silence_min_s = 1;
  std::uint32_t board_silence_max_s = 1;

  /// Local midnight of the first day.
  std::uint64_t start_utc_ms() const {
    return static_cast<std::uint64_t>(first_day * std::int64_t{86'400'000} - utc_offset_min * std::int64_t{60'000});
  }
  /// Of a station of the mean size, x 1000. Needs a layout with a weight.
  std::uint32_t mean_doors_milli() const {
    std::uint64_t doors = 0;
    std::uint64_t stations_of_all = 0;
    for (const ProfileLayout& layout : layouts) {
      doors += std::uint64_t{layout.doors()} * layout.weight;
      stations_of_all += layout.weight;
    }
    return static_cast<std::uint32_t>((doors * 1000 + stations_of_all / 2) / stations_of_all);
  }
};

}  // namespace cubby::emulator

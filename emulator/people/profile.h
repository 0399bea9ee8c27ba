#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "emulator/hardware/panel_display.h"

namespace cubby::emulator {

/// A city of a profile: `stations` of its stations stand there.
struct ProfileCity {
  std::string name;      // "Taiyuan"
  std::string code;      // "TY"
  std::uint32_t weight;  // Population in thousands; stations are shared out by it (largest remainder).
};

/// A cabinet layout of the trade.
struct ProfileLayout {
  std::uint32_t doors_l = 0;
  std::uint32_t doors_m = 0;
  std::uint32_t doors_s = 0;
  std::uint32_t weight = 0;  // Stations of this layout in the full profile.
};

/// Every number of the demand model and its source is in docs/simulation.md. Probabilities are per million.
struct Profile {
  std::string name;
  std::string prefix;  // Of station names: "SX" gives SX-TY-0007.
  std::uint32_t stations = 0;
  std::int32_t utc_offset_min = 480;
  PanelLanguage language = PanelLanguage::kEnglish;  // Of the stations' displays.
  std::uint64_t start_utc_ms = 0;
  std::vector<ProfileCity> cities;
  std::vector<ProfileLayout> layouts;
  std::vector<std::string> carriers;  // Most frequent first.
  std::uint32_t brands_per_station_min = 3;
  std::uint32_t brands_per_station_max = 8;
  // Mean of parcels *offered* at a station of the mean size a day, x 1000; a station has its share by doors.
  std::uint64_t offered_per_station_day_milli = 0;
  std::uint32_t doors_mean_milli = 78'649;          // Of the profile, x 1000.
  std::array<std::uint32_t, 4> size_per_million{};  // S, M, L, too big.
  std::uint32_t burst_min = 10;
  std::uint32_t burst_max = 25;
  std::uint32_t spacing_min_s = 20;
  std::uint32_t spacing_max_s = 40;
  double dwell_mu = 2.145;  // Lognormal, of hours.
  double dwell_sigma = 1.342;
  std::uint32_t retention_h = 48;
  double open_deposit_median_s = 18;
  double open_pickup_median_s = 12;
  double open_sigma = 0.4;
  std::uint32_t mistype_per_million = 30'000;
  std::uint32_t failed_open_per_million = 1'000;
  std::uint32_t left_open_per_million = 3'000;
  std::uint32_t network_outage_mean_s = 1'200;
  std::uint32_t network_up_per_million = 995'000;
  std::uint32_t mains_losses_per_year = 2;
  double mains_loss_min_s = 30;
  double mains_loss_max_s = 21'600;
  double battery_s = 14'400;
  bool quiet_nights = true;  // Nobody collects in the small hours.
};

}  // namespace cubby::emulator

#pragma once

#include <array>
#include <cstddef>

#include "firmware/base/bytes.h"
#include "firmware/base/limits.h"
#include "firmware/base/station_keys.h"
#include "firmware/base/status.h"

/// What a microcontroller is told about its station: one page of flash, written when the station is set up and only
/// read by the firmware; docs/spec/station-page.md.
namespace cubby::app {

inline constexpr std::size_t kStationPageSize = 4096;
inline constexpr std::size_t kStationPageHeaderSize = 256;
static_assert(kStationPageHeaderSize + limits::kConfigBytesMax <= kStationPageSize);

struct StationPage {
  Bytes config;              // An encoded StationConfig; of read_station_page(), within the page.
  StationKeys station_keys;  // At least one, versions ascending.
  StationKey pass_key{};
  std::array<std::byte, 32> seed{};   // Random, of this station alone: what its random numbers begin with.
  bool announce_new_journal = false;  // See CAPABILITY_NEW_JOURNAL.
};

/// kBadInput: no page, cut short, or without a key; kVersion: of a later format; kCorrupt: its check sum is wrong. The
/// configuration itself is not looked at.
Status read_station_page(Bytes page, StationPage& into);
/// Exactly kStationPageSize bytes. kBadInput: the configuration is empty or too long, or there is no key.
Status write_station_page(const StationPage& page, MutableBytes into);

}  // namespace cubby::app

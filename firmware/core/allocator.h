#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "cubby/v1/config.nanopb.h"
#include "firmware/core/station_state.h"

namespace cubby::core {

/// Why there is no door for a parcel; numbers as TurnedAwayReason of event.proto.
enum class TurnedAway : std::uint8_t {
  kNone = 0,
  kFull,
  kNoSuchSize,
  kShareUsedUp,
  kWrongPass,
  kJournalReserve,
  kFault,
};

struct Allocation {
  std::uint8_t compartment = 0;  // 0: none, see reason.
  TurnedAway reason = TurnedAway::kNone;
};

/// Chooses doors: the smallest size that fits, larger ones up to the configured number of steps. A
/// bitmap of vacant doors a size; within a size the next one after the last that was chosen, so that
/// wear is spread.
class Allocator {
 public:
  void configure(const cubby_v1_StationConfig& config);
  /// Follows the compartment's state; call whenever it changed.
  void refresh(std::uint8_t compartment, const Compartment& now);

  struct Request {
    std::uint8_t size = 0;
    std::string_view carrier;
    const CompartmentBits& usable;  // Doors that are known to be shut.
    const CompartmentBits& tried;   // Doors that failed for this parcel.
  };
  Allocation choose(const Request& request, const StationState& state);

 private:
  static constexpr std::size_t kSizes = 4;
  std::uint8_t pick(std::size_t size_index, const Request& request);
  bool share_used_up(std::string_view carrier, const StationState& state) const;

  const cubby_v1_StationConfig* config_ = nullptr;
  std::array<CompartmentBits, kSizes> vacant_{};
  std::array<std::uint8_t, kSizes> after_{};  // Number of the last door chosen of that size.
};

}  // namespace cubby::core

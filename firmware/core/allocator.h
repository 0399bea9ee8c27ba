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
  kNoLowDoor,
};

struct Allocation {
  std::uint8_t compartment = 0;  // 0: none, see reason.
  TurnedAway reason = TurnedAway::kNone;
};

/// Chooses doors; the rules, and why they are these: docs/design/allocation.md. What an answer takes does
/// not grow with the number of doors.
class Allocator {
 public:
  void configure(const cubby_v1_StationConfig& config);
  /// Follows one compartment; call whenever it changed.
  void refresh(std::uint8_t compartment, const StationState& state);
  /// Follows all that changed, for whoever cannot wait for refresh().
  void follow(const StationState& state);

  struct Request {
    std::uint8_t size = 0;
    std::string_view carrier;
    std::string_view parcel{};      // Of a door that is reserved for it; may be empty.
    bool low = false;               // Only a low door will do.
    const CompartmentBits& usable;  // Doors that are known to be shut.
    const CompartmentBits& tried;   // Doors that failed for this parcel.
  };
  /// For a parcel that is here: a door that is reserved for it, else a vacant one.
  Allocation choose(const Request& request, const StationState& state) const;
  /// A vacant one. State as at the last refresh.
  Allocation choose_vacant(const Request& request) const;

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image, const cubby_v1_StationConfig& config) {
    bool configured = config_ != nullptr;
    image(configured, of_size_, low_, vacant_, wear_planes_, planes_used_, holder_, brands_, kept_);
    config_ = configured ? &config : nullptr;
  }

 private:
  static constexpr std::size_t kSizes = 4;
  static constexpr std::uint8_t kNoBrand = 0xFF;  // Without rules of its own.
  using SizeCounts = std::array<std::uint8_t, kSizes>;
  struct Brand {
    std::uint64_t carrier = 0;  // Its bytes.
    std::uint8_t doors_max = 0;
    std::uint8_t held_in_all = 0;
    SizeCounts guaranteed{};
    SizeCounts held{};
  };

  std::uint8_t brand_of(std::string_view carrier) const;
  std::uint8_t holder_of(std::uint8_t compartment, const StationState& state) const;
  void count(std::uint8_t holder, std::size_t size_index, bool more);
  void write_wear(std::uint8_t compartment, std::uint32_t wear);
  std::uint8_t least_worn(CompartmentBits doors) const;
  std::uint8_t choose_reserved(const Request& request, const StationState& state) const;
  std::size_t kept_from(std::uint8_t brand, std::size_t size_index) const;

  const cubby_v1_StationConfig* config_ = nullptr;
  std::array<CompartmentBits, kSizes> of_size_{};
  CompartmentBits low_{};
  CompartmentBits vacant_{};
  std::array<CompartmentBits, limits::kWearBits> wear_planes_{};  // Bit b of every door's wear.
  std::size_t planes_used_ = 0;                                   // The others hold zeros.
  std::array<std::uint8_t, limits::kCompartmentsMax> holder_{};   // Brand that each door counts for.
  std::array<Brand, limits::kBrandsMax> brands_{};
  SizeCounts kept_{};  // Doors of each size that brands are guaranteed and do not hold.
};

}  // namespace cubby::core

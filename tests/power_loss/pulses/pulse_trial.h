#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "power_loss/pulses/pulse_world.h"

namespace cubby::power_loss {

enum class Errand : std::uint8_t { kDeposit, kCollect };
/// Whose supply goes. kBoth: the coil's own current has pulled it down.
enum class Supply : std::uint8_t { kStation, kCabinet, kBoth };
inline constexpr std::size_t kSupplies = 3;

/// What a person who stands before the door does while the station is off.
enum class InTheDark : std::uint8_t { kWaits, kActsAndShuts };

/// What was known after the next boot.
enum class Known : std::uint8_t {
  kNothingAsked,  // No intent was durable.
  kSwitchOpen,    // The door stood open.
  kSeenBefore,    // It was durable that it had been seen open.
  kUnknown,       // Shut, and nobody had seen what became of the pulse.
  kLivedOn,       // The controller had its power all the time.
};
inline constexpr std::size_t kKnown = 5;

/// When something happens from the last key of an errand on, without any cut.
struct Moments {
  std::vector<Instant> byte_ends;
  std::vector<Instant> edges;  // Of the coil's current, and when the door moves.
  std::vector<Instant> steps;
  unsigned door = 0;
};
Moments moments_of(BoardFamily family, Errand errand, Duration step);

struct Trial {
  BoardFamily family = BoardFamily::kP5;
  Errand errand = Errand::kDeposit;
  Supply supply = Supply::kStation;
  InTheDark dark = InTheDark::kWaits;
  Instant at{};
  unsigned door = 0;
};

struct TrialResult {
  std::string complaint;  // Empty: all is well.
  Known known = Known::kNothingAsked;
  std::size_t pulses = 0;  // Of the errand.
  Duration longest{};
};
TrialResult run(const Trial& trial);

}  // namespace cubby::power_loss

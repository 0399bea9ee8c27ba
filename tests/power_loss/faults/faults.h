#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "power_loss/lives/world.h"

/// What can be wrong with the flash of a controller.
namespace cubby::power_loss {

/// F4 to F7 of the fault catalogue. Where nothing else is said, chance chooses the place.
enum class Fault : std::uint8_t {
  kRotOfTheLast,    // F5: one bit of what was programmed last.
  kRotOfTheRecent,  // One bit of what was programmed two to nine operations ago.
  kRotOfAHeader,    // One bit of a sector's header.
  kRotAnywhere,     // One bit of a sector that is not blank.
  kRotOfManyBits,   // Sixteen bytes behind a header.
  kStuckWritten,    // A bit that was programmed reads as 0 from now on, or as 1.
  kStuckBlank,      // A bit in each sector that is blank, or of what is about to be programmed, reads as 0.
  kReadDisturb,     // Every few reads turn a bit of the sector that is read.
  kHostilePage,     // F4: the power goes within an operation, and other bytes of the page suffer.
  kProgramErrors,   // F6, as answers: programs of every second sector fail.
  kEraseErrors,     // Erases of every second sector fail.
  kAllErrors,       // Every program and erase fails.
  kBusyForEver,     // F7: reads FF, and every operation fails.
  kReadsZeros,      // Reads 00, and every operation seems to succeed.
  kWriteProtected,  // Every operation seems to succeed, and changes nothing.
  kCount,
};
inline constexpr std::size_t kFaults = static_cast<std::size_t>(Fault::kCount);

/// kAtRest: the power goes at an operation, the fault comes while it is off. kRunning: the fault comes just before the
/// operation, and the life goes on.
enum class When : std::uint8_t { kAtRest, kRunning };

struct FaultKind {
  Fault fault;
  std::string_view name;
  std::string_view row;  // Of the fault catalogue.
  bool at_rest = false;  // It is tried then.
  bool running = false;
  bool damages = false;  // What was durable may be gone; else it is all there as soon as the part works again.
};
extern const std::array<FaultKind, kFaults> kFaultKinds;

/// A program (or, with size 0, an erase) of the life.
struct FlashStep {
  std::uint32_t address = 0;
  std::uint32_t size = 0;
};

/// Brings the fault upon the world's flash. `done` is what the life has done so far, `next` what it is about to do.
/// Everything follows from `seed`. False: there was nothing that it could hit.
bool strike(Fault fault, World& world, const std::vector<FlashStep>& done, const FlashStep& next, Bytes data,
            std::uint64_t seed);

}  // namespace cubby::power_loss

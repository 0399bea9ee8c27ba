#pragma once

#include <cstdint>
#include <optional>

#include "firmware/core/station_state.h"
#include "firmware/drivers/door_bank.h"

/// What may be believed about who has a parcel.
namespace cubby::core {

enum class AfterReset : std::uint8_t {
  kWait,       // The door cannot be read yet.
  kGoOn,       // It is open: the opening happened; wait for it to shut.
  kComplete,   // It was seen open before the reset and is shut: what the opening was for has happened.
  kNotOpened,  // The last attempt is known not to have opened it.
  kUncertain,  // Shut, and nobody saw what became of the pulse.
};

/// An opening was under way when the power went; nothing is ever pulsed for it again.
constexpr AfterReset after_reset(AttemptOutcome durable, drivers::DoorState door) {
  switch (door) {
    case drivers::DoorState::kUnknown:
      return AfterReset::kWait;
    case drivers::DoorState::kOpen:
      return AfterReset::kGoOn;
    case drivers::DoorState::kShut:
      break;
  }
  switch (durable) {
    case AttemptOutcome::kOpened:
      return AfterReset::kComplete;
    case AttemptOutcome::kNone:
      return AfterReset::kUncertain;
    case AttemptOutcome::kNotOpened:
    case AttemptOutcome::kNotSent:
    case AttemptOutcome::kRefused:
    case AttemptOutcome::kUnknown:
      return AfterReset::kNotOpened;
  }
  return AfterReset::kUncertain;
}

/// The item sensor speaks against what is believed of a compartment whose door is shut. When an authorised opening
/// ends, what would be believed after it is disputed then; at any other time nobody believes one sensor alone.
constexpr bool contradicts(CompartmentState believed, drivers::ItemState item) {
  switch (believed) {
    case CompartmentState::kVacant:
    case CompartmentState::kReserved:
      return item == drivers::ItemState::kPresent;
    case CompartmentState::kOccupied:
    case CompartmentState::kOverdue:
      return item == drivers::ItemState::kEmpty;
    case CompartmentState::kOpening:
    case CompartmentState::kLoading:
    case CompartmentState::kCollecting:
    case CompartmentState::kUnloading:
    case CompartmentState::kDisputed:
    case CompartmentState::kOutOfService:
      break;  // Nothing is believed that a sensor could speak against.
  }
  return false;
}

/// From stored until now; nullopt if neither the clock nor this boot's time can say.
inline std::optional<std::uint64_t> dwell_ms(const Parcel& parcel, std::optional<std::uint64_t> utc_ms,
                                             std::uint32_t boot, std::uint64_t on_ms) {
  if (parcel.deposited_boot == boot && on_ms >= parcel.deposited_on_ms) {
    return on_ms - parcel.deposited_on_ms;
  }
  if (utc_ms.has_value() && parcel.deposited_utc_ms != 0 && *utc_ms >= parcel.deposited_utc_ms) {
    return *utc_ms - parcel.deposited_utc_ms;
  }
  return std::nullopt;
}

}  // namespace cubby::core

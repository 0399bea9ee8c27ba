#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

/// The life of one compartment as a table; the only place that says which step may follow which.
namespace cubby::core {

/// Numbers as CompartmentState of event.proto.
enum class CompartmentState : std::uint8_t {
  kVacant = 1,
  kReserved,
  kOpening,  // For a deposit: an unlock was or will be sent, the door has not been seen open.
  kLoading,  // The door is open for a deposit.
  kOccupied,
  kOverdue,     // The parcel waits for its courier; its code is dead. Also after a refusal or from a sender.
  kCollecting,  // As kOpening, to take something out or to look inside.
  kUnloading,   // The door is open for that.
  kDisputed,    // Nobody can know what is inside.
  kOutOfService,
};
inline constexpr std::size_t kCompartmentStates = 10;

/// Empty, and a parcel may be given the door: anybody's, or what it is reserved for.
constexpr bool in_allocation(CompartmentState state) {
  return state == CompartmentState::kVacant || state == CompartmentState::kReserved;
}

enum class CompartmentEvent : std::uint8_t {
  kReserve = 1,    // Chosen by the allocator, for a parcel that is here or for one that is to come.
  kRelease,        // The reservation is over, and no parcel came.
  kUnlock,         // An intent to open for a deposit is durable.
  kUnlockToEmpty,  // An intent to open for a collection or recall, or to look inside, is durable.
  kOpened,         // The switch reads open.
  kStored,         // Shut again after a deposit.
  kDroppedOff,     // Shut again after a sender's drop-off.
  kEmptied,        // Shut again after a collection or recall.
  kCancelled,      // Shut again, and the courier had said that nothing is inside.
  kNotOpened,      // A door that was to be loaded did not move.
  kStillVacant,    // The door did not move, or nothing but a look was taken; what was before goes on.
  kStillOccupied,
  kStillOverdue,
  kStillDisputed,
  kStillOut,
  kStillReserved,
  kRefused,       // Shut again, and the recipient had said that the parcel is still inside.
  kExpired,       // The retention period ran out.
  kUncertain,     // Nobody can know what is inside.
  kSettledEmpty,  // A person looked inside.
  kSettledOccupied,
  kSettledOverdue,
  kTakeOut,  // Out of service.
  kPutBack,  // In service again.
};
inline constexpr std::size_t kCompartmentEvents = 24;

struct Transition {
  CompartmentState from;
  CompartmentEvent on;
  CompartmentState to;
};

inline constexpr auto kTransitions = [] {
  using enum CompartmentState;
  using enum CompartmentEvent;
  // clang-format off
  return std::to_array<Transition>({
      {kVacant, kReserve, kReserved},
      {kVacant, kUnlockToEmpty, kCollecting},
      {kVacant, kTakeOut, kOutOfService},
      {kReserved, kRelease, kVacant},
      {kReserved, kUnlock, kOpening},
      {kReserved, kUnlockToEmpty, kCollecting},
      {kReserved, kTakeOut, kOutOfService},
      {kOpening, kOpened, kLoading},
      {kOpening, kNotOpened, kVacant},
      {kOpening, kStillReserved, kReserved},
      {kOpening, kUncertain, kDisputed},
      {kLoading, kStored, kOccupied},
      {kLoading, kDroppedOff, kOverdue},
      {kLoading, kCancelled, kVacant},
      {kLoading, kStillReserved, kReserved},
      {kLoading, kUncertain, kDisputed},
      {kOccupied, kUnlockToEmpty, kCollecting},
      {kOccupied, kExpired, kOverdue},
      {kOccupied, kUncertain, kDisputed},
      {kOverdue, kUnlockToEmpty, kCollecting},
      {kOverdue, kUncertain, kDisputed},
      {kCollecting, kOpened, kUnloading},
      {kCollecting, kStillVacant, kVacant},
      {kCollecting, kStillOccupied, kOccupied},
      {kCollecting, kStillOverdue, kOverdue},
      {kCollecting, kStillDisputed, kDisputed},
      {kCollecting, kStillOut, kOutOfService},
      {kCollecting, kStillReserved, kReserved},
      {kCollecting, kUncertain, kDisputed},
      {kUnloading, kEmptied, kVacant},
      {kUnloading, kRefused, kOverdue},
      {kUnloading, kStillVacant, kVacant},
      {kUnloading, kStillOut, kOutOfService},
      {kUnloading, kStillReserved, kReserved},
      {kUnloading, kUncertain, kDisputed},
      {kDisputed, kUnlockToEmpty, kCollecting},
      {kDisputed, kSettledEmpty, kVacant},
      {kDisputed, kSettledOccupied, kOccupied},
      {kDisputed, kSettledOverdue, kOverdue},
      {kOutOfService, kUnlockToEmpty, kCollecting},
      {kOutOfService, kPutBack, kVacant},
  });
  // clang-format on
}();

/// No state has two rows for one event.
constexpr bool is_deterministic(const auto& transitions) {
  for (std::size_t i = 0; i < transitions.size(); ++i) {
    for (std::size_t j = i + 1; j < transitions.size(); ++j) {
      if (transitions[i].from == transitions[j].from && transitions[i].on == transitions[j].on) {
        return false;
      }
    }
  }
  return true;
}
static_assert(is_deterministic(kTransitions));

/// nullopt: illegal; the state does not change and the caller answers kWrongState.
constexpr std::optional<CompartmentState> next(CompartmentState from, CompartmentEvent on) {
  for (const auto& row : kTransitions) {
    if (row.from == from && row.on == on) {
      return row.to;
    }
  }
  return std::nullopt;
}

/// The enumerator's name without its `k`; for traces and diagrams.
std::string_view to_string(CompartmentState state);
std::string_view to_string(CompartmentEvent event);

}  // namespace cubby::core

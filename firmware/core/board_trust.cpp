#include "firmware/core/board_trust.h"

namespace cubby::core {

bool board_trusted(const StationState& state, const drivers::DoorBank& doors, std::uint8_t compartment) {
  auto elsewhere = state.open_elsewhere();
  while (const auto other = first(elsewhere)) {
    // A door that the cabinet no longer has is on no board.
    if (other <= doors.door_count() && doors.board_of(other) == doors.board_of(compartment)) {
      return false;
    }
    set_bit(elsewhere, other, false);
  }
  return true;
}

CompartmentBits usable_doors(const StationState& state, const drivers::DoorBank& doors) {
  auto usable = doors.shut_doors();
  if (any(state.open_elsewhere())) {
    for (std::size_t number = 1; number <= doors.door_count(); ++number) {
      const auto compartment = static_cast<std::uint8_t>(number);
      set_bit(usable, compartment, test_bit(usable, compartment) && board_trusted(state, doors, compartment));
    }
  }
  return usable;
}

}  // namespace cubby::core

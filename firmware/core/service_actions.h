#pragma once

#include <cstdint>
#include <string_view>

#include "firmware/core/openings.h"
#include "firmware/core/recorder.h"
#include "firmware/core/throttle.h"
#include "firmware/drivers/door_bank.h"

namespace cubby::core {

/// What people who serve a station may do to it: a technician at the panel, an operator from afar. `who`
/// is written into the journal, 1..8 bytes. All answer kWrongState when the compartment is not in a state
/// for it; any other error: nothing is durable.
class ServiceActions {
 public:
  struct Parts {
    Recorder& recorder;
    Openings& openings;
    drivers::DoorBank& doors;
    Throttle& throttle;
  };
  explicit ServiceActions(const Parts& parts) : parts_(parts) {}

  bool may_look(std::uint8_t compartment) const;
  /// Opens a door for somebody without a claim to what is inside; news follow. Errors also as Openings::begin().
  Status look(std::uint8_t compartment, Purpose purpose, std::string_view who, Instant now);
  /// Somebody has seen what is inside.
  bool may_settle(std::uint8_t compartment, bool inside) const;
  Status settle(std::uint8_t compartment, bool inside, std::string_view who);
  bool may_take_out(std::uint8_t compartment) const;
  Status take_out(std::uint8_t compartment, cubby_v1_OutOfServiceReason reason);
  bool may_put_back(std::uint8_t compartment) const;
  Status put_back(std::uint8_t compartment);
  Status release_keypad(std::string_view who, Instant now);
  /// Begins an event that the caller fills and commits.
  cubby_v1_Serviced& begin_serviced(cubby_v1_ServiceAction action, std::string_view who);

 private:
  CompartmentState state(std::uint8_t compartment) const {
    return parts_.recorder.state().compartment(compartment).state;
  }
  Parts parts_;
};

}  // namespace cubby::core

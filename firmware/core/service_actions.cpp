#include "firmware/core/service_actions.h"

#include <algorithm>

namespace cubby::core {
namespace {

template <std::size_t Size>
void put_text(char (&to)[Size], std::string_view from) {
  std::copy_n(from.begin(), std::min(from.size(), Size - 1), to);
}

}  // namespace

bool ServiceActions::may_look(std::uint8_t compartment) const {
  switch (state(compartment)) {
    case CompartmentState::kVacant:
    case CompartmentState::kReserved:
    case CompartmentState::kOccupied:
    case CompartmentState::kOverdue:
    case CompartmentState::kDisputed:
    case CompartmentState::kOutOfService:
      return true;
    case CompartmentState::kOpening:
    case CompartmentState::kLoading:
    case CompartmentState::kCollecting:
    case CompartmentState::kUnloading:
      break;
  }
  return false;
}

Status ServiceActions::look(std::uint8_t compartment, Purpose purpose, std::string_view who, Instant now) {
  if (!may_look(compartment)) {
    return Status::kWrongState;
  }
  Intent intent;
  intent.compartment = compartment;
  intent.purpose = purpose;
  intent.counter = parts_.recorder.state().compartment(compartment).parcel.counter;
  (void)intent.carrier.assign(who);
  return parts_.openings.begin(intent, now);
}

bool ServiceActions::may_settle(std::uint8_t compartment, bool inside) const {
  // A parcel that nobody has booked in cannot be handed to anybody: it has to come out.
  return state(compartment) == CompartmentState::kDisputed &&
         (!inside || parts_.recorder.state().compartment(compartment).parcel.counter != 0);
}

Status ServiceActions::settle(std::uint8_t compartment, bool inside, std::string_view who) {
  if (!may_settle(compartment, inside)) {
    return Status::kWrongState;
  }
  auto& body = parts_.recorder.begin(cubby_v1_Event_custody_settled_tag).body.custody_settled;
  body.compartment = compartment;
  body.inside = inside;
  put_text(body.technician, who);
  return parts_.recorder.commit();
}

bool ServiceActions::may_take_out(std::uint8_t compartment) const {
  return in_allocation(state(compartment));  // A reservation is lost with its door.
}

Status ServiceActions::take_out(std::uint8_t compartment, cubby_v1_OutOfServiceReason reason) {
  if (!may_take_out(compartment)) {
    return Status::kWrongState;
  }
  auto& body = parts_.recorder.begin(cubby_v1_Event_out_of_service_tag).body.out_of_service;
  body.compartment = compartment;
  body.reason = reason;
  return parts_.recorder.commit();
}

bool ServiceActions::may_put_back(std::uint8_t compartment) const {
  return state(compartment) == CompartmentState::kOutOfService &&
         parts_.doors.state(compartment) == drivers::DoorState::kShut;
}

Status ServiceActions::put_back(std::uint8_t compartment) {
  if (!may_put_back(compartment)) {
    return Status::kWrongState;
  }
  parts_.recorder.begin(cubby_v1_Event_in_service_tag).body.in_service.compartment = compartment;
  return parts_.recorder.commit();
}

Status ServiceActions::release_keypad(std::string_view who, Instant now) {
  CUBBY_TRY(parts_.recorder.append(ThrottleCount{0}));
  parts_.throttle.set(0, now);
  (void)begin_serviced(cubby_v1_ServiceAction_SERVICE_ACTION_KEYPAD_RELEASED, who);
  return parts_.recorder.commit();
}

cubby_v1_Serviced& ServiceActions::begin_serviced(cubby_v1_ServiceAction action, std::string_view who) {
  auto& body = parts_.recorder.begin(cubby_v1_Event_serviced_tag).body.serviced;
  body.action = action;
  put_text(body.technician, who);
  return body;
}

}  // namespace cubby::core

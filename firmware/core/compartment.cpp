#include "firmware/core/compartment.h"

namespace cubby::core {

std::string_view to_string(CompartmentState state) {
  switch (state) {
    case CompartmentState::kVacant:
      return "Vacant";
    case CompartmentState::kReserved:
      return "Reserved";
    case CompartmentState::kOpening:
      return "Opening";
    case CompartmentState::kLoading:
      return "Loading";
    case CompartmentState::kOccupied:
      return "Occupied";
    case CompartmentState::kOverdue:
      return "Overdue";
    case CompartmentState::kCollecting:
      return "Collecting";
    case CompartmentState::kUnloading:
      return "Unloading";
    case CompartmentState::kDisputed:
      return "Disputed";
    case CompartmentState::kOutOfService:
      return "OutOfService";
  }
  return "?";
}

std::string_view to_string(CompartmentEvent event) {
  switch (event) {
    case CompartmentEvent::kReserve:
      return "Reserve";
    case CompartmentEvent::kRelease:
      return "Release";
    case CompartmentEvent::kUnlock:
      return "Unlock";
    case CompartmentEvent::kUnlockToEmpty:
      return "UnlockToEmpty";
    case CompartmentEvent::kOpened:
      return "Opened";
    case CompartmentEvent::kStored:
      return "Stored";
    case CompartmentEvent::kDroppedOff:
      return "DroppedOff";
    case CompartmentEvent::kEmptied:
      return "Emptied";
    case CompartmentEvent::kCancelled:
      return "Cancelled";
    case CompartmentEvent::kNotOpened:
      return "NotOpened";
    case CompartmentEvent::kStillVacant:
      return "StillVacant";
    case CompartmentEvent::kStillOccupied:
      return "StillOccupied";
    case CompartmentEvent::kStillOverdue:
      return "StillOverdue";
    case CompartmentEvent::kStillDisputed:
      return "StillDisputed";
    case CompartmentEvent::kStillOut:
      return "StillOut";
    case CompartmentEvent::kStillReserved:
      return "StillReserved";
    case CompartmentEvent::kRefused:
      return "Refused";
    case CompartmentEvent::kExpired:
      return "Expired";
    case CompartmentEvent::kUncertain:
      return "Uncertain";
    case CompartmentEvent::kSettledEmpty:
      return "SettledEmpty";
    case CompartmentEvent::kSettledOccupied:
      return "SettledOccupied";
    case CompartmentEvent::kSettledOverdue:
      return "SettledOverdue";
    case CompartmentEvent::kTakeOut:
      return "TakeOut";
    case CompartmentEvent::kPutBack:
      return "PutBack";
  }
  return "?";
}

}  // namespace cubby::core

#include <algorithm>

#include "firmware/core/station_state.h"

/// Reservations, as the journal tells of them.
namespace cubby::core {

std::size_t StationState::find_reservation(std::uint8_t compartment) const {
  if (reservation_count_ == 0 && compartment != 0) {
    return limits::kReservationsMax;
  }
  const auto found = std::find_if(reservations_.begin(), reservations_.end(),
                                  [&](const Reservation& other) { return other.compartment == compartment; });
  return static_cast<std::size_t>(found - reservations_.begin());
}

void StationState::keep_reservation(const Reservation& reservation) {
  auto slot = find_reservation(reservation.compartment);
  if (slot == limits::kReservationsMax) {
    slot = find_reservation(0);
    if (slot == limits::kReservationsMax) {
      ++repairs_;
      return;
    }
    ++reservation_count_;
  }
  reservations_[slot] = reservation;
}

void StationState::apply_reserved(const cubby_v1_Event& event) {
  const auto& body = event.body.door_reserved;
  Reservation reservation;
  reservation.compartment = body.compartment;
  reservation.until_on_ms =
      on_ms(event.boot, event.uptime_ms) + std::uint64_t{std::min(body.ttl_s, limits::kReservationLifeMaxS)} * 1'000;
  reservation.carrier.assign(body.carrier);
  reservation.parcel.assign(body.parcel);
  keep_reservation(reservation);
  move(body.compartment, CompartmentEvent::kReserve, CompartmentState::kReserved);
}

void StationState::apply_reservation_ended(std::uint8_t number) {
  const auto slot = find_reservation(number);
  if (slot == limits::kReservationsMax) {
    ++repairs_;
    return;
  }
  reservations_[slot] = {};
  --reservation_count_;
  set_bit(changed_, number, true);
  if (compartments_[number - 1U].state == CompartmentState::kReserved) {
    move(number, CompartmentEvent::kRelease, CompartmentState::kVacant);
  }
}

/// A door that is kept may be opened and found empty again; any other step is the end of it.
void StationState::follow_reservation(std::uint8_t number, CompartmentState to) {
  const auto slot = find_reservation(number);
  if (slot == limits::kReservationsMax || reservations_[slot].end != ReservationEnd::kNone) {
    return;
  }
  switch (to) {
    case CompartmentState::kReserved:
    case CompartmentState::kOpening:
    case CompartmentState::kLoading:
    case CompartmentState::kCollecting:
    case CompartmentState::kUnloading:
      return;
    case CompartmentState::kOccupied:
    case CompartmentState::kOverdue:
      reservations_[slot].end = ReservationEnd::kUsed;
      return;
    case CompartmentState::kVacant:
    case CompartmentState::kDisputed:
    case CompartmentState::kOutOfService:
      reservations_[slot].end = ReservationEnd::kLost;
      return;
  }
}

/// Nothing was put in. The opening for it is over.
void StationState::empty_again(std::uint8_t number, CompartmentEvent on, cubby_v1_ItemReading item) {
  const auto slot = find_reservation(number);
  if (slot < limits::kReservationsMax && reservations_[slot].end == ReservationEnd::kNone) {
    (void)shut_again(number, CompartmentEvent::kStillReserved, CompartmentState::kReserved, item);
  } else {
    (void)shut_again(number, on, CompartmentState::kVacant, item);
  }
}

}  // namespace cubby::core

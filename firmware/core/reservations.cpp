#include "firmware/core/reservations.h"

#include <algorithm>
#include <cstring>

#include "firmware/base/names.h"
#include "firmware/core/board_trust.h"

namespace cubby::core {
namespace {

constexpr Duration kRetry = Duration::minutes(1);
constexpr std::uint8_t kSizeMax = cubby_v1_Size_SIZE_XL;

bool holds(const Reservations::Request& request) {
  return request.size >= 1 && request.size <= kSizeMax && is_carrier_name(request.carrier) &&
         is_parcel_text(request.parcel) && request.ttl_s >= limits::kReservationLifeMinS &&
         request.ttl_s <= limits::kReservationLifeMaxS;
}

bool has_door(const StationState& state, const Reservations::Request& request) {
  for (std::size_t slot = 0; slot < limits::kReservationsMax; ++slot) {
    const auto& reservation = state.reservation(slot);
    if (reservation.compartment != 0 && reservation.end == ReservationEnd::kNone &&
        reservation.carrier.view() == request.carrier && reservation.parcel.view() == request.parcel) {
      return true;
    }
  }
  return false;
}

}  // namespace

Reservations::Answer Reservations::find(const Request& request) const {
  const auto& recorder = parts_.recorder;
  const auto& state = recorder.state();
  if (!holds(request)) {
    return {.status = Status::kBadInput};
  }
  if (!request.parcel.empty() && has_door(state, request)) {
    return {.status = Status::kWrongState};
  }
  if (state.reservation_count() == limits::kReservationsMax || !recorder.room_for_deposits()) {
    return {.status = Status::kNoSpace};
  }
  parts_.allocator.follow(state);
  const auto choice = parts_.allocator.choose_vacant({.size = request.size,
                                                      .carrier = request.carrier,
                                                      .parcel = {},
                                                      .low = request.low,
                                                      .usable = usable_doors(state, parts_.doors),
                                                      .tried = {}});
  if (choice.compartment == 0) {
    return {.status = Status::kNotFound, .reason = choice.reason};
  }
  return {.compartment = choice.compartment};
}

Reservations::Answer Reservations::reserve(const Request& request) {
  auto& recorder = parts_.recorder;
  const auto choice = find(request);
  if (choice.status != Status::kOk) {
    return choice;
  }
  auto& body = recorder.begin(cubby_v1_Event_door_reserved_tag).body.door_reserved;
  body.compartment = choice.compartment;
  std::memcpy(body.carrier, request.carrier.data(), request.carrier.size());
  std::copy(request.parcel.begin(), request.parcel.end(), body.parcel);
  body.size = static_cast<cubby_v1_Size>(request.size);
  body.ttl_s = request.ttl_s;
  if (const auto status = recorder.commit(); status != Status::kOk) {
    return {.status = status};
  }
  return {.compartment = choice.compartment};
}

Status Reservations::journal_end(const Reservation& reservation, ReservationEnd end) {
  auto& body = parts_.recorder.begin(cubby_v1_Event_reservation_ended_tag).body.reservation_ended;
  body.compartment = reservation.compartment;
  std::memcpy(body.carrier, reservation.carrier.view().data(), reservation.carrier.size());
  body.end = static_cast<cubby_v1_ReservationEnd>(end);
  return parts_.recorder.commit();
}

bool Reservations::may_release(std::uint8_t compartment) const {
  const auto& state = parts_.recorder.state();
  return compartment != 0 && state.find_reservation(compartment) != limits::kReservationsMax &&
         state.compartment(compartment).state == CompartmentState::kReserved;
}

Status Reservations::release(std::uint8_t compartment) {
  if (!may_release(compartment)) {
    return Status::kWrongState;
  }
  const auto& state = parts_.recorder.state();
  return journal_end(state.reservation(state.find_reservation(compartment)), ReservationEnd::kReleased);
}

/// It is over. Nobody is sent away from an open door: its time waits.
bool Reservations::is_due(const Reservation& reservation) const {
  const auto& recorder = parts_.recorder;
  return reservation.compartment != 0 &&
         (reservation.end != ReservationEnd::kNone ||
          (recorder.state().compartment(reservation.compartment).state == CompartmentState::kReserved &&
           recorder.on_ms() >= reservation.until_on_ms));
}

void Reservations::tick(Instant now) {
  auto& recorder = parts_.recorder;
  const auto& state = recorder.state();
  if (state.reservation_count() == 0 || now < retry_at_ || !recorder.healthy()) {
    return;
  }
  for (std::size_t slot = 0; slot < limits::kReservationsMax; ++slot) {
    const auto reservation = state.reservation(slot);
    if (!is_due(reservation)) {
      continue;
    }
    const auto end = reservation.end == ReservationEnd::kNone ? ReservationEnd::kExpired : reservation.end;
    if (journal_end(reservation, end) != Status::kOk) {
      retry_at_ = now + kRetry;
      return;
    }
  }
}

Instant Reservations::deadline() const {
  const auto& recorder = parts_.recorder;
  const auto& state = recorder.state();
  auto first = Instant::max();
  if (state.reservation_count() == 0 || !recorder.healthy()) {
    return first;
  }
  for (std::size_t slot = 0; slot < limits::kReservationsMax; ++slot) {
    const auto& reservation = state.reservation(slot);
    if (reservation.compartment != 0 &&
        (reservation.end != ReservationEnd::kNone ||
         state.compartment(reservation.compartment).state == CompartmentState::kReserved)) {
      first = std::min(first, reservation.end != ReservationEnd::kNone ? recorder.instant_of(0)
                                                                       : recorder.instant_of(reservation.until_on_ms));
    }
  }
  return first == Instant::max() ? first : std::max(first, retry_at_);
}

}  // namespace cubby::core

#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "firmware/core/station_state.h"

namespace cubby::core {

using Bytewise = std::vector<std::byte>;

template <typename T>
inline Bytewise encoded(const T& record) {
  RecordBytes bytes;
  const auto size = encode(record, bytes);
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

template <typename T>
inline void apply(StationState& state, RecordKind kind, const T& record) {
  state.apply_internal(static_cast<std::uint8_t>(kind), encoded(record));
}

inline cubby_v1_Event event_of(pb_size_t which_body) {
  cubby_v1_Event event = cubby_v1_Event_init_zero;
  event.boot = 3;
  event.uptime_ms = 500'000;
  event.has_wall_ms = true;
  event.wall_ms = 1'750'000'000'000;
  event.which_body = which_body;
  return event;
}

inline Intent intent_of(std::uint8_t compartment, Purpose purpose = Purpose::kDeposit) {
  Intent intent;
  intent.compartment = compartment;
  intent.purpose = purpose;
  intent.size = 2;
  intent.uptime_ms = 400'000;
  intent.counter = 100U + compartment;
  intent.carrier.assign("sf");
  intent.parcel.assign("RB473124829CN");
  intent.recipient_token = compartment;
  return intent;
}

inline void reserve(StationState& state, std::uint8_t compartment) {
  auto event = event_of(cubby_v1_Event_door_reserved_tag);
  event.body.door_reserved.compartment = compartment;
  std::string("ems").copy(event.body.door_reserved.carrier, 3);
  event.body.door_reserved.ttl_s = 600;
  state.apply_event(event);
}

inline void deposit(StationState& state, std::uint8_t compartment) {
  apply(state, RecordKind::kIntent, intent_of(compartment));
  apply(state, RecordKind::kOutcome, Outcome{compartment, AttemptOutcome::kOpened, 410'000});
  auto event = event_of(cubby_v1_Event_deposited_tag);
  auto& body = event.body.deposited;
  body.compartment = compartment;
  body.counter = 100U + compartment;
  body.size = cubby_v1_Size_SIZE_M;
  std::string("sf").copy(body.carrier, 2);
  body.has_recipient_token = compartment % 2 == 0;
  body.recipient_token = 77;
  state.apply_event(event);
}

/// A state with something of everything that a checkpoint can hold.
class Rich {
 public:
  Rich() : state(scratch_) {
    auto event = event_of(cubby_v1_Event_snapshot_tag);
    state.apply_event(event);
    for (const std::uint8_t number : std::to_array<std::uint8_t>({1, 2, 3, 192})) {
      deposit(state, number);
    }
    event = event_of(cubby_v1_Event_overdue_tag);
    event.body.overdue.compartment = 3;
    state.apply_event(event);
    event = event_of(cubby_v1_Event_extended_tag);
    event.body.extended = {.compartment = 2, .counter = 102, .hours = 24};
    state.apply_event(event);
    apply(state, RecordKind::kIntent, intent_of(1, Purpose::kCollect));
    apply(state, RecordKind::kOutcome, Outcome{1, AttemptOutcome::kOpened, 420'000});
    event = event_of(cubby_v1_Event_door_left_open_tag);
    event.body.door_left_open.compartment = 1;
    state.apply_event(event);
    apply(state, RecordKind::kIntent, intent_of(7));
    apply(state, RecordKind::kOutcome, Outcome{7, AttemptOutcome::kOpened, 420'000});
    apply(state, RecordKind::kCalledOff, CalledOff{7});
    reserve(state, 10);
    reserve(state, 11);
    event = event_of(cubby_v1_Event_door_forced_tag);
    event.body.door_forced.compartment = 12;
    state.apply_event(event);
    event = event_of(cubby_v1_Event_out_of_service_tag);
    event.body.out_of_service = {.compartment = 11,
                                 .reason = cubby_v1_OutOfServiceReason_OUT_OF_SERVICE_REASON_OPERATOR};
    state.apply_event(event);
    event = event_of(cubby_v1_Event_technician_came_tag);
    event.body.technician_came.serial = 5;
    event.body.technician_came.expiry_utc_s = UINT32_MAX;
    state.apply_event(event);
    apply(state, RecordKind::kThrottle, ThrottleCount{4});
    apply(state, RecordKind::kCommand, AcceptedCommand{{std::byte{8}}, UINT64_MAX / 2, 12});
  }

 private:
  cubby_v1_Event scratch_{};

 public:
  StationState state;
};

inline std::vector<Bytewise> save(StationState& state, std::size_t part_size = limits::kInternalBytesMax) {
  std::vector<Bytewise> parts;
  Bytewise part(part_size);
  for (std::size_t index = 0;; ++index) {
    const auto size = state.checkpoint_part(index, part);
    if (size == 0) {
      return parts;
    }
    parts.emplace_back(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(size));
  }
}

/// What a checkpoint says, in a state of its own.
class Loaded {
 public:
  explicit Loaded(const std::vector<Bytewise>& parts) : state(scratch_) {
    state.on_checkpoint_begin();
    for (const auto& part : parts) {
      state.on_checkpoint_part(part);
    }
  }

 private:
  cubby_v1_Event scratch_{};

 public:
  StationState state;
};

/// Whatever it was made of: every value is one of its kind, no compartment has two openings or two
/// reservations, and it comes back from its own checkpoint as it is.
inline void expect_well_formed(StationState& state, const std::string& story) {
  std::multiset<unsigned> openings;
  for (std::size_t slot = 0; slot < StationState::kOpeningsMax; ++slot) {
    const auto& opening = state.opening(slot);
    ASSERT_LE(opening.intent.compartment, limits::kCompartmentsMax) << story;
    ASSERT_LE(static_cast<unsigned>(opening.outcome), static_cast<unsigned>(AttemptOutcome::kUnknown)) << story;
    if (opening.intent.compartment != 0) {
      openings.insert(opening.intent.compartment);
      ASSERT_EQ(openings.count(opening.intent.compartment), 1U) << story;
    }
  }
  std::multiset<unsigned> reserved;
  for (std::size_t slot = 0; slot < limits::kReservationsMax; ++slot) {
    if (const unsigned number = state.reservation(slot).compartment; number != 0) {
      reserved.insert(number);
      ASSERT_LE(number, limits::kCompartmentsMax) << story;
      ASSERT_EQ(reserved.count(number), 1U) << story;
    }
  }
  ASSERT_EQ(reserved.size(), state.reservation_count()) << story;
  for (std::size_t number = 1; number <= limits::kCompartmentsMax; ++number) {
    const auto& compartment = state.compartment(static_cast<std::uint8_t>(number));
    ASSERT_NE(to_string(compartment.state), "?") << story;
    ASSERT_NE(to_string(compartment.before), "?") << story;
    ASSERT_LE(compartment.wear, limits::kWearMax) << story;
  }
  const auto saved = save(state);
  Loaded again(saved);
  ASSERT_EQ(again.state.repairs(), 0U) << story;
  ASSERT_TRUE(save(again.state) == saved) << story;
}

/// All events that are about a compartment, about that one.
inline std::vector<cubby_v1_Event> events_about(std::uint8_t number) {
  std::vector<cubby_v1_Event> events;
  const auto add = [&](pb_size_t which_body) -> auto& {
    return events.emplace_back(event_of(which_body)).body;
  };
  add(cubby_v1_Event_deposited_tag).deposited.compartment = number;
  add(cubby_v1_Event_collected_tag).collected.compartment = number;
  add(cubby_v1_Event_dropped_off_tag).dropped_off.compartment = number;
  add(cubby_v1_Event_dispatched_tag).dispatched.compartment = number;
  add(cubby_v1_Event_recalled_tag).recalled.compartment = number;
  add(cubby_v1_Event_refused_tag).refused.compartment = number;
  add(cubby_v1_Event_overdue_tag).overdue.compartment = number;
  add(cubby_v1_Event_open_failed_tag).open_failed.compartment = number;
  add(cubby_v1_Event_deposit_cancelled_tag).deposit_cancelled.compartment = number;
  add(cubby_v1_Event_custody_uncertain_tag).custody_uncertain.compartment = number;
  add(cubby_v1_Event_custody_settled_tag).custody_settled.compartment = number;
  auto& serviced = add(cubby_v1_Event_serviced_tag).serviced;
  serviced.action = cubby_v1_ServiceAction_SERVICE_ACTION_DOOR_OPENED;
  serviced.compartment = number;
  add(cubby_v1_Event_out_of_service_tag).out_of_service.compartment = number;
  add(cubby_v1_Event_in_service_tag).in_service.compartment = number;
  add(cubby_v1_Event_door_forced_tag).door_forced.compartment = number;
  add(cubby_v1_Event_door_shut_late_tag).door_shut_late.compartment = number;
  add(cubby_v1_Event_door_reserved_tag).door_reserved.compartment = number;
  add(cubby_v1_Event_reservation_ended_tag).reservation_ended.compartment = number;
  add(cubby_v1_Event_extended_tag).extended = {.compartment = number, .counter = 1, .hours = 24};
  auto& reissued = add(cubby_v1_Event_code_reissued_tag).code_reissued;
  reissued.compartment = number;
  reissued.code_counter = 1'000;
  return events;
}

}  // namespace cubby::core

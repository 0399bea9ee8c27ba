#include "firmware/core/door_watch.h"

#include <algorithm>

#include "firmware/core/custody.h"

namespace cubby::core {

bool DoorWatch::on_door(std::uint8_t number, drivers::DoorState door, Instant now) {
  const auto& compartment = recorder_.state().compartment(number);
  if (door == drivers::DoorState::kOpen && !compartment.forced_open) {
    forced_at_[number - 1U] = now;
    recorder_.begin(cubby_v1_Event_door_forced_tag).body.door_forced.compartment = number;
    (void)recorder_.commit();  // The door is out of allocation while it is open, journalled or not.
    if (in_allocation(compartment.state)) {
      // "Vacant" may only be believed after an authorised opening: somebody must look.
      auto& body = recorder_.begin(cubby_v1_Event_out_of_service_tag).body.out_of_service;
      body.compartment = number;
      body.reason = cubby_v1_OutOfServiceReason_OUT_OF_SERVICE_REASON_FORCED;
      (void)recorder_.commit();
    } else if (compartment.state == CompartmentState::kOccupied || compartment.state == CompartmentState::kOverdue) {
      auto& body = recorder_.begin(cubby_v1_Event_custody_uncertain_tag).body.custody_uncertain;
      body.compartment = number;
      body.occupied_before = true;
      (void)recorder_.commit();
    }
    return true;
  }
  if (door == drivers::DoorState::kShut && compartment.forced_open) {
    auto& body = recorder_.begin(cubby_v1_Event_door_shut_late_tag).body.door_shut_late;
    body.compartment = number;
    const auto open = forced_at_[number - 1U] == Instant{} ? std::int64_t{0} : (now - forced_at_[number - 1U]).ms();
    body.open_ms = static_cast<std::uint32_t>(std::min<std::int64_t>(open, UINT32_MAX));
    (void)recorder_.commit();
  }
  return false;
}

void DoorWatch::compare(std::uint8_t number, drivers::DoorState door, drivers::ItemState item) {
  const auto& compartment = recorder_.state().compartment(number);
  if (door != drivers::DoorState::kShut || compartment.item_doubtful || !contradicts(compartment.state, item)) {
    return;
  }
  auto& body = recorder_.begin(cubby_v1_Event_item_sensor_doubtful_tag).body.item_sensor_doubtful;
  body.compartment = number;
  body.item = static_cast<cubby_v1_ItemReading>(item);
  (void)
      recorder_.commit();  // If it is not durable, it is said when either of them next changes, or after the next boot.
}

void DoorWatch::on_board_silent(std::uint8_t board) {
  recorder_.begin(cubby_v1_Event_board_silent_tag).body.board_silent.board = static_cast<std::uint8_t>(board + 1);
  (void)recorder_.commit();
}

void DoorWatch::on_board_answered(std::uint8_t board, Duration silent_for) {
  auto& body = recorder_.begin(cubby_v1_Event_board_answered_tag).body.board_answered;
  body.board = static_cast<std::uint8_t>(board + 1);
  body.silent_ms = static_cast<std::uint32_t>(std::min<std::int64_t>(silent_for.ms(), UINT32_MAX));
  (void)recorder_.commit();
}

}  // namespace cubby::core

#include "firmware/core/station_state.h"

#include <algorithm>
#include <cstring>

#include "firmware/base/assert.h"
#include "firmware/base/parcel_number.h"
#include "firmware/core/custody.h"
#include "firmware/core/pickup_codes.h"
#include "firmware/wire/codec/event_codec.h"

namespace cubby::core {
namespace {
/// What follows an opening that changed nothing.
CompartmentEvent still(CompartmentState before) {
  switch (before) {
    case CompartmentState::kVacant:
      return CompartmentEvent::kStillVacant;
    case CompartmentState::kReserved:
      return CompartmentEvent::kStillReserved;
    case CompartmentState::kOverdue:
      return CompartmentEvent::kStillOverdue;
    case CompartmentState::kDisputed:
      return CompartmentEvent::kStillDisputed;
    case CompartmentState::kOutOfService:
      return CompartmentEvent::kStillOut;
    default:
      return CompartmentEvent::kStillOccupied;
  }
}
}  // namespace

const Compartment& StationState::compartment(std::uint8_t number) const {
  CUBBY_ASSERT(number >= 1 && number <= limits::kCompartmentsMax);
  return compartments_[number - 1U];
}

std::size_t StationState::find_opening(std::uint8_t compartment) const {
  std::size_t slot = 0;
  while (slot < kOpeningsMax && openings_[slot].intent.compartment != compartment) {
    ++slot;
  }
  return slot;
}

bool StationState::opening_slot_free() const {
  return find_opening(0) < kOpeningsMax;
}

std::uint64_t StationState::on_ms(std::uint32_t boot, std::uint64_t uptime_ms) const {
  return boot == boot_ ? on_base_ms_ + uptime_ms : on_base_ms_ + last_uptime_ms_ + uptime_ms;
}

bool StationState::command_seen(const CommandId& id) const {
  return std::any_of(commands_.begin(), commands_.end(), [&](const Command& command) {
    return command.accepted.expires_utc_ms != 0 && command.accepted.id == id;
  });
}

/// It is free, or was done and no clock that is right enough would still take it.
bool StationState::may_forget(const Command& command) const {
  const auto& accepted = command.accepted;
  return accepted.expires_utc_ms == 0 ||
         (command.finished && accepted.expires_utc_ms + 2 * limits::kCommandClockToleranceMs < last_utc_ms_);
}

bool StationState::room_for_command() const {
  return std::any_of(commands_.begin(), commands_.end(), [&](const Command& command) { return may_forget(command); });
}

const AcceptedCommand* StationState::unfinished_command() const {
  const auto found = std::find_if(commands_.begin(), commands_.end(), [](const Command& command) {
    return command.accepted.expires_utc_ms != 0 && !command.finished;
  });
  return found == commands_.end() ? nullptr : &found->accepted;
}

bool StationState::pass_revoked(std::uint32_t serial) const {
  return std::any_of(passes_.begin(), passes_.end(),
                     [&](const UsedPass& pass) { return pass.revoked && pass.serial == serial; });
}

bool StationState::pass_used(std::uint32_t serial) const {
  return std::any_of(passes_.begin(), passes_.end(), [&](const UsedPass& pass) { return pass.serial == serial; }) ||
         std::any_of(openings_.begin(), openings_.end(), [&](const PendingOpening& opening) {
           return opening.intent.compartment != 0 && opening.intent.pass_serial == serial;
         });
}

/// It is free, or no clock that is right enough would still take it.
bool StationState::may_forget(const UsedPass& pass) const {
  return pass.serial == 0 || pass.expiry_utc_s + limits::kPassClockToleranceS < last_utc_ms_ / 1000;
}

bool StationState::room_for_pass() const {
  return std::any_of(passes_.begin(), passes_.end(), [&](const UsedPass& pass) { return may_forget(pass); });
}

void StationState::note_pass(const UsedPass& used) {
  const auto place =
      std::find_if(passes_.begin(), passes_.end(), [&](const UsedPass& pass) { return may_forget(pass); });
  if (place != passes_.end() && used.serial != 0) {
    *place = used;
  }
}

CompartmentBits StationState::take_changed() {
  const auto changed = changed_;
  changed_ = {};
  return changed;
}

void StationState::roll(std::uint32_t boot, std::uint64_t uptime_ms) {
  if (boot != boot_) {
    on_base_ms_ += last_uptime_ms_;
    boot_ = boot;
    last_uptime_ms_ = 0;
  }
  last_uptime_ms_ = std::max(last_uptime_ms_, uptime_ms);
}

/// The one writer of a compartment's state.
void StationState::write_state(std::uint8_t number, CompartmentState to) {
  auto& compartment = compartments_[number - 1U];
  const auto from = compartment.state;
  compartment.state = to;
  set_bit(changed_, number, true);
  follow_reservation(number, to);
  if (trace_ != nullptr && from != to) {
    trace_->on_compartment(number, static_cast<std::uint8_t>(from), static_cast<std::uint8_t>(to));
  }
}

/// Follows the table. A record that does not fit it (history before it was lost) is still the truth:
/// then the state becomes `otherwise`.
void StationState::move(std::uint8_t number, CompartmentEvent on, CompartmentState otherwise) {
  const auto to = next(compartments_[number - 1U].state, on);
  if (!to.has_value()) {
    ++repairs_;
  }
  write_state(number, to.value_or(otherwise));
}

void StationState::end_opening(std::uint8_t compartment) {
  const auto slot = find_opening(compartment);
  if (slot < kOpeningsMax) {
    openings_[slot] = {};
  }
}

/// An opening has ended with its door shut. False: the item sensor disagrees, and the compartment is disputed.
bool StationState::shut_again(std::uint8_t number, CompartmentEvent on, CompartmentState otherwise,
                              cubby_v1_ItemReading item) {
  const auto would_be = next(compartments_[number - 1U].state, on).value_or(otherwise);
  const bool agrees = !contradicts(would_be, static_cast<drivers::ItemState>(number_in(item)));
  move(number, agrees ? on : CompartmentEvent::kUncertain, agrees ? otherwise : CompartmentState::kDisputed);
  end_opening(number);
  return agrees;
}

/// False: there is no such compartment, and the record is counted as one to repair.
bool StationState::valid(std::uint8_t number) {
  const bool is_compartment = number >= 1 && number <= limits::kCompartmentsMax;
  repairs_ += is_compartment ? 0U : 1U;
  return is_compartment;
}

void StationState::apply_event(const cubby_v1_Event& event) {
  roll(event.boot, event.uptime_ms);
  if (event.has_wall_ms) {
    last_utc_ms_ = event.wall_ms;
  }
  const auto& body = event.body;
  switch (event.which_body) {
    case cubby_v1_Event_deposited_tag:
      if (valid(body.deposited.compartment)) {
        apply_deposited(event);
      }
      break;
    case cubby_v1_Event_collected_tag:
      if (valid(body.collected.compartment)) {
        apply_emptied(body.collected.compartment, body.collected.item);
        end_wrong_codes(body.collected.compartment);
      }
      break;
    case cubby_v1_Event_dropped_off_tag:
      if (valid(body.dropped_off.compartment)) {
        apply_dropped_off(event);
      }
      break;
    case cubby_v1_Event_dispatched_tag:
      if (valid(body.dispatched.compartment)) {
        apply_emptied(body.dispatched.compartment, body.dispatched.item);
      }
      break;
    case cubby_v1_Event_recalled_tag:
      if (valid(body.recalled.compartment)) {
        apply_emptied(body.recalled.compartment, body.recalled.item);
      }
      break;
    case cubby_v1_Event_refused_tag:
      if (valid(body.refused.compartment)) {
        compartments_[body.refused.compartment - 1U].parcel.code_dead = true;
        (void)shut_again(body.refused.compartment, CompartmentEvent::kRefused, CompartmentState::kOverdue,
                         body.refused.item);
        end_wrong_codes(body.refused.compartment);
      }
      break;
    case cubby_v1_Event_overdue_tag:
      if (valid(body.overdue.compartment)) {
        compartments_[body.overdue.compartment - 1U].parcel.code_dead = true;
        move(body.overdue.compartment, CompartmentEvent::kExpired, CompartmentState::kOverdue);
      }
      break;
    case cubby_v1_Event_open_failed_tag:
      if (valid(body.open_failed.compartment)) {
        if (body.open_failed.cause == cubby_v1_OpenFailure_OPEN_FAILURE_OPENED_ELSEWHERE) {
          set_bit(open_elsewhere_, body.open_failed.compartment, true);
        }
        apply_not_opened(body.open_failed.compartment);
      }
      break;
    case cubby_v1_Event_deposit_cancelled_tag:
      if (valid(body.deposit_cancelled.compartment)) {
        empty_again(body.deposit_cancelled.compartment, CompartmentEvent::kCancelled, body.deposit_cancelled.item);
      }
      break;
    default:
      apply_custody(event);
      break;
  }
}

/// Who can say what is inside.
void StationState::apply_custody(const cubby_v1_Event& event) {
  const auto& body = event.body;
  switch (event.which_body) {
    case cubby_v1_Event_custody_uncertain_tag:
      if (valid(body.custody_uncertain.compartment)) {
        apply_uncertain(body.custody_uncertain);
      }
      break;
    case cubby_v1_Event_custody_settled_tag:
      if (valid(body.custody_settled.compartment)) {
        apply_settled(body.custody_settled);
      }
      break;
    case cubby_v1_Event_serviced_tag:
      if (body.serviced.action == cubby_v1_ServiceAction_SERVICE_ACTION_DOOR_OPENED &&
          valid(body.serviced.compartment)) {
        apply_looked_inside(body.serviced.compartment, body.serviced.item);
      }
      break;
    default:
      apply_notice(event);
      break;
  }
}

/// Events about doors and about the station itself.
void StationState::apply_notice(const cubby_v1_Event& event) {
  const auto& body = event.body;
  switch (event.which_body) {
    case cubby_v1_Event_out_of_service_tag:
      if (valid(body.out_of_service.compartment)) {
        auto& compartment = compartments_[body.out_of_service.compartment - 1U];
        compartment.out_of_service_reason = static_cast<std::uint8_t>(body.out_of_service.reason);
        move(body.out_of_service.compartment, CompartmentEvent::kTakeOut, CompartmentState::kOutOfService);
      }
      break;
    case cubby_v1_Event_in_service_tag:
      if (valid(body.in_service.compartment)) {
        compartments_[body.in_service.compartment - 1U].out_of_service_reason = 0;
        set_bit(open_elsewhere_, body.in_service.compartment, false);
        move(body.in_service.compartment, CompartmentEvent::kPutBack, CompartmentState::kVacant);
      }
      break;
    case cubby_v1_Event_door_forced_tag:
      if (valid(body.door_forced.compartment)) {
        compartments_[body.door_forced.compartment - 1U].forced_open = true;
      }
      break;
    case cubby_v1_Event_door_shut_late_tag:
      if (valid(body.door_shut_late.compartment)) {
        compartments_[body.door_shut_late.compartment - 1U].forced_open = false;
      }
      break;
    case cubby_v1_Event_flash_worn_tag:
      flash_retired_ =
          static_cast<std::uint16_t>(std::min<std::uint32_t>(body.flash_worn.retired, limits::kSectorsMax));
      break;
    case cubby_v1_Event_item_sensor_doubtful_tag:
      if (valid(body.item_sensor_doubtful.compartment)) {
        compartments_[body.item_sensor_doubtful.compartment - 1U].item_doubtful = true;
      }
      break;
    case cubby_v1_Event_door_left_open_tag:
      if (const auto slot = find_opening(body.door_left_open.compartment);
          body.door_left_open.compartment != 0 && slot < kOpeningsMax) {
        openings_[slot].left_open = true;
      }
      break;
    case cubby_v1_Event_technician_came_tag:
      note_pass({.expiry_utc_s = body.technician_came.expiry_utc_s, .serial = body.technician_came.serial});
      break;
    case cubby_v1_Event_door_reserved_tag:
      if (valid(body.door_reserved.compartment)) {
        apply_reserved(event);
      }
      break;
    case cubby_v1_Event_reservation_ended_tag:
      if (valid(body.reservation_ended.compartment)) {
        apply_reservation_ended(body.reservation_ended.compartment);
      }
      break;
    case cubby_v1_Event_snapshot_tag:
      snapshot_seen_ = true;
      break;
    case cubby_v1_Event_config_applied_tag:
      std::memcpy(config_hash_.data(), body.config_applied.config_hash, config_hash_.size());
      break;
    default:
      apply_order(event);
      break;
  }
}

/// What an operator ordered.
void StationState::apply_order(const cubby_v1_Event& event) {
  const auto& body = event.body;
  switch (event.which_body) {
    case cubby_v1_Event_extended_tag:
      if (valid(body.extended.compartment)) {
        auto& parcel = compartments_[body.extended.compartment - 1U].parcel;
        parcel.extra_hours = static_cast<std::uint16_t>(std::min(body.extended.hours, limits::kExtraHoursMax));
        set_bit(changed_, body.extended.compartment, true);
      }
      break;
    case cubby_v1_Event_code_reissued_tag:
      if (valid(body.code_reissued.compartment)) {
        auto& parcel = compartments_[body.code_reissued.compartment - 1U].parcel;
        parcel.code_counter = body.code_reissued.code_counter;
        parcel.key_version = body.code_reissued.has_key_version ? body.code_reissued.key_version : std::uint16_t{1};
        parcel.recipient_token = 0;
        next_counter_ = std::max(next_counter_, parcel.code_counter + 1);
        set_bit(changed_, body.code_reissued.compartment, true);
      }
      break;
    case cubby_v1_Event_pass_revoked_tag:
      note_pass({.expiry_utc_s = body.pass_revoked.expiry_utc_s, .serial = body.pass_revoked.serial, .revoked = true});
      break;
    case cubby_v1_Event_command_result_tag:
      finish_command(body.command_result);
      break;
    default:  // Nothing that a later decision depends on.
      break;
  }
}

void StationState::apply_command(const AcceptedCommand& accepted) {
  const auto place =
      std::find_if(commands_.begin(), commands_.end(), [&](const Command& command) { return may_forget(command); });
  if (place == commands_.end()) {
    ++repairs_;
    return;
  }
  *place = {accepted, false};
}

/// A result of a command that was never accepted is a refusal: there is nothing to remember.
void StationState::finish_command(const cubby_v1_CommandResult& body) {
  for (auto& command : commands_) {
    if (std::memcmp(command.accepted.id.data(), body.command_id, command.accepted.id.size()) == 0) {
      command.finished = true;
    }
  }
}

/// What a deposit and a drop-off have in common.
template <typename Body>
Parcel StationState::parcel_of(const cubby_v1_Event& event, const Body& body) {
  Parcel parcel;
  parcel.counter = body.counter;
  parcel.code_counter = body.counter;
  parcel.deposited_utc_ms = event.has_wall_ms ? event.wall_ms : 0;
  parcel.deposited_on_ms = on_ms(event.boot, event.uptime_ms);
  parcel.deposited_boot = event.boot;
  parcel.size = static_cast<std::uint8_t>(body.size);
  parcel.carrier.assign(body.carrier);
  next_counter_ = std::max(next_counter_, body.counter + 1);
  return parcel;
}

void StationState::apply_deposited(const cubby_v1_Event& event) {
  const auto& body = event.body.deposited;
  auto parcel = parcel_of(event, body);
  if (body.has_code_counter) {
    parcel.code_counter = body.code_counter;
  }
  if (body.has_key_version) {
    parcel.key_version = body.key_version;
  }
  if (body.has_code_digits && body.code_digits == limits::kShortCodeDigits) {
    parcel.second = second_number(second_input(body.parcel).view());
  }
  parcel.recipient_token = body.has_recipient_token ? body.recipient_token : 0;
  compartments_[body.compartment - 1U].parcel = parcel;
  (void)shut_again(body.compartment, CompartmentEvent::kStored, CompartmentState::kOccupied, body.item);
}

void StationState::apply_dropped_off(const cubby_v1_Event& event) {
  const auto& body = event.body.dropped_off;
  auto parcel = parcel_of(event, body);
  parcel.code_dead = true;
  parcel.from_sender = true;
  compartments_[body.compartment - 1U].parcel = parcel;
  (void)shut_again(body.compartment, CompartmentEvent::kDroppedOff, CompartmentState::kOverdue, body.item);
  note_pass({.expiry_utc_s = body.expiry_utc_s, .serial = body.serial});
}

void StationState::apply_emptied(std::uint8_t number, cubby_v1_ItemReading item) {
  if (shut_again(number, CompartmentEvent::kEmptied, CompartmentState::kVacant, item)) {
    compartments_[number - 1U].parcel = {};  // Otherwise whoever has a claim to it may come again.
  }
}

/// A right code ends the row of wrong ones once it is used up. One that still opens its door, as it does while custody
/// is disputed or the bolt jams, would make guesses free for who has it.
void StationState::end_wrong_codes(std::uint8_t number) {
  const auto& parcel = compartments_[number - 1U].parcel;
  if (parcel.counter == 0 || parcel.code_dead) {
    failures_ = 0;
  }
}

void StationState::apply_not_opened(std::uint8_t number) {
  const auto slot = find_opening(number);
  if (slot == kOpeningsMax) {
    return;  // Follows a CustodyUncertain, which ended the opening.
  }
  if (fills(openings_[slot].intent.purpose)) {
    empty_again(number, CompartmentEvent::kNotOpened, cubby_v1_ItemReading_ITEM_READING_UNSPECIFIED);
    return;
  }
  move(number, still(compartments_[number - 1U].before), compartments_[number - 1U].before);
  end_opening(number);
}

/// A technician had the door open. What was empty or out of service is so still, unless something was left inside;
/// of a parcel, nobody who has a claim to it was there.
void StationState::apply_looked_inside(std::uint8_t number, cubby_v1_ItemReading item) {
  const auto before = compartments_[number - 1U].before;
  const bool empty = in_allocation(before) || before == CompartmentState::kOutOfService;
  (void)shut_again(number, empty ? still(before) : CompartmentEvent::kUncertain,
                   empty ? before : CompartmentState::kDisputed, item);
}

void StationState::apply_settled(const cubby_v1_CustodySettled& body) {
  auto& parcel = compartments_[body.compartment - 1U].parcel;
  if (!body.inside) {
    parcel = {};
    move(body.compartment, CompartmentEvent::kSettledEmpty, CompartmentState::kVacant);
  } else if (parcel.code_dead) {
    move(body.compartment, CompartmentEvent::kSettledOverdue, CompartmentState::kOverdue);
  } else {
    move(body.compartment, CompartmentEvent::kSettledOccupied, CompartmentState::kOccupied);
  }
}

void StationState::apply_uncertain(const cubby_v1_CustodyUncertain& body) {
  if (!body.occupied_before) {
    compartments_[body.compartment - 1U].parcel = {};
  }
  move(body.compartment, CompartmentEvent::kUncertain, CompartmentState::kDisputed);
  end_opening(body.compartment);
}

void StationState::apply_internal(std::uint8_t kind, Bytes payload) {
  switch (static_cast<RecordKind>(kind)) {
    case RecordKind::kIntent:
      if (Intent intent; decode(payload, intent) == Status::kOk) {
        apply_intent(intent);
        return;
      }
      break;
    case RecordKind::kOutcome:
      if (Outcome outcome; decode(payload, outcome) == Status::kOk) {
        apply_outcome(outcome);
        return;
      }
      break;
    case RecordKind::kThrottle:
      if (ThrottleCount count; decode(payload, count) == Status::kOk) {
        failures_ = count.failures;
        return;
      }
      break;
    case RecordKind::kCalledOff:
      if (CalledOff called_off; decode(payload, called_off) == Status::kOk) {
        if (const auto slot = find_opening(called_off.compartment); slot < kOpeningsMax) {
          openings_[slot].called_off = true;
        }
        return;
      }
      break;
    case RecordKind::kCommand:
      if (AcceptedCommand command; decode(payload, command) == Status::kOk) {
        apply_command(command);
        return;
      }
      break;
    case RecordKind::kTermsKept:
      apply_terms_kept(payload);
      return;
    case RecordKind::kRules:
      apply_rules(payload);
      return;
  }
  ++repairs_;
}

void StationState::apply_intent(const Intent& intent) {
  roll(boot_, intent.uptime_ms);
  auto slot = find_opening(intent.compartment);
  if (slot == kOpeningsMax) {
    slot = find_opening(0);
    if (slot == kOpeningsMax) {
      ++repairs_;
      return;
    }
    auto& compartment = compartments_[intent.compartment - 1U];
    compartment.before = compartment.state;
    if (fills(intent.purpose)) {
      if (compartment.state != CompartmentState::kReserved) {
        move(intent.compartment, CompartmentEvent::kReserve, CompartmentState::kReserved);
      }
      move(intent.compartment, CompartmentEvent::kUnlock, CompartmentState::kOpening);
    } else {
      move(intent.compartment, CompartmentEvent::kUnlockToEmpty, CompartmentState::kCollecting);
    }
  }
  auto& wear = compartments_[intent.compartment - 1U].wear;
  wear = std::min(wear + 1, limits::kWearMax);
  set_bit(changed_, intent.compartment, true);
  openings_[slot].intent = intent;
  openings_[slot].outcome = AttemptOutcome::kNone;
  next_counter_ = std::max(next_counter_, intent.counter + 1);
}

void StationState::apply_outcome(const Outcome& outcome) {
  roll(boot_, outcome.uptime_ms);
  const auto slot = find_opening(outcome.compartment);
  if (slot == kOpeningsMax) {
    ++repairs_;
    return;
  }
  auto& opening = openings_[slot];
  opening.outcome = outcome.outcome;
  if (outcome.outcome == AttemptOutcome::kOpened) {
    opening.opened_on_ms = on_base_ms_ + outcome.uptime_ms;
    set_bit(open_elsewhere_, outcome.compartment, false);
    compartments_[outcome.compartment - 1U].item_doubtful = false;
    const bool deposit = fills(opening.intent.purpose);
    move(outcome.compartment, CompartmentEvent::kOpened,
         deposit ? CompartmentState::kLoading : CompartmentState::kUnloading);
  }
}

void StationState::on_records_lost(std::uint64_t count) {
  next_counter_ += count;  // As many parcels may have been given one.
  openings_ = {};
  for (std::size_t number = 1; number <= door_count_; ++number) {
    write_state(static_cast<std::uint8_t>(number), CompartmentState::kDisputed);
  }
}

void StationState::on_record(const store::Record& record) {
  if (record.record_class == store::RecordClass::kInternal) {
    apply_internal(record.kind, record.payload);
    return;
  }
  if (wire::decode_event(record.payload, scratch_) == Status::kOk) {
    apply_event(scratch_);
  } else {
    ++repairs_;
  }
}

}  // namespace cubby::core

#include "firmware/core/remote_control.h"

#include <algorithm>
#include <cstring>

#include "firmware/wire/codec/config_codec.h"

namespace cubby::core {
namespace {

constexpr std::string_view kWho = "operator";
static_assert(kWho.size() <= limits::kCarrierMax);
constexpr Duration kLookAgain = Duration::seconds(1);

CommandId id_of(const cubby_v1_Command& command) {
  CommandId id;
  std::memcpy(id.data(), command.id, id.size());
  return id;
}

std::uint64_t life_ms(const cubby_v1_Command& command) {
  return command.which_body == cubby_v1_Command_open_door_tag ? limits::kOpenCommandLifeMs : limits::kCommandLifeMs;
}

/// 0: the command is not about a compartment.
std::uint8_t compartment_of(const cubby_v1_Command& command) {
  switch (command.which_body) {
    case cubby_v1_Command_open_door_tag:
      return command.body.open_door.compartment;
    case cubby_v1_Command_set_service_tag:
      return command.body.set_service.compartment;
    case cubby_v1_Command_settle_tag:
      return command.body.settle.compartment;
    case cubby_v1_Command_expire_tag:
      return command.body.expire.compartment;
    case cubby_v1_Command_extend_tag:
      return command.body.extend.compartment;
    case cubby_v1_Command_reissue_tag:
      return command.body.reissue.compartment;
    case cubby_v1_Command_release_tag:
      return command.body.release.compartment;
    default:
      return 0;
  }
}

bool has_compartment(const cubby_v1_Command& command) {
  return command.which_body != cubby_v1_Command_revoke_pass_tag &&
         command.which_body != cubby_v1_Command_release_keypad_tag &&
         command.which_body != cubby_v1_Command_configure_tag && command.which_body != cubby_v1_Command_reserve_tag;
}

Reservations::Request request_of(const cubby_v1_Reserve& body) {
  // What is no size at all must not become one.
  const auto size = number_in(body.size);
  return {.size = size > cubby_v1_Size_SIZE_XL ? std::uint8_t{0} : static_cast<std::uint8_t>(size),
          .carrier = body.carrier,
          .parcel = body.parcel,
          .ttl_s = body.ttl_s,
          .low = body.low_door};
}

std::optional<cubby_v1_CommandRefusal> refusal_of(Status status) {
  switch (status) {
    case Status::kOk:
      return std::nullopt;
    case Status::kNotFound:
      return cubby_v1_CommandRefusal_COMMAND_REFUSAL_NO_DOOR;
    case Status::kWrongState:
      return cubby_v1_CommandRefusal_COMMAND_REFUSAL_WRONG_STATE;
    case Status::kNoSpace:
      return cubby_v1_CommandRefusal_COMMAND_REFUSAL_BUSY;
    default:
      return cubby_v1_CommandRefusal_COMMAND_REFUSAL_BAD_INPUT;
  }
}

bool has_live_code(const Compartment& compartment) {
  return (compartment.state == CompartmentState::kOccupied || compartment.state == CompartmentState::kDisputed) &&
         compartment.parcel.counter != 0 && !compartment.parcel.code_dead;
}

}  // namespace

Status RemoteControl::recover() {
  while (const auto* command = parts_.recorder.state().unfinished_command()) {
    CUBBY_TRY(conclude(command->id, cubby_v1_CommandOutcome_COMMAND_OUTCOME_UNKNOWN));
  }
  return Status::kOk;
}

void RemoteControl::take(const cubby_v1_Command& command, Bytes rules) {
  const bool configures = command.which_body == cubby_v1_Command_configure_tag;
  if (waiting_.full() || (configures && rules_wait_)) {
    turn_down(id_of(command));
    return;
  }
  if (configures) {
    rules_status_ = wire::decode_rules(rules, rules_);
    rules_wait_ = true;
  }
  (void)waiting_.push_back(command);
}

/// Something waits, or there would be room. Of what waits itself a repetition changes nothing.
void RemoteControl::turn_down(const CommandId& id) {
  const bool waits =
      std::any_of(waiting_.begin(), waiting_.end(), [&](const Command& command) { return id_of(command) == id; });
  if (!waits) {
    (void)turned_down_.push_back(id);
  }
}

void RemoteControl::tick(Instant now) {
  if (waiting_.empty()) {
    return;
  }
  for (const auto& id : turned_down_) {
    if (!parts_.recorder.state().command_seen(id)) {
      (void)conclude(id, cubby_v1_CommandOutcome_COMMAND_OUTCOME_REFUSED, cubby_v1_CommandRefusal_COMMAND_REFUSAL_BUSY);
    }
  }
  turned_down_.clear();
  InplaceVector<Command, kWaitingMax> later;
  for (const auto& command : waiting_) {
    if (!perform(command, now)) {
      (void)later.push_back(command);
    }
  }
  waiting_ = later;
  rules_wait_ = false;  // A Configure is never put off.
  look_again_ = now + kLookAgain;
}

bool RemoteControl::is_supported(const Command& command) const {
  switch (command.which_body) {
    case cubby_v1_Command_open_door_tag:
    case cubby_v1_Command_set_service_tag:
    case cubby_v1_Command_settle_tag:
    case cubby_v1_Command_expire_tag:
    case cubby_v1_Command_extend_tag:
    case cubby_v1_Command_reissue_tag:
    case cubby_v1_Command_revoke_pass_tag:
    case cubby_v1_Command_release_keypad_tag:
    case cubby_v1_Command_reserve_tag:
    case cubby_v1_Command_release_tag:
      return true;
    case cubby_v1_Command_configure_tag:
      return rules_status_ != Status::kNotSupported;
    default:
      return false;
  }
}

/// False: not yet.
bool RemoteControl::perform(const Command& command, Instant now) {
  const auto id = id_of(command);
  const auto& state = parts_.recorder.state();
  if (state.command_seen(id)) {
    return true;
  }
  using Refusal = cubby_v1_CommandRefusal;
  const auto refuse = [&](Refusal reason) {
    (void)conclude(id, cubby_v1_CommandOutcome_COMMAND_OUTCOME_REFUSED, reason);
    return true;
  };
  const auto utc_ms = parts_.recorder.utc_ms();
  if (!is_supported(command)) {
    (void)conclude(id, cubby_v1_CommandOutcome_COMMAND_OUTCOME_NOT_SUPPORTED);
    return true;
  }
  if (!utc_ms.has_value()) {
    return refuse(cubby_v1_CommandRefusal_COMMAND_REFUSAL_NO_CLOCK);
  }
  if (command.expires_utc_ms + limits::kCommandClockToleranceMs < *utc_ms) {
    (void)conclude(id, cubby_v1_CommandOutcome_COMMAND_OUTCOME_EXPIRED);
    return true;
  }
  if (command.expires_utc_ms > *utc_ms + life_ms(command) + limits::kCommandClockToleranceMs) {
    return refuse(cubby_v1_CommandRefusal_COMMAND_REFUSAL_LIFE);
  }
  if (const auto reason = objection(command); reason.has_value()) {
    return refuse(*reason);
  }
  const bool opens = command.which_body == cubby_v1_Command_open_door_tag;
  if (opens && (opening_.has_value() || !parts_.openings.can_begin())) {
    return false;
  }
  const AcceptedCommand accepted{id, command.expires_utc_ms,
                                 opens ? command.body.open_door.compartment : std::uint8_t{0}};
  if (!state.room_for_command() || parts_.recorder.append(accepted) != Status::kOk) {
    return refuse(cubby_v1_CommandRefusal_COMMAND_REFUSAL_BUSY);
  }
  reserved_ = 0;
  const auto status = act(command, now);
  if (opens && status == Status::kOk) {
    opening_ = {id, accepted.compartment};
    return true;
  }
  (void)conclude(id,
                 status == Status::kOk ? cubby_v1_CommandOutcome_COMMAND_OUTCOME_DONE
                                       : cubby_v1_CommandOutcome_COMMAND_OUTCOME_FAILED,
                 cubby_v1_CommandRefusal_COMMAND_REFUSAL_UNSPECIFIED, reserved_);
  return true;
}

bool RemoteControl::is_door(std::uint32_t compartment) const {
  return compartment >= 1 && compartment <= parts_.doors.door_count();
}

/// What speaks against a command, apart from its life.
std::optional<cubby_v1_CommandRefusal> RemoteControl::objection(const Command& command) const {
  constexpr auto kBadInput = cubby_v1_CommandRefusal_COMMAND_REFUSAL_BAD_INPUT;
  const auto number = compartment_of(command);
  if (has_compartment(command) && !is_door(number)) {
    return kBadInput;
  }
  const auto& state = parts_.recorder.state();
  const auto& body = command.body;
  bool fits = true;
  switch (command.which_body) {
    case cubby_v1_Command_open_door_tag:
      fits = parts_.actions.may_look(number) && parts_.doors.state(number) == drivers::DoorState::kShut;
      break;
    case cubby_v1_Command_set_service_tag:
      fits = body.set_service.in_service ? parts_.actions.may_put_back(number) : parts_.actions.may_take_out(number);
      break;
    case cubby_v1_Command_settle_tag:
      fits = parts_.actions.may_settle(number, body.settle.inside);
      break;
    case cubby_v1_Command_expire_tag:
      fits = state.compartment(number).state == CompartmentState::kOccupied;
      break;
    case cubby_v1_Command_extend_tag: {
      const auto& compartment = state.compartment(number);
      if (body.extend.hours < 1 || body.extend.hours > limits::kExtraHoursMax - compartment.parcel.extra_hours) {
        return kBadInput;
      }
      fits = compartment.state == CompartmentState::kOccupied;
      break;
    }
    case cubby_v1_Command_reissue_tag:
      fits = has_live_code(state.compartment(number));
      break;
    case cubby_v1_Command_revoke_pass_tag:
      if (body.revoke_pass.serial == 0 || body.revoke_pass.expiry_utc_s > state.last_utc_ms() / 1000 +
                                                                              limits::kSenderPassLifeS +
                                                                              limits::kPassClockToleranceS) {
        return kBadInput;
      }
      return state.room_for_pass() ? std::nullopt : std::optional(cubby_v1_CommandRefusal_COMMAND_REFUSAL_BUSY);
    case cubby_v1_Command_reserve_tag:
      return refusal_of(parts_.reservations.find(request_of(body.reserve)).status);
    case cubby_v1_Command_release_tag:
      fits = parts_.reservations.may_release(number);
      break;
    case cubby_v1_Command_configure_tag:
      return rules_status_ == Status::kOk ? parts_.configuration.objection(rules_) : kBadInput;
    default:
      break;
  }
  return fits ? std::nullopt : std::optional(cubby_v1_CommandRefusal_COMMAND_REFUSAL_WRONG_STATE);
}

Status RemoteControl::act(const Command& command, Instant now) {
  const auto number = compartment_of(command);
  const auto& body = command.body;
  switch (command.which_body) {
    case cubby_v1_Command_open_door_tag:
      return parts_.actions.look(number, Purpose::kRemote, kWho, now);
    case cubby_v1_Command_set_service_tag:
      return body.set_service.in_service
                 ? parts_.actions.put_back(number)
                 : parts_.actions.take_out(number, cubby_v1_OutOfServiceReason_OUT_OF_SERVICE_REASON_OPERATOR);
    case cubby_v1_Command_settle_tag:
      return parts_.actions.settle(number, body.settle.inside, kWho);
    case cubby_v1_Command_expire_tag:
      return expire(number);
    case cubby_v1_Command_extend_tag:
      return extend(number, body.extend.hours);
    case cubby_v1_Command_reissue_tag:
      return reissue(number);
    case cubby_v1_Command_revoke_pass_tag:
      return revoke(body.revoke_pass);
    case cubby_v1_Command_release_keypad_tag:
      return parts_.actions.release_keypad(kWho, now);
    case cubby_v1_Command_reserve_tag:
      return reserve(body.reserve);
    case cubby_v1_Command_release_tag:
      return parts_.reservations.release(number);
    case cubby_v1_Command_configure_tag:
      return parts_.configuration.change(rules_, now);
    default:
      return Status::kBadInput;
  }
}

Status RemoteControl::reserve(const cubby_v1_Reserve& body) {
  const auto answer = parts_.reservations.reserve(request_of(body));
  reserved_ = answer.compartment;
  return answer.status;
}

Status RemoteControl::expire(std::uint8_t compartment) {
  auto& recorder = parts_.recorder;
  auto& body = recorder.begin(cubby_v1_Event_overdue_tag).body.overdue;
  body.compartment = compartment;
  body.counter = recorder.state().compartment(compartment).parcel.counter;
  return recorder.commit();
}

Status RemoteControl::extend(std::uint8_t compartment, std::uint32_t hours) {
  auto& recorder = parts_.recorder;
  const auto& parcel = recorder.state().compartment(compartment).parcel;
  auto& body = recorder.begin(cubby_v1_Event_extended_tag).body.extended;
  body.compartment = compartment;
  body.counter = parcel.counter;
  body.hours = parcel.extra_hours + hours;
  return recorder.commit();
}

Status RemoteControl::reissue(std::uint8_t compartment) {
  auto& recorder = parts_.recorder;
  auto& body = recorder.begin(cubby_v1_Event_code_reissued_tag).body.code_reissued;
  body.compartment = compartment;
  const auto& parcel = recorder.state().compartment(compartment).parcel;
  body.counter = parcel.counter;
  body.code_counter = parts_.codes.first_unique(recorder.state().next_counter(), code_digits(parcel));
  body.has_code_digits = parcel.second.has_value();
  body.code_digits = static_cast<std::uint8_t>(code_digits(parcel));
  body.has_key_version = parts_.codes.key_version() != 1;
  body.key_version = parts_.codes.key_version();
  return recorder.commit();
}

Status RemoteControl::revoke(const cubby_v1_RevokePass& pass) {
  auto& body = parts_.recorder.begin(cubby_v1_Event_pass_revoked_tag).body.pass_revoked;
  body.serial = pass.serial;
  body.expiry_utc_s = pass.expiry_utc_s;
  return parts_.recorder.commit();
}

void RemoteControl::on_news(const OpeningNews& news) {
  if (!opening_.has_value() || news.compartment != opening_->compartment) {
    return;
  }
  const auto id = opening_->id;
  opening_.reset();
  const bool failed = news.kind == OpeningNews::Kind::kNotOpened || news.kind == OpeningNews::Kind::kUncertain;
  (void)conclude(
      id, failed ? cubby_v1_CommandOutcome_COMMAND_OUTCOME_FAILED : cubby_v1_CommandOutcome_COMMAND_OUTCOME_DONE);
}

/// If it cannot be written, the next boot says UNKNOWN.
Status RemoteControl::conclude(const CommandId& id, cubby_v1_CommandOutcome outcome, cubby_v1_CommandRefusal refusal,
                               std::uint8_t compartment) {
  auto& body = parts_.recorder.begin(cubby_v1_Event_command_result_tag).body.command_result;
  std::memcpy(body.command_id, id.data(), id.size());
  body.outcome = outcome;
  body.refusal = refusal;
  body.compartment = compartment;
  return parts_.recorder.commit();
}

}  // namespace cubby::core

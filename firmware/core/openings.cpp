#include "firmware/core/openings.h"

#include <algorithm>

#include "firmware/core/board_trust.h"
#include "firmware/core/custody.h"

namespace cubby::core {
namespace {

constexpr Duration kEndingRetry = Duration::minutes(1);

template <std::size_t Size>
void copy_text(char (&to)[Size], std::string_view from) {
  const auto size = std::min(from.size(), Size - 1);
  std::copy_n(from.begin(), size, to);
  to[size] = '\0';
}

}  // namespace

bool Openings::can_begin() const {
  return doors_.started() && doors_.can_unlock() && recorder_.state().opening_slot_free() &&
         std::none_of(live_.begin(), live_.end(), [](const Live& live) {
           return live.phase == Phase::kUnlocking || live.phase == Phase::kSighting || live.phase == Phase::kReading ||
                  live.phase == Phase::kSpacing;
         });
}

Status Openings::begin(const Intent& request, Instant now) {
  if (!can_begin()) {
    return Status::kBusy;
  }
  if (doors_.state(request.compartment) != drivers::DoorState::kShut ||
      (!board_trusted(recorder_.state(), doors_, request.compartment) && !looks(request.purpose))) {
    return Status::kWrongState;
  }
  if (power_.supply() == hal::Supply::kFailing) {
    return Status::kNotSent;
  }
  auto intent = request;
  intent.attempt = 1;
  intent.uptime_ms = recorder_.uptime_ms();
  CUBBY_TRY(recorder_.append(intent));
  const auto slot = recorder_.state().find_opening(request.compartment);
  CUBBY_ASSERT(slot < StationState::kOpeningsMax && live_[slot].phase == Phase::kNone);
  live_[slot] = {.attempted_at = now, .authorised_until = now + limits::kAuthorisationLife};
  attempt(slot, now);
  return Status::kOk;
}

/// The intent of this attempt is durable.
void Openings::attempt(std::size_t slot, Instant now) {
  const auto compartment = pending(slot).intent.compartment;
  live_[slot].attempted_at = now;
  live_[slot].reply = AttemptOutcome::kNone;
  enter(slot, Phase::kUnlocking, Instant::max());
  moving_ = compartment;
  doors_.expect_movement(compartment);
  if (doors_.unlock(compartment, now) != Status::kOk) {
    on_unlock(compartment, drivers::Exchange::kNotSent, now);
  }
}

Status Openings::call_off(std::uint8_t compartment) {
  const auto slot = recorder_.state().find_opening(compartment);
  if (slot == StationState::kOpeningsMax || live_[slot].phase != Phase::kOpen ||
      (!fills(pending(slot).intent.purpose) && pending(slot).intent.purpose != Purpose::kCollect)) {
    return Status::kWrongState;
  }
  return recorder_.append(CalledOff{compartment});
}

void Openings::on_foreign_door(std::uint8_t compartment) {
  for (auto& live : live_) {
    // Only once the frame has left. The right door may still follow: then it was somebody with a lever.
    if (live.phase == Phase::kSighting || live.phase == Phase::kReading || live.phase == Phase::kSpacing) {
      live.elsewhere = compartment;
    }
  }
}

void Openings::on_supply_failing(Instant now) {
  for (std::size_t slot = 0; slot < live_.size(); ++slot) {
    if (live_[slot].phase == Phase::kUnlocking && doors_.cancel_unlock()) {
      on_unlock(pending(slot).intent.compartment, drivers::Exchange::kNotSent, now);
    }
  }
}

void Openings::on_unlock(std::uint8_t compartment, drivers::Exchange exchange, Instant now) {
  const auto slot = recorder_.state().find_opening(compartment);
  if (slot == StationState::kOpeningsMax || live_[slot].phase != Phase::kUnlocking) {
    return;  // The door was seen open before the board answered.
  }
  live_[slot].attempted_at = now;  // The frame left a moment ago, not when the intent was written.
  using drivers::Exchange;
  switch (exchange) {
    case Exchange::kDone:
    case Exchange::kSent:
      live_[slot].reply = AttemptOutcome::kNotOpened;
      break;
    case Exchange::kNotSent:
      live_[slot].reply = AttemptOutcome::kNotSent;
      break;
    case Exchange::kRefused:
      live_[slot].reply = AttemptOutcome::kRefused;
      break;
    case Exchange::kUnknown:
    case Exchange::kNone:
    case Exchange::kWaiting:
      live_[slot].reply = AttemptOutcome::kUnknown;
      break;
  }
  if (exchange == Exchange::kDone || exchange == Exchange::kSent || exchange == Exchange::kUnknown) {
    enter(slot, Phase::kSighting, now + limits::kOpenSightTimeout);
    return;
  }
  enter(slot, Phase::kReading, live_[slot].authorised_until);
  doors_.request_reading(compartment, now);
}

void Openings::on_fresh_reading(std::uint8_t compartment, Instant now) {
  const auto slot = recorder_.state().find_opening(compartment);
  if (slot < StationState::kOpeningsMax && live_[slot].phase == Phase::kReading &&
      doors_.state(compartment) == drivers::DoorState::kShut) {
    attempt_over(slot, now);
  }
}

/// What was asked of a silent board was never read.
void Openings::on_board_answered(std::uint8_t board, Instant now) {
  for (std::size_t slot = 0; slot < live_.size(); ++slot) {
    if (live_[slot].phase == Phase::kReading && doors_.board_of(pending(slot).intent.compartment) == board) {
      doors_.request_reading(pending(slot).intent.compartment, now);
    }
  }
}

void Openings::on_fresh_item(std::uint8_t compartment, drivers::ItemState item, Instant now) {
  const auto slot = recorder_.state().find_opening(compartment);
  if (slot < StationState::kOpeningsMax && live_[slot].phase == Phase::kAskingItem) {
    live_[slot].item = item;
    finish(slot, now);
  }
}

/// The switch was read shut after the attempt.
void Openings::attempt_over(std::size_t slot, Instant now) {
  auto& live = live_[slot];
  const Outcome outcome{pending(slot).intent.compartment, live.reply, recorder_.uptime_ms()};
  if (recorder_.append(outcome) != Status::kOk) {
    give_up(slot, now);
    return;
  }
  const auto next_at = std::max(now, live.attempted_at + limits::kAttemptSpacing);
  if (pending(slot).intent.attempt >= limits::kOpenAttemptsMax || next_at > live.authorised_until ||
      live.elsewhere != 0) {
    give_up(slot, now);
    return;
  }
  enter(slot, Phase::kSpacing, next_at);
}

/// The door is known not to have opened.
void Openings::give_up(std::size_t slot, Instant now) {
  const auto intent = pending(slot).intent;
  const bool told = live_[slot].phase == Phase::kEnding;
  const auto news = OpeningNews{OpeningNews::Kind::kNotOpened, intent.compartment, intent.purpose, false};
  auto& body = recorder_.begin(cubby_v1_Event_open_failed_tag).body.open_failed;
  body.compartment = intent.compartment;
  body.purpose = static_cast<cubby_v1_Purpose>(intent.purpose);
  body.cause = cause_of(slot);
  body.attempts = intent.attempt;
  body.opened_compartment = live_[slot].elsewhere;
  const auto cause = body.cause;
  if (!told) {
    tell(news);
  }
  if (recorder_.commit() != Status::kOk) {
    enter(slot, Phase::kEnding, now + kEndingRetry);
    return;
  }
  end(slot, intent.compartment);
  take_out_if_unusable(intent, cause);
}

/// A door that is empty and does not open is kept from the next parcel. If that cannot be written, the door
/// is tried again for it.
void Openings::take_out_if_unusable(const Intent& intent, cubby_v1_OpenFailure cause) {
  const bool elsewhere = cause == cubby_v1_OpenFailure_OPEN_FAILURE_OPENED_ELSEWHERE;
  const bool jammed =
      (cause == cubby_v1_OpenFailure_OPEN_FAILURE_JAMMED || cause == cubby_v1_OpenFailure_OPEN_FAILURE_REFUSED) &&
      intent.attempt >= limits::kOpenAttemptsMax;
  if (!in_allocation(recorder_.state().compartment(intent.compartment).state) ||
      !(elsewhere || (fills(intent.purpose) && jammed))) {
    return;
  }
  auto& out = recorder_.begin(cubby_v1_Event_out_of_service_tag).body.out_of_service;
  out.compartment = intent.compartment;
  out.reason = elsewhere ? cubby_v1_OutOfServiceReason_OUT_OF_SERVICE_REASON_OPENED_ELSEWHERE
                         : cubby_v1_OutOfServiceReason_OUT_OF_SERVICE_REASON_JAMMED;
  (void)recorder_.commit();
}

cubby_v1_OpenFailure Openings::cause_of(std::size_t slot) const {
  const auto reply = live_[slot].reply;
  switch (reply == AttemptOutcome::kNone ? pending(slot).outcome : reply) {
    case AttemptOutcome::kNotSent:
      return cubby_v1_OpenFailure_OPEN_FAILURE_NOT_SENT;
    case AttemptOutcome::kRefused:
      return cubby_v1_OpenFailure_OPEN_FAILURE_REFUSED;
    case AttemptOutcome::kUnknown:
    case AttemptOutcome::kNone:
    case AttemptOutcome::kOpened:
    case AttemptOutcome::kNotOpened:
      break;
  }
  if (live_[slot].elsewhere != 0) {
    return cubby_v1_OpenFailure_OPEN_FAILURE_OPENED_ELSEWHERE;
  }
  return reply == AttemptOutcome::kUnknown ? cubby_v1_OpenFailure_OPEN_FAILURE_BOARD_SILENT
                                           : cubby_v1_OpenFailure_OPEN_FAILURE_JAMMED;
}

void Openings::uncertain(std::size_t slot, Instant now) {
  const auto intent = pending(slot).intent;
  const bool silent = live_[slot].phase != Phase::kRecovering;
  auto& body = recorder_.begin(cubby_v1_Event_custody_uncertain_tag).body.custody_uncertain;
  body.compartment = intent.compartment;
  body.purpose = static_cast<cubby_v1_Purpose>(intent.purpose);
  body.occupied_before = recorder_.state().compartment(intent.compartment).parcel.counter != 0;
  if (recorder_.commit() != Status::kOk) {
    enter(slot, Phase::kRecovering, now + kEndingRetry);
    return;
  }
  tell({OpeningNews::Kind::kUncertain, intent.compartment, intent.purpose, false});
  end(slot, intent.compartment);
  if (silent) {
    auto& failed = recorder_.begin(cubby_v1_Event_open_failed_tag).body.open_failed;
    failed.compartment = intent.compartment;
    failed.purpose = static_cast<cubby_v1_Purpose>(intent.purpose);
    failed.cause = cubby_v1_OpenFailure_OPEN_FAILURE_BOARD_SILENT;
    failed.attempts = intent.attempt;
    (void)recorder_.commit();  // Only a statistic; the custody is durable.
  }
}

void Openings::opened(std::size_t slot, Instant now) {
  const auto compartment = pending(slot).intent.compartment;
  if (live_[slot].phase == Phase::kUnlocking) {
    doors_.cancel_unlock();
  }
  live_[slot].opened_uptime_ms = recorder_.uptime_ms();
  (void)note_opened(slot);  // If it cannot be made durable, the door stands open all the same.
  enter(slot, Phase::kOpen, now + limits::kLeftOpenAfter);
  tell({OpeningNews::Kind::kOpened, compartment, pending(slot).intent.purpose, false});
}

Status Openings::note_opened(std::size_t slot) {
  const auto compartment = pending(slot).intent.compartment;
  return recorder_.append(Outcome{compartment, AttemptOutcome::kOpened, live_[slot].opened_uptime_ms});
}

bool Openings::on_door(std::uint8_t compartment, drivers::DoorState door, Instant now) {
  const auto slot = recorder_.state().find_opening(compartment);
  if (slot == StationState::kOpeningsMax) {
    return false;
  }
  switch (live_[slot].phase) {
    case Phase::kUnlocking:
    case Phase::kSighting:
    case Phase::kReading:
    case Phase::kSpacing:
      if (door == drivers::DoorState::kOpen) {
        opened(slot, now);
      }
      break;
    case Phase::kOpen:
    case Phase::kLeftOpen:
      if (door == drivers::DoorState::kShut) {
        shut_again(slot, now);
      }
      break;
    case Phase::kAskingItem:
      if (door == drivers::DoorState::kOpen) {
        wait_for_shutting(slot, now);  // It had not been shut for good.
      }
      break;
    case Phase::kRecovering:
      resolve(slot, now);
      break;
    case Phase::kNone:
    case Phase::kShutAgain:
    case Phase::kEnding:
      return false;
  }
  return true;
}

std::uint32_t Openings::open_ms(std::size_t slot) const {
  const auto opened_on = pending(slot).opened_on_ms;
  const auto on = recorder_.on_ms();
  return on > opened_on ? static_cast<std::uint32_t>(std::min<std::uint64_t>(on - opened_on, UINT32_MAX)) : 0;
}

/// The door that was open reads shut. What its item sensor says must be newer than that.
void Openings::shut_again(std::size_t slot, Instant now) {
  live_[slot].item = drivers::ItemState::kUnknown;
  if (doors_.request_item(pending(slot).intent.compartment, now)) {
    enter(slot, Phase::kAskingItem, now + limits::kItemReadingTimeout);
    return;
  }
  finish(slot, now);
}

void Openings::wait_for_shutting(std::size_t slot, Instant now) {
  if (pending(slot).left_open) {
    enter(slot, Phase::kLeftOpen, Instant::max());
  } else {
    enter(slot, Phase::kOpen, now + limits::kLeftOpenAfter);
  }
}

/// What the opening was for has happened.
void Openings::finish(std::size_t slot, Instant now) {
  const auto compartment = pending(slot).intent.compartment;
  if (pending(slot).outcome != AttemptOutcome::kOpened && note_opened(slot) != Status::kOk) {
    enter(slot, Phase::kShutAgain, now + kEndingRetry);
    return;
  }
  if (pending(slot).left_open && live_[slot].phase != Phase::kShutAgain) {
    auto& body = recorder_.begin(cubby_v1_Event_door_shut_late_tag).body.door_shut_late;
    body.compartment = pending(slot).intent.compartment;
    body.open_ms = open_ms(slot);
    (void)recorder_.commit();  // The end of the opening, below, says as much.
  }
  if (commit_end(slot) != Status::kOk) {
    enter(slot, Phase::kShutAgain, now + kEndingRetry);
    return;
  }
  end(slot, compartment);
}

/// Begins the event that ends an opening that was no deposit.
void Openings::fill_end(const PendingOpening& opening, std::uint32_t open, cubby_v1_ItemReading item) {
  const auto& intent = opening.intent;
  const auto& parcel = recorder_.state().compartment(intent.compartment).parcel;
  const auto fill = [&](auto& body) {
    body.compartment = intent.compartment;
    body.counter = parcel.counter;
    copy_text(body.carrier, parcel.carrier.view());
    body.size = static_cast<cubby_v1_Size>(parcel.size);
    body.attempts = intent.attempt;
    body.open_ms = open;
    body.item = item;
  };
  const auto dwell = dwell_ms(parcel, recorder_.utc_ms(), recorder_.journal().boot(), recorder_.on_ms());
  const auto fill_with_dwell = [&](auto& body) {
    fill(body);
    body.has_dwell_ms = dwell.has_value();
    body.dwell_ms = dwell.value_or(0);
  };
  if (looks(intent.purpose)) {
    auto& body = recorder_.begin(cubby_v1_Event_serviced_tag).body.serviced;
    body.action = cubby_v1_ServiceAction_SERVICE_ACTION_DOOR_OPENED;
    copy_text(body.technician, intent.carrier.view());
    body.compartment = intent.compartment;
    body.attempts = intent.attempt;
    body.open_ms = open;
    body.item = item;
  } else if (opening.called_off) {
    fill(recorder_.begin(cubby_v1_Event_refused_tag).body.refused);
  } else if (intent.purpose == Purpose::kCollect) {
    fill_with_dwell(recorder_.begin(cubby_v1_Event_collected_tag).body.collected);
  } else if (parcel.from_sender) {
    fill_with_dwell(recorder_.begin(cubby_v1_Event_dispatched_tag).body.dispatched);
  } else {
    fill_with_dwell(recorder_.begin(cubby_v1_Event_recalled_tag).body.recalled);
  }
}

Status Openings::commit_end(std::size_t slot) {
  const auto& opening = pending(slot);
  const auto& intent = opening.intent;
  auto news = OpeningNews{OpeningNews::Kind::kDone, intent.compartment, intent.purpose, opening.called_off};
  const auto open = open_ms(slot);
  const auto item = static_cast<cubby_v1_ItemReading>(live_[slot].item);
  if (fills(intent.purpose) && opening.called_off) {
    auto& body = recorder_.begin(cubby_v1_Event_deposit_cancelled_tag).body.deposit_cancelled;
    body.compartment = intent.compartment;
    copy_text(body.carrier, intent.carrier.view());
    body.size = static_cast<cubby_v1_Size>(intent.size);
    body.item = item;
  } else if (intent.purpose == Purpose::kDeposit) {
    auto& body = recorder_.begin(cubby_v1_Event_deposited_tag).body.deposited;
    body.compartment = intent.compartment;
    body.counter = intent.counter;
    copy_text(body.parcel, intent.parcel.view());
    copy_text(body.carrier, intent.carrier.view());
    body.size = static_cast<cubby_v1_Size>(intent.size);
    body.attempts = intent.attempt;
    body.open_ms = open;
    body.has_recipient_token = intent.recipient_token != 0;
    body.recipient_token = intent.recipient_token;
    body.code_counter = recorder_.state().group_code(intent.carrier.view(), intent.recipient_token, codes_);
    body.has_code_counter = body.code_counter != 0;
    body.has_code_digits = codes_.digits != limits::kCodeDigits;
    body.code_digits = static_cast<std::uint8_t>(codes_.digits);
    body.has_key_version = codes_.key_version != 1;
    body.key_version = codes_.key_version;
    body.item = item;
  } else if (intent.purpose == Purpose::kDropOff) {
    auto& body = recorder_.begin(cubby_v1_Event_dropped_off_tag).body.dropped_off;
    body.compartment = intent.compartment;
    body.counter = intent.counter;
    copy_text(body.parcel, intent.parcel.view());
    copy_text(body.carrier, intent.carrier.view());
    body.size = static_cast<cubby_v1_Size>(intent.size);
    body.attempts = intent.attempt;
    body.open_ms = open;
    body.serial = intent.pass_serial;
    body.expiry_utc_s = intent.pass_expiry_utc_s;
    body.item = item;
  } else {
    fill_end(opening, open, item);
  }
  CUBBY_TRY(recorder_.commit());
  news.disputed = recorder_.state().compartment(news.compartment).state == CompartmentState::kDisputed;
  tell(news);
  return Status::kOk;
}

void Openings::left_open(std::size_t slot) {
  const auto intent = pending(slot).intent;
  auto& body = recorder_.begin(cubby_v1_Event_door_left_open_tag).body.door_left_open;
  body.compartment = intent.compartment;
  (void)recorder_.commit();  // An alarm; what the opening is for does not depend on it.
  enter(slot, Phase::kLeftOpen, Instant::max());
  stop_expecting(intent.compartment);
  tell({OpeningNews::Kind::kLeftOpen, intent.compartment, intent.purpose, false});
}

void Openings::recover(Instant now) {
  for (std::size_t slot = 0; slot < live_.size(); ++slot) {
    if (pending(slot).intent.compartment != 0) {
      live_[slot].attempted_at = now;
      enter(slot, Phase::kRecovering, Instant::max());
      if (pending(slot).outcome == AttemptOutcome::kNone) {
        // The coil's own current may have caused this reset: the bolt can still be on its way.
        enter(slot, Phase::kRecovering, now + limits::kOpenSightTimeout);
        moving_ = pending(slot).intent.compartment;
        doors_.expect_movement(moving_);
      }
      resolve(slot, now);
    }
  }
}

void Openings::resolve(std::size_t slot, Instant now) {
  const auto& opening = pending(slot);
  switch (after_reset(opening.outcome, doors_.state(opening.intent.compartment))) {
    case AfterReset::kWait:
      return;
    case AfterReset::kGoOn:
      if (opening.outcome != AttemptOutcome::kOpened) {
        opened(slot, now);
        return;
      }
      wait_for_shutting(slot, now);
      return;
    case AfterReset::kComplete:
      shut_again(slot, now);
      return;
    case AfterReset::kNotOpened:
      give_up(slot, now);
      return;
    case AfterReset::kUncertain:
      if (now >= live_[slot].attempted_at + limits::kOpenSightTimeout) {
        uncertain(slot, now);
      }
      return;
  }
}

void Openings::tick(Instant now) {
  if (now < next_deadline_) {
    return;
  }
  for (std::size_t slot = 0; slot < live_.size(); ++slot) {
    if (live_[slot].phase != Phase::kNone && live_[slot].deadline <= now) {
      run_deadline(slot, now);
    }
  }
}

void Openings::run_deadline(std::size_t slot, Instant now) {
  auto& live = live_[slot];
  const auto compartment = pending(slot).intent.compartment;
  switch (live.phase) {
    case Phase::kSighting:
      enter(slot, Phase::kReading, std::max(live.authorised_until, now + limits::kReplyTimeout));
      doors_.request_reading(compartment, now);
      return;
    case Phase::kReading:
      // The board is silent: nobody can say where the door is.
      if (live.reply == AttemptOutcome::kNotSent || live.reply == AttemptOutcome::kRefused) {
        give_up(slot, now);
      } else {
        uncertain(slot, now);
      }
      return;
    case Phase::kSpacing: {
      if (doors_.state(compartment) != drivers::DoorState::kShut || now > live.authorised_until ||
          live.elsewhere != 0 || power_.supply() == hal::Supply::kFailing) {
        give_up(slot, now);
        return;
      }
      auto intent = pending(slot).intent;
      ++intent.attempt;
      intent.uptime_ms = recorder_.uptime_ms();
      if (recorder_.append(intent) != Status::kOk) {
        give_up(slot, now);
        return;
      }
      attempt(slot, now);
      return;
    }
    case Phase::kOpen:
      left_open(slot);
      return;
    case Phase::kAskingItem:
      finish(slot, now);  // It says nothing: as if there were none.
      return;
    case Phase::kRecovering:
      enter(slot, Phase::kRecovering, Instant::max());  // If no board answers yet, its first reading goes on from here.
      resolve(slot, now);
      return;
    case Phase::kShutAgain:
      finish(slot, now);
      return;
    case Phase::kEnding:
      give_up(slot, now);
      return;
    case Phase::kNone:
    case Phase::kUnlocking:
    case Phase::kLeftOpen:
      return;
  }
}

void Openings::find_next_deadline() {
  next_deadline_ = Instant::max();
  for (const auto& live : live_) {
    if (live.phase != Phase::kNone) {
      next_deadline_ = std::min(next_deadline_, live.deadline);
    }
  }
}

void Openings::enter(std::size_t slot, Phase phase, Instant deadline) {
  live_[slot].phase = phase;
  live_[slot].deadline = deadline;
  find_next_deadline();
}

/// The slot is free in the state already.
void Openings::end(std::size_t slot, std::uint8_t compartment) {
  live_[slot] = {};
  find_next_deadline();
  stop_expecting(compartment);
}

void Openings::stop_expecting(std::uint8_t compartment) {
  if (moving_ == compartment) {
    moving_ = 0;
    doors_.expect_movement(0);
  }
}

/// Full only if nobody listens; then nobody misses it.
void Openings::tell(const OpeningNews& news) {
  (void)news_.push_back(news);
}

std::optional<OpeningNews> Openings::next_news() {
  if (news_taken_ == news_.size()) {
    news_.clear();
    news_taken_ = 0;
    return std::nullopt;
  }
  return news_[news_taken_++];
}

}  // namespace cubby::core

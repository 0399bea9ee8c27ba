#include "firmware/core/controller.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace cubby::core {
namespace {
constexpr Duration kPanelRetry = Duration::milliseconds(10);
constexpr Duration kUntoldRetry = Duration::minutes(1);
constexpr std::uint64_t kClockToleranceMs = 2'000;
}  // namespace

Controller::Controller(const hal::Hardware& hardware)
    : hardware_(hardware),
      journal_(hardware.flash),
      recorder_(journal_, hardware.clock, hardware.trace),
      outbox_(journal_),
      uplink_(hardware.link, outbox_, hardware.random, *this, hardware.trace),
      doors_(hardware.bus),
      panel_(hardware.panel),
      openings_(recorder_, doors_, hardware.power),
      door_watch_(recorder_),
      door_alarm_(doors_, panel_),
      reservations_({.recorder = recorder_, .allocator = allocator_, .doors = doors_}),
      actions_({.recorder = recorder_, .openings = openings_, .doors = doors_, .throttle = throttle_}),
      configuration_({.recorder = recorder_,
                      .allocator = allocator_,
                      .retention = retention_,
                      .uplink = uplink_,
                      .panel = panel_}),
      remote_({.recorder = recorder_,
               .openings = openings_,
               .doors = doors_,
               .codes = codes_,
               .actions = actions_,
               .reservations = reservations_,
               .configuration = configuration_}),
      flow_({.recorder = recorder_,
             .openings = openings_,
             .allocator = allocator_,
             .codes = codes_,
             .doors = doors_,
             .panel = panel_,
             .keys = hardware.keys,
             .throttle = throttle_,
             .actions = actions_}) {}

Wake Controller::tick(Instant now) {
  hardware_.watchdog.feed();
  if (boot_at_.has_value() && now >= *boot_at_) {
    boot_at_.reset();
    (void)start(now);  // running() says what became of it.
  }
  if (!running_) {
    return safe_tick(now);
  }
  recorder_.set_now(now);
  if (hardware_.power.supply() == hal::Supply::kFailing) {
    openings_.on_supply_failing(now);
  }
  doors_.tick(now);
  take_door_events(now);
  openings_.tick(now);
  take_news(now);
  if (doors_.started()) {
    take_inputs(now);
  }
  flow_.tick(now);
  door_alarm_.tick(now);
  retention_.tick(recorder_, now);
  reservations_.tick(now);
  configuration_.tick();
  if (boot_untold_) {
    boot_untold_ = tell_boot() != Status::kOk;
  } else if (snapshot_wanted_ && configuration_.append_snapshot() == Status::kOk) {
    snapshot_wanted_ = false;
  }
  Wake wake;
  tend_journal(now, wake);
  wake.merge(uplink_.tick(now));
  if (!remote_.idle() && doors_.started() && !boot_untold_) {
    remote_.tick(now);
    uplink_.flush();  // Somebody waits for the result.
    wake.merge(uplink_.tick(now));
  }
  refresh_indexes();
  recorder_.checkpoint_if_due();
  if (untold()) {
    wake.need(now + kUntoldRetry);
  }

  wake.merge(doors_.wake(now));
  wake.need(openings_.deadline());
  wake.need(flow_.deadline());
  if (doors_.started() && !boot_untold_) {
    wake.need(remote_.deadline());  // Before, orders wait for the boards, which wake on their own.
  }
  wake.need(door_alarm_.deadline());
  wake.need(retention_.deadline(recorder_));
  wake.need(reservations_.deadline());
  if (!panel_.flush()) {
    wake.need(now + kPanelRetry);
  }
  return wake;
}

void Controller::take_door_events(Instant now) {
  using Kind = drivers::DoorEvent::Kind;
  while (const auto event = doors_.next_event()) {
    switch (event->kind) {
      case Kind::kStarted:
        openings_.recover(now);
        for (std::size_t number = 1; number <= doors_.door_count(); ++number) {
          compare_item(static_cast<std::uint8_t>(number));
        }
        break;
      case Kind::kDoor:
        if (!doors_.started()) {
          break;  // recover() looks at all doors.
        }
        if (openings_.on_door(event->compartment, event->state, now)) {
          break;
        }
        if (event->state == drivers::DoorState::kOpen) {
          openings_.on_foreign_door(event->compartment);
        }
        if (door_watch_.on_door(event->compartment, event->state, now)) {
          door_alarm_.begin(event->compartment, now);
          uplink_.flush();
        }
        compare_item(event->compartment);
        break;
      case Kind::kItem:
        compare_item(event->compartment);
        break;
      case Kind::kUnlock:
        openings_.on_unlock(event->compartment, event->exchange, now);
        break;
      case Kind::kFreshReading:
        openings_.on_fresh_reading(event->compartment, now);
        break;
      case Kind::kFreshItem:
        openings_.on_fresh_item(event->compartment, event->item, now);
        break;
      case Kind::kBoardSilent:
        door_watch_.on_board_silent(event->board);
        break;
      case Kind::kBoardAnswered:
        door_watch_.on_board_answered(event->board, event->silent_for);
        openings_.on_board_answered(event->board, now);
        break;
    }
  }
}

void Controller::take_news(Instant now) {
  while (const auto news = openings_.next_news()) {
    refresh_indexes();
    flow_.on_news(*news, now);
    remote_.on_news(*news);
    if (news->kind == OpeningNews::Kind::kLeftOpen) {
      door_alarm_.begin(news->compartment, now);
      uplink_.flush();
    }
  }
}

void Controller::take_inputs(Instant now) {
  while (const auto input = panel_.next_input()) {
    refresh_indexes();
    flow_.on_input(*input, now);
    take_news(now);
  }
}

/// Brings what is derived from the state up to date: vacancy, codes, terms.
void Controller::refresh_indexes() {
  if (!any(recorder_.state().changed())) {
    return;
  }
  const auto changed = recorder_.state().take_changed();
  for (std::size_t word = 0; word < changed.size(); ++word) {
    for (auto bits = changed[word]; bits != 0; bits &= bits - 1) {
      const auto number = static_cast<std::uint8_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)) + 1);
      const auto& compartment = recorder_.state().compartment(number);
      allocator_.refresh(number, recorder_.state());
      retention_.refresh(number, compartment);
      const bool dead = compartment.parcel.counter == 0 || compartment.parcel.code_dead;
      if (dead) {
        codes_.remove(number);
      } else if (compartment.state == CompartmentState::kOccupied || compartment.state == CompartmentState::kDisputed) {
        put_code(number, compartment.parcel);
      }
      compare_item(number);
    }
  }
}

/// A code whose key was taken away opens nothing: the parcel's courier can, and a code that is issued again.
void Controller::put_code(std::uint8_t number, const Parcel& parcel) {
  if (parcel.key_version == codes_.key_version()) {
    codes_.put(number, parcel.code_counter, parcel.second);
    return;
  }
  const auto older = hardware_.keys.station_key(parcel.key_version);
  if (older.ok()) {
    codes_.put(number, older.value(), parcel.code_counter, parcel.second);
  } else {
    codes_.remove(number);
  }
}

void Controller::compare_item(std::uint8_t number) {
  if (doors_.started() && number <= doors_.door_count()) {
    door_watch_.compare(number, doors_.state(number), doors_.item(number));
  }
}

// The centre's time was true somewhere within the round trip: a clock that differs by no more is left alone.
void Controller::on_centre_time(std::uint64_t utc_ms, Duration round_trip) {
  const auto own = hardware_.clock.utc_ms();
  const auto difference = own.has_value() ? std::max(*own, utc_ms) - std::min(*own, utc_ms) : UINT64_MAX;
  if (difference > kClockToleranceMs + static_cast<std::uint64_t>(round_trip.ms())) {
    hardware_.clock.set_utc_ms(utc_ms);
  }
}

/// Doors stay locked; a person at the panel is told.
Wake Controller::safe_tick(Instant now) {
  while (panel_.next_input().has_value()) {
    panel_.show(drivers::Screen::kOutOfService);
  }
  Wake wake;
  wake.need(boot_at_.value_or(Instant::max()));
  if (!panel_.flush()) {
    wake.need(now + kPanelRetry);
  }
  return wake;
}

}  // namespace cubby::core

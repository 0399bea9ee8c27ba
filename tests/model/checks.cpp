// What must hold after each step.
#include <algorithm>

#include "model/player.h"

namespace cubby::model {
namespace {

constexpr std::int64_t kAuthorisationMs = 10'000;
constexpr std::int64_t kOnTheBusMs = 300;  // From the frame to the coil, behind other frames.
constexpr int kAttemptsMax = 3;
constexpr std::size_t kDoorsPerBoard = 8;

std::string with(const char* event, unsigned door) {
  return std::string(event) + " " + std::to_string(door);
}

/// Empty: not about anything that the reference knows.
std::string name_of(const cubby_v1_Event& event) {
  const auto& body = event.body;
  switch (event.which_body) {
    case cubby_v1_Event_deposited_tag:
      return with("deposited", body.deposited.compartment);
    case cubby_v1_Event_dropped_off_tag:
      return with("dropped_off", body.dropped_off.compartment);
    case cubby_v1_Event_deposit_cancelled_tag:
      return with("deposit_cancelled", body.deposit_cancelled.compartment);
    case cubby_v1_Event_collected_tag:
      return with("collected", body.collected.compartment);
    case cubby_v1_Event_refused_tag:
      return with("refused", body.refused.compartment);
    case cubby_v1_Event_recalled_tag:
      return with("recalled", body.recalled.compartment);
    case cubby_v1_Event_dispatched_tag:
      return with("dispatched", body.dispatched.compartment);
    case cubby_v1_Event_overdue_tag:
      return with("overdue", body.overdue.compartment);
    case cubby_v1_Event_open_failed_tag:
      return with("open_failed", body.open_failed.compartment);
    case cubby_v1_Event_out_of_service_tag:
      return with("out_of_service", body.out_of_service.compartment);
    case cubby_v1_Event_in_service_tag:
      return with("in_service", body.in_service.compartment);
    case cubby_v1_Event_custody_uncertain_tag:
      return with("custody_uncertain", body.custody_uncertain.compartment);
    case cubby_v1_Event_custody_settled_tag:
      return with("custody_settled", body.custody_settled.compartment);
    case cubby_v1_Event_door_forced_tag:
      return with("door_forced", body.door_forced.compartment);
    case cubby_v1_Event_door_left_open_tag:
      return with("door_left_open", body.door_left_open.compartment);
    case cubby_v1_Event_door_shut_late_tag:
      return with("door_shut_late", body.door_shut_late.compartment);
    case cubby_v1_Event_turned_away_tag:
      return with("turned_away", body.turned_away.reason);
    case cubby_v1_Event_code_rejected_tag:
      return "code_rejected";
    case cubby_v1_Event_technician_came_tag:
      return "technician_came";
    case cubby_v1_Event_serviced_tag:
      return with("serviced", body.serviced.compartment);
    case cubby_v1_Event_extended_tag:
      return with("extended", body.extended.compartment);
    case cubby_v1_Event_code_reissued_tag:
      return with("code_reissued", body.code_reissued.compartment);
    case cubby_v1_Event_door_reserved_tag:
      return with("door_reserved", body.door_reserved.compartment);
    case cubby_v1_Event_reservation_ended_tag:
      return with("reservation_ended", body.reservation_ended.compartment);
    case cubby_v1_Event_command_result_tag:
      switch (body.command_result.outcome) {
        case cubby_v1_CommandOutcome_COMMAND_OUTCOME_DONE:
          return "command done";
        case cubby_v1_CommandOutcome_COMMAND_OUTCOME_REFUSED:
          return "command refused";
        case cubby_v1_CommandOutcome_COMMAND_OUTCOME_FAILED:
          return "command failed";
        default:
          return "command otherwise";
      }
    default:
      return {};
  }
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    text += (text.empty() ? "" : ", ") + line;
  }
  return text.empty() ? "nothing" : text;
}

}  // namespace

const core::Compartment& Player::compartment(unsigned door) const {
  return world_.controller().state().compartment(static_cast<std::uint8_t>(door));
}

Belief Player::belief_of(unsigned door) const {
  return static_cast<Belief>(compartment(door).state);
}

/// Of the parcel that the station believes to be, or to have been, behind the door; empty: none.
std::string Player::number_behind(unsigned door) const {
  const std::uint64_t counter = compartment(door).parcel.counter;
  std::string number;
  for (const cubby_v1_Event& event : world_.events()) {
    if (event.which_body == cubby_v1_Event_deposited_tag && event.body.deposited.counter == counter) {
      number = event.body.deposited.parcel;
    } else if (event.which_body == cubby_v1_Event_dropped_off_tag && event.body.dropped_off.counter == counter) {
      number = event.body.dropped_off.parcel;
    }
  }
  return counter == 0 ? "" : number;
}

/// By name, since the step began.
std::vector<std::string> Player::journalled() const {
  std::vector<std::string> names;
  for (std::size_t i = events_before_; i < world_.events().size(); ++i) {
    if (std::string name = name_of(world_.events()[i]); !name.empty()) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

void Player::count(Tally& tally) const {
  for (const cubby_v1_Event& event : world_.events()) {
    const std::string name = name_of(event);
    ++tally[name.empty() ? "others" : name.substr(0, name.find_first_of(' '))];
  }
  tally["pulses"] += world_.bus().unlocks().size();
}

/// Nothing came between: station and reference agree in everything.
void Player::compare() {
  std::vector<std::string> events = journalled();
  std::vector<std::string> expected = expected_;
  std::sort(events.begin(), events.end());
  std::sort(expected.begin(), expected.end());
  require(events == expected, "S12: journalled: " + joined(events) + "; and not: " + joined(expected));
  for (unsigned number = 1; number <= model_.doors(); ++number) {
    compare_door(number);
  }
  require(world_.controller().state().failures() == model_.failures,
          "the station counts " + std::to_string(world_.controller().state().failures()) +
              " wrong codes in a row and not " + std::to_string(model_.failures));
  require(world_.controller().state().repairs() == 0, "the journal tells a story that the table does not allow");
}

void Player::compare_door(unsigned number) {
  const Door& door = model_.door(number);
  const std::string where = "door " + std::to_string(number);
  require(belief_of(number) == door.belief,
          "S1: " + where + " is " + to_string(belief_of(number)) + " and not " + to_string(door.belief));
  const std::string behind = number_behind(number);
  const std::string booked = door.booked.has_value() ? door.booked->number : "";
  require(behind == booked, "S1: " + where + " holds '" + behind + "' and not '" + booked + "'");
  require(compartment(number).wear == door.wear, where + " was pulsed " + std::to_string(compartment(number).wear) +
                                                     " times and not " + std::to_string(door.wear));
  if (door.booked.has_value() && !door.booked->code.empty()) {
    require(world_.code_of(number) == door.booked->code, "S3: the code of " + where + " has changed");
    require(compartment(number).parcel.code_dead == door.booked->code_dead,
            "S3: the code of " + where + " lives or died");
  }
}

/// After a cut the station's belief is taken over, if it is one of those that are right.
void Player::adopt() {
  std::vector<std::string> events = journalled();
  for (unsigned number = 1; number <= model_.doors(); ++number) {
    adopt_door(number);
  }
  for (const unsigned number : opened_) {
    const std::string ending = " " + std::to_string(number);
    require(
        std::any_of(events.begin(), events.end(), [&](const std::string& event) { return event.ends_with(ending); }),
        "S12: door " + std::to_string(number) + " was open, and no event says anything about it");
  }
  const std::uint32_t failures = world_.controller().state().failures();
  require(failures == 0 || (failures >= failures_before_ && failures <= failures_before_ + 4),
          "the count of wrong codes fell from " + std::to_string(failures_before_) + " to " + std::to_string(failures));
  require(failures >= model_.failures || failures == 0, "a verdict was shown before it was counted");
  model_.failures = failures;
  model_.locked_until_ms = world_.booted_at().ms() + Reference::lockout_ms(failures);
}

bool Player::was_uncertain(unsigned door) const {
  const std::vector<std::string> events = journalled();
  return std::any_of(events.begin(), events.end(), [&](const std::string& event) {
    const bool by_its_sensor =
        has_sensor(door) &&
        (event == with("deposited", door) || event == with("dropped_off", door) || event == with("collected", door));
    return by_its_sensor || event == with("custody_uncertain", door) || event == with("serviced", door);
  });
}

void Player::adopt_door(unsigned number) {
  Door& door = model_.door(number);
  const Door& before = before_.door(number);
  const std::string where = "door " + std::to_string(number);
  const Belief belief = belief_of(number);
  if (meant_.count(number) == 0 && opened_.count(number) == 0) {
    require(belief == before.belief, "S1: a power cut made of " + where + " " + to_string(belief));
  }
  if (belief == Belief::kDisputed && before.belief != Belief::kDisputed) {
    require(was_uncertain(number), "S12: " + where + " is in doubt, and no event says so");
  }
  door.wear = compartment(number).wear;
  require(door.wear >= before.wear, where + " forgets pulses");
  const std::string behind = number_behind(number);
  if (behind.empty()) {
    door.booked.reset();
  } else if (before.booked.has_value() && before.booked->number == behind) {
    door.booked = before.booked;
  } else {
    require(behind == parcel_.number, "S1: " + where + " holds " + behind);
    door.booked = parcel_;
    door.booked->due_ms = powered_before_ms_ + Reference::retention_ms(parcel_.carrier);
  }
  if (door.booked.has_value()) {
    door.booked->due_exactly = false;
    door.booked->code_dead = compartment(number).parcel.code_dead;
    require(!before.booked.has_value() || !before.booked->code_dead || door.booked->number != before.booked->number ||
                door.booked->code_dead,
            "S3: a dead code lives again at " + where);
    if (!compartment(number).parcel.from_sender) {
      door.booked->code = world_.code_of(number);
      learn_code(*door.booked);
    }
  }
  door.belief = belief;
  if (belief != Belief::kReserved) {
    door.kept_for.clear();
    door.kept_for_parcel.clear();
  } else if (before.belief == Belief::kReserved) {
    door.kept_for = before.kept_for;
    door.kept_for_parcel = before.kept_for_parcel;
    door.kept_until_ms = before.kept_until_ms;
  }
}

/// S1: what is believed is true, or is said to be in doubt.
void Player::check_invariants() {
  for (unsigned number = 1; number <= model_.doors(); ++number) {
    const Door& door = model_.door(number);
    const std::string where = "S1: door " + std::to_string(number);
    switch (belief_of(number)) {
      case Belief::kVacant:
      case Belief::kReserved:
      case Belief::kOutOfService:
        require(door.inside.empty(), where + " is believed empty, and " + door.inside + " is inside");
        break;
      case Belief::kOccupied:
      case Belief::kOverdue:
        require(door.inside == number_behind(number),
                where + " is believed to hold '" + number_behind(number) + "', and inside is '" + door.inside + "'");
        break;
      case Belief::kDisputed:
        break;
      default:
        require(false, where + " is still between two states");
    }
  }
  check_unlocks();
}

/// S2: each pulse has an authorisation of this boot for this door, at most 10 s old, with at most 3 attempts.
void Player::check_unlocks() {
  const auto unlocks = world_.bus().unlocks();
  const auto& transitions = world_.transitions();
  for (; unlocks_seen_ < unlocks.size(); ++unlocks_seen_) {
    const auto& frame = unlocks[unlocks_seen_];
    const auto board = std::to_integer<unsigned>(frame.bytes[0]);
    const auto channel = std::to_integer<unsigned>(frame.bytes[3]);
    const auto door = static_cast<unsigned>((board - 1) * kDoorsPerBoard + channel + 1);
    for (; transitions_seen_ < transitions.size() && transitions[transitions_seen_].at <= frame.at;
         ++transitions_seen_) {
      const auto& step = transitions[transitions_seen_];
      if (step.to == core::CompartmentState::kOpening || step.to == core::CompartmentState::kCollecting) {
        authorised_[step.door] = {.at = step.at};
      } else {
        authorised_.erase(step.door);
      }
    }
    const std::string what =
        "S2: door " + std::to_string(door) + " is pulsed at " + std::to_string(frame.at.ms()) + " ms ";
    const auto found = authorised_.find(door);
    require(found != authorised_.end(), what + "without an authorisation");
    require(found->second.at >= world_.booted_at() || frame.at < world_.booted_at(),
            what + "with one from before a reset");
    require((frame.at - found->second.at).ms() <= kAuthorisationMs + kOnTheBusMs, what + "with one that is too old");
    require(++found->second.attempts <= kAttemptsMax, what + "once more than allowed");
  }
}

}  // namespace cubby::model

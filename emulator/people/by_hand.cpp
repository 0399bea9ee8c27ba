// Somebody at the panel whose every key, scan and move of a door comes from outside. What is theirs to say
// about a door goes into the ledger, as with everybody else.
#include <algorithm>

#include "emulator/people/people.h"

namespace cubby::emulator {
namespace {

constexpr Duration kRests = Duration::seconds(5);
constexpr std::uint64_t kTicket = UINT64_MAX;  // Of their parcels; no errand has it.

}  // namespace

bool People::hand_comes() {
  if (at_panel_.role == Role::kHand) {
    if (at_panel_.step == Step::kWaitReady) {
      return false;  // On the way.
    }
    at_panel_.step = Step::kWaitVerdict;
    hand_.rests = false;
    wait_for_panel();
    return true;
  }
  const bool in_queue =
      std::any_of(queue_.begin(), queue_.end(), [](const Visitor& visitor) { return visitor.role == Role::kHand; });
  if (!in_queue) {
    Visitor visitor;
    visitor.role = Role::kHand;
    enqueue(visitor);
  }
  if (at_panel_.role != Role::kHand) {
    return false;
  }
  begin_visit();  // Nobody was there.
  hand_.rests = false;
  return true;
}

void People::hand_presses(char key) {
  hand_.awaits_answer = false;
  if (hand_.door != 0) {
    DoorUse& use = uses_[hand_.door - 1U];
    const bool deposit = puts_in(use.purpose) && (key == '*' || kSizeKeys.find(key) != std::string_view::npos);
    const bool refusal = use.purpose == Errand::kCollect && key == 'N';
    if (use.by_hand && use.called_off == CalledOff::kNo && (deposit || refusal)) {
      use.called_off = CalledOff::kPressed;
      hand_.awaits_answer = true;
    }
  }
  const auto message = static_cast<PanelMessage>(at_panel_.message);
  if (key == 'R' && message != PanelMessage::kChooseSize && message != PanelMessage::kOpening) {
    hand_.purpose = Errand::kRecall;
  }
  premises_.press(key);
}

void People::hand_scans(std::string_view text) {
  hand_.awaits_answer = false;
  // A pass, a code, a recipient's token: no parcel's number.
  const bool one_of_ours = text.starts_with("CB1.") || text.starts_with("CBQ1.") || text.starts_with("CBR1.");
  if (!one_of_ours) {
    hand_.parcel.assign(text);
  }
  premises_.scan(text);
}

void People::hand_shows_pass(char role, std::string_view holder) {
  hand_.awaits_answer = false;
  scan_pass_of(role, holder);
}

// Who finds the panel at rest steps up soon.
void People::hand_gives_way() {
  if (hand_.rests && !queue_.empty() && at_panel_.step == Step::kWaitVerdict) {
    after(kRests, Step::kHandRests);
  }
}

void People::hand_reads(PanelMessage message, std::uint8_t compartment) {
  hand_.rests = message == PanelMessage::kIdle;
  if (!hand_.rests && at_panel_.step == Step::kHandRests) {
    at_panel_.step = Step::kWaitVerdict;
    wait_for_panel();
  }
  switch (message) {
    case PanelMessage::kIdle:
      hand_.purpose = Errand::kCollect;
      hand_gives_way();
      return;
    case PanelMessage::kChooseSize:
      hand_.purpose = sender_session_ ? Errand::kDropOff : Errand::kDeposit;
      return;
    case PanelMessage::kServiceMenu:
      hand_.purpose = Errand::kService;
      return;
    case PanelMessage::kOpening:
      if (hand_.purpose == Errand::kRecall) {
        hand_.purpose = Errand::kCollect;  // A recall opens without a word: the key was pressed at the wrong time.
      }
      return;
    case PanelMessage::kPutIn:
      hand_learns(compartment, sender_session_ ? Errand::kDropOff : Errand::kDeposit);
      return;
    case PanelMessage::kTakeOut:
      hand_learns(compartment, Errand::kCollect);
      return;
    case PanelMessage::kRecallOpen:
      hand_learns(compartment, Errand::kRecall);
      return;
    case PanelMessage::kLookInside:
      hand_learns(compartment, Errand::kService);
      return;
    case PanelMessage::kPleaseShut:
      // Later it would be about a door that was left open.
      if (hand_.awaits_answer && hand_.door == compartment) {
        uses_[compartment - 1U].called_off = CalledOff::kHeard;
        hand_.awaits_answer = false;
      }
      return;
    default:
      return;
  }
}

// The panel's word is better than a guess from keys; without power the guess has to do.
void People::hand_learns(std::uint8_t compartment, Errand purpose) {
  if (DoorUse& use = uses_[compartment - 1U]; use.by_hand) {
    use.purpose = purpose;
  }
}

void People::hand_opens(std::uint8_t door) {
  uses_[door] = {};
  uses_[door].purpose = hand_.purpose;
  uses_[door].by_hand = true;
  hand_.door = static_cast<std::uint8_t>(door + 1);
}

bool People::hand_shuts(std::uint8_t door) {
  const DoorUse use = uses_[door];
  if (use.purpose != Errand::kNone && !use.by_hand) {
    return false;
  }
  uses_[door] = {};
  premises_.shut(door);
  premises_.trace(std::uint64_t{door} << 8 | static_cast<std::uint64_t>(use.purpose));
  if (use.called_off != CalledOff::kNo) {
    end_called_off(door, use);
  } else if (puts_in(use.purpose)) {
    book_in(door, use.purpose);
  } else if (use.purpose == Errand::kCollect || use.purpose == Errand::kRecall) {
    ++ledger_[door].observable[index_of(taken_as(use.purpose, sent_[door] != 0))];
  }
  return true;
}

Status People::hand_puts(std::uint8_t door) {
  if (!uses_[door].by_hand) {
    return Status::kBusy;
  }
  if (in_door_[door] != kNoParcel) {
    return Status::kWrongState;
  }
  const std::uint32_t index = new_parcel({}, 1, hand_.parcel.view());
  Parcel& parcel = parcels_[index];
  parcel.state = ParcelState::kStored;
  parcel.door = static_cast<std::uint8_t>(door + 1);
  parcel.stored_at = premises_.now();
  parcel.somebody_comes = false;
  parcel.ticket = kTicket;
  parcel.from_sender = uses_[door].purpose == Errand::kDropOff;
  in_door_[door] = index;
  premises_.item_moved(door, true);
  ++ledger_[door].truth[index_of(parcel.from_sender ? Use::kDropOff : Use::kDeposit)];
  return Status::kOk;
}

Status People::hand_takes(std::uint8_t door) {
  if (!uses_[door].by_hand) {
    return Status::kBusy;
  }
  const std::uint32_t index = in_door_[door];
  if (index == kNoParcel) {
    return Status::kNotFound;
  }
  ++ledger_[door].truth[index_of(taken_as(uses_[door].purpose, parcels_[index].from_sender))];
  in_door_[door] = kNoParcel;
  premises_.item_moved(door, false);
  drop_parcel(index);
  return Status::kOk;
}

std::vector<People::Told> People::told_by_hand() const {
  std::vector<Told> told;
  for (const Parcel& parcel : parcels_) {
    if (parcel.ticket == kTicket && parcel.state == ParcelState::kStored && parcel.told) {
      told.push_back({.compartment = parcel.door, .code = parcel.code, .second = second_of(parcel)});
    }
  }
  return told;
}

}  // namespace cubby::emulator

// One person at a time at the panel: what they press, what they read, when they lose patience.
#include <algorithm>

#include "emulator/people/demand.h"
#include "emulator/people/distributions.h"
#include "emulator/people/people.h"
#include "firmware/base/pass.h"

namespace cubby::emulator {
namespace {

constexpr Duration kPatience = Duration::seconds(120);  // Without anything new on the display.
constexpr std::uint64_t kCourierShiftS = 12 * 3'600;
constexpr Duration kReadPrompt = Duration::milliseconds(1500);
constexpr Duration kRetypeAfter = Duration::seconds(4);
constexpr Duration kLookAgain = Duration::seconds(1);
constexpr Duration kComeBackAfterJam = Duration::minutes(30);
constexpr Duration kComeBackAfterFault = Duration::hours(1);
constexpr std::uint32_t kHardStop = UINT32_MAX;

}  // namespace

void People::enqueue(const Visitor& visitor) {
  queue_.push_back(visitor);
  if (at_panel_.role == Role::kNobody) {
    next_visitor();
  } else if (at_panel_.role == Role::kHand) {
    hand_gives_way();
  }
}

void People::next_visitor() {
  if (queue_.empty()) {
    return;
  }
  at_panel_ = queue_.front();
  queue_.erase(queue_.begin());
  ++visit_;
  at_panel_.step = Step::kWaitReady;
  after(kStepUp, Step::kWaitReady);
}

void People::leave() {
  if (ErrandResult* errand = open_result(at_panel_.ticket)) {
    errand->done = true;
    errand->parcels = at_panel_.taken;
    errand->message = at_panel_.message;
    errand->number = at_panel_.number;
    errand->shown_door = at_panel_.shown_door;
  }
  const bool carried =
      carries() && at_panel_.parcel != kNoParcel && parcels_[at_panel_.parcel].state == ParcelState::kCarried;
  bool stays = false;
  if (at_panel_.door != 0) {
    DoorUse& use = uses_[at_panel_.door - 1U];
    if (use.purpose != Errand::kNone && at_panel_.key_at_door != 0 && use.called_off == CalledOff::kNo) {
      use.called_off = CalledOff::kInTheDark;
    }
    stays = puts_in(use.purpose) && use.called_off == CalledOff::kNo;
  }
  if (carried && !stays) {
    drop_parcel(at_panel_.parcel);  // Goes back to the depot with its courier.
  }
  at_panel_ = Visitor{};
  ++visit_;
  premises_.forget_alarm();
  next_visitor();
}

void People::wait_for_panel() {
  lose_patience_in(kPatience);
}

// Each step of a visit voids the deadline of the one before it.
void People::lose_patience_in(Duration wait) {
  ++step_;
  premises_.set_alarm(premises_.now() + wait, static_cast<std::uint8_t>(PeopleTimer::kGiveUp),
                      visit_ << 16 | (step_ & 0xFFFF));
}

void People::after(Duration wait, Step step) {
  at_panel_.step = step;
  ++step_;
  premises_.schedule(premises_.now() + wait, static_cast<std::uint8_t>(PeopleTimer::kStep), 0,
                     visit_ << 16 | (step_ & 0xFFFF));
}

void People::scan_pass(char role) {
  scan_pass_of(role, at_panel_.carrier.view());
  at_panel_.step = Step::kWaitReady;
  wait_for_panel();
}

void People::scan_pass_of(char role, std::string_view holder) {
  std::array<char, kPassTextMax> text{};
  const auto utc_s = static_cast<std::uint64_t>(options_.start_utc_ms / 1000 + premises_.now().us / 1'000'000);
  Pass pass;
  pass.role = role;
  pass.holder.assign(holder);
  pass.issued_utc_s = utc_s;
  pass.expiry_utc_s = utc_s + (role == Pass::kTechnician ? limits::kTechnicianPassLifeS : kCourierShiftS);
  pass.serial = ++passes_;
  const std::size_t size = make_pass(options_.pass_key, pass, options_.station, text);
  premises_.scan({text.data(), size});
}

void People::begin_visit() {
  switch (at_panel_.role) {
    case Role::kCourier:
      scan_pass(Pass::kCourier);
      return;
    case Role::kSender:
      scan_pass(Pass::kSender);
      return;
    case Role::kTechnician:
      scan_pass(Pass::kTechnician);
      return;
    case Role::kHand:
      at_panel_.step = Step::kWaitVerdict;
      wait_for_panel();
      return;
    case Role::kRecipient:
    case Role::kCollector:
    case Role::kNobody:
      type_code();
      return;
  }
}

// Types the next keys; at a question the technician looks.
void People::technician_reads(PanelMessage message, std::uint8_t compartment) {
  switch (message) {
    case PanelMessage::kServiceMenu:
      after(kReadPrompt, at_panel_.keys.empty() ? Step::kLeave : Step::kService);
      return;
    case PanelMessage::kDoorNumber:
      at_panel_.keys.assign(at_panel_.code.view());
      after(kReadPrompt, Step::kService);
      return;
    case PanelMessage::kAuditItem:
      at_panel_.keys.assign(at_panel_.door == compartment ? "5" : "#");  // What opens and shuts may serve again.
      after(kReadPrompt, Step::kService);
      return;
    case PanelMessage::kOpening:
      at_panel_.step = Step::kWaitDoor;
      wait_for_panel();
      return;
    case PanelMessage::kInside:
      at_panel_.keys.assign(in_door_[compartment - 1U] != kNoParcel ? "1" : "0");
      after(kReadPrompt, Step::kService);
      return;
    case PanelMessage::kWrongPass:
    case PanelMessage::kOutOfService:
    case PanelMessage::kIdle:
      if (message != PanelMessage::kIdle || at_panel_.step != Step::kWaitReady) {
        leave();
      }
      return;
    default:
      return;
  }
}

void People::type_code() {
  if (at_panel_.role == Role::kRecipient) {
    // In the queue the courier may have been faster.
    const Parcel& parcel = parcels_[at_panel_.parcel];
    if (parcel.state != ParcelState::kStored || parcel.code.text() != at_panel_.code.view()) {
      leave();
      return;
    }
  }
  const std::string_view code = at_panel_.code.view();
  at_panel_.step = Step::kWaitDoor;
  if (at_panel_.scans) {
    const std::string second = at_panel_.second.empty() ? "" : "." + std::string(at_panel_.second.view());
    premises_.scan("CBQ1." + options_.station + "." + std::string(code) + second);
    wait_for_panel();
    return;
  }
  for (std::size_t i = 0; i < code.size(); ++i) {
    const bool wrong = at_panel_.mistypes && i == code.size() / 2;
    premises_.press(wrong ? static_cast<char>('0' + (code[i] - '0' + 1) % 10) : code[i]);
  }
  premises_.press('#');
  wait_for_panel();
}

void People::begin_parcel() {
  at_panel_.parcel_started = premises_.now();
  if (at_panel_.parcel == kNoParcel) {
    at_panel_.parcel = draw_parcel(at_panel_.carrier.view());
  }
  premises_.scan(parcels_[at_panel_.parcel].number.view());
  at_panel_.step = Step::kWaitPrompt;
  wait_for_panel();
}

// After a parcel: the next one, then the overdue ones, then good-bye.
void People::next_parcel() {
  at_panel_.door = 0;
  if (at_panel_.parcels_left > 0) {
    --at_panel_.parcels_left;
  }
  if (at_panel_.parcels_left > 0) {
    const Duration spacing =
        seconds(profile_.spacing_min_s + (profile_.spacing_max_s - profile_.spacing_min_s) * uniform(behaviour_));
    const Instant next = std::max(at_panel_.parcel_started + spacing, premises_.now() + Duration::seconds(3));
    after(next - premises_.now(), Step::kNextParcel);
    return;
  }
  if (at_panel_.recalls) {
    at_panel_.recalls = false;
    after(kReadPrompt, Step::kRecall);
    return;
  }
  after(kReadPrompt, Step::kLeave);
}

void People::do_step() {
  switch (at_panel_.step) {
    case Step::kWaitReady:
      begin_visit();
      return;
    case Step::kNextParcel:
      begin_parcel();
      return;
    case Step::kAnswerPrompt: {
      premises_.press(kSizeKeys[parcels_[at_panel_.parcel].size - 1U]);
      at_panel_.step = Step::kWaitDoor;
      wait_for_panel();
      return;
    }
    case Step::kAnswerSecond:
      for (const char digit : at_panel_.second.view()) {
        premises_.press(digit);
      }
      premises_.press('#');
      at_panel_.step = Step::kWaitDoor;
      wait_for_panel();
      return;
    case Step::kRetype:
      at_panel_.mistypes = false;
      type_code();
      return;
    case Step::kRecall:
      premises_.press('R');
      wait_for_panel();
      return;
    case Step::kService:
      for (const char key : at_panel_.keys.view()) {
        premises_.press(key);
      }
      at_panel_.keys.clear();
      wait_for_panel();
      return;
    case Step::kHandRests:
      leave();
      return;
    case Step::kLeave:
      premises_.press('*');
      leave();
      return;
    case Step::kWaitPrompt:
    case Step::kWaitDoor:
    case Step::kDoorOpen:
    case Step::kWaitVerdict:
      return;
  }
}

void People::on_screen(PanelMessage message, std::uint8_t compartment, std::uint32_t number) {
  if (message == PanelMessage::kSenderReady) {
    sender_session_ = true;
  } else if (message == PanelMessage::kCourierReady || message == PanelMessage::kIdle) {
    sender_session_ = false;
  }
  if (at_panel_.role == Role::kNobody || (at_panel_.in_the_dark && at_panel_.door == 0)) {
    return;  // Nobody, or somebody who looks at the door.
  }
  if (message != PanelMessage::kIdle && message != PanelMessage::kServiceMenu) {
    at_panel_.message = static_cast<std::uint8_t>(message);
    at_panel_.number = number;
    at_panel_.shown_door = compartment;
  }
  if (message == PanelMessage::kPutIn || message == PanelMessage::kTakeOut || message == PanelMessage::kRecallOpen ||
      message == PanelMessage::kLookInside) {
    if (ErrandResult* errand = open_result(at_panel_.ticket)) {
      errand->compartment = compartment;
    }
  }
  if (at_panel_.role == Role::kHand) {
    hand_reads(message, compartment);
    return;
  }
  if (message == PanelMessage::kPleaseShut && at_panel_.door == compartment) {
    if (DoorUse& use = uses_[compartment - 1U]; use.called_off == CalledOff::kPressed) {
      use.called_off = CalledOff::kHeard;
      wait_for_panel();
      return;
    }
    leave();  // Walked away; the door is shut when somebody remembers.
    return;
  }
  if (carries()) {
    courier_reads(message);
  } else if (at_panel_.role == Role::kTechnician) {
    technician_reads(message, compartment);
  } else {
    recipient_reads(message);
  }
}

void People::courier_reads(PanelMessage message) {
  switch (message) {
    case PanelMessage::kCourierReady:
    case PanelMessage::kSenderReady:
      if (at_panel_.step == Step::kWaitReady) {
        if (at_panel_.parcels_left == 0) {
          next_parcel();
        } else {
          after(kReadPrompt, Step::kNextParcel);
        }
      }
      return;
    case PanelMessage::kChooseSize:
      if (at_panel_.step == Step::kWaitPrompt && !at_panel_.recipient.empty()) {
        premises_.scan("CBR1." + std::string(at_panel_.recipient.view()));
        at_panel_.recipient.clear();
        wait_for_panel();
      } else if (at_panel_.step == Step::kWaitPrompt && at_panel_.low_door) {
        premises_.press('W');
        at_panel_.low_door = false;
        wait_for_panel();
      } else if (at_panel_.step == Step::kWaitPrompt) {
        after(kReadPrompt, Step::kAnswerPrompt);
      }
      return;
    case PanelMessage::kStored:
      if (at_panel_.step == Step::kWaitVerdict) {
        next_parcel();
      }
      return;
    case PanelMessage::kTurnedAway:
      ++counters_.turned_away;
      if (at_panel_.parcel != kNoParcel && parcels_[at_panel_.parcel].state == ParcelState::kCarried) {
        drop_parcel(at_panel_.parcel);
        at_panel_.parcel = kNoParcel;
      }
      if (at_panel_.ticket != 0) {
        leave();
        return;
      }
      next_parcel();
      return;
    case PanelMessage::kDoubted:  // Shut all the same: on with the next, whoever settles this.
      if (at_panel_.step == Step::kWaitVerdict) {
        next_parcel();
        return;
      }
      [[fallthrough]];
    case PanelMessage::kRecalled:
      at_panel_.door = 0;
      wait_for_panel();
      return;
    case PanelMessage::kRecallDone:
      after(kReadPrompt, Step::kLeave);
      return;
    case PanelMessage::kWrongPass:
    case PanelMessage::kOutOfService:
    case PanelMessage::kCancelled:
      leave();
      return;
    case PanelMessage::kIdle:
      if (at_panel_.step != Step::kWaitReady) {
        leave();  // The session is over: the panel lost patience, or the station has just booted.
      }
      return;
    default:  // Not for couriers, or nothing to do.
      return;
  }
}

void People::recipient_reads(PanelMessage message) {
  const bool has_parcel = at_panel_.role == Role::kRecipient;
  const auto come_back = [&](Duration wait) {
    if (has_parcel) {
      premises_.schedule(premises_.now() + wait, static_cast<std::uint8_t>(PeopleTimer::kRecipientArrives), 0,
                         handle(at_panel_.parcel));
    }
    leave();
  };
  switch (message) {
    case PanelMessage::kWrongCode:
      ++counters_.wrong_codes;
      if (at_panel_.mistypes) {
        after(kRetypeAfter, Step::kRetype);
        return;
      }
      leave();  // The code is dead: too late.
      return;
    case PanelMessage::kSecondInput:
      after(kReadPrompt, at_panel_.second.empty() ? Step::kLeave : Step::kAnswerSecond);
      return;
    case PanelMessage::kLockedOut:
      come_back(at_panel_.number == kHardStop ? Duration::hours(24)
                                              : Duration::seconds(std::int64_t{at_panel_.number} + 60));
      return;
    case PanelMessage::kDoorFailed:
      at_panel_.door_failed = true;
      wait_for_panel();
      return;
    case PanelMessage::kOpening:  // The code may open more doors than one.
      at_panel_.door_failed = false;
      at_panel_.door = 0;
      at_panel_.step = Step::kWaitDoor;
      wait_for_panel();
      return;
    case PanelMessage::kOutOfService:
      come_back(kComeBackAfterFault);
      return;
    case PanelMessage::kIdle:
      if (at_panel_.door_failed) {
        come_back(kComeBackAfterJam);
      } else if (at_panel_.step == Step::kWaitVerdict) {
        leave();
      }
      return;
    case PanelMessage::kWrongStation:
      leave();
      return;
    default:  // Not for recipients, or nothing to do.
      return;
  }
}

// The display went dark. Whoever stands at an open door still finishes there. Whoever waits for one looks
// a moment longer: the bolt may have been let go already.
void People::on_power_cut() {
  if (at_panel_.role == Role::kNobody) {
    return;
  }
  const bool awaits_door = at_panel_.step == Step::kWaitDoor || at_panel_.step == Step::kRecall;
  if (awaits_door && !at_panel_.in_the_dark) {
    at_panel_.in_the_dark = true;
    lose_patience_in(kLookAgain);
    return;
  }
  leave_the_dark();
}

// Recipients who got nothing come back later.
void People::leave_the_dark() {
  if (at_panel_.role == Role::kRecipient && at_panel_.door == 0) {
    premises_.schedule(premises_.now() + kComeBackAfterFault, static_cast<std::uint8_t>(PeopleTimer::kRecipientArrives),
                       0, handle(at_panel_.parcel));
  }
  leave();
}

// Nothing is learnt if no such parcel is inside, or nobody was told its code yet.
void People::look_up_code(std::string_view number, Visitor& visitor) const {
  const auto found = std::find_if(parcels_.begin(), parcels_.end(), [&](const Parcel& parcel) {
    return parcel.state == ParcelState::kStored && parcel.told && parcel.number.view() == number;
  });
  if (found != parcels_.end()) {
    learn_code(*found, visitor);
  }
}

Notice People::notice_of(std::string_view number) const {
  Notice notice = Notice::kNone;
  for (const Parcel& parcel : parcels_) {
    const bool stored = parcel.state == ParcelState::kStored;
    if ((stored || parcel.state == ParcelState::kCarried) && parcel.number.view() == number) {
      notice = std::max(notice, stored && parcel.told ? Notice::kGiven : Notice::kDue);
    }
  }
  return notice;
}

void People::send(std::uint64_t ticket, const ErrandOrder& order) {
  ErrandResult errand;
  errand.ticket = ticket;
  results_.push_back(errand);
  Visitor visitor;
  visitor.ticket = ticket;
  switch (order.errand) {
    case Errand::kDeposit:
    case Errand::kDropOff:
      visitor.role = order.errand == Errand::kDeposit ? Role::kCourier : Role::kSender;
      visitor.parcels_left = 1;
      visitor.carrier = order.carrier;
      visitor.parcel = new_parcel(order.carrier.view(), order.size, order.parcel.view());
      visitor.key_at_door = order.key_at_door;
      visitor.recipient = order.recipient;
      visitor.low_door = order.low_door;
      parcels_[visitor.parcel].somebody_comes = false;
      parcels_[visitor.parcel].from_sender = order.errand == Errand::kDropOff;
      parcels_[visitor.parcel].ticket = ticket;
      break;
    case Errand::kRecall:
      visitor.role = Role::kCourier;
      visitor.recalls = true;
      visitor.carrier = order.carrier;
      break;
    case Errand::kCollect:
    case Errand::kRefuse:
      visitor.role = Role::kCollector;
      visitor.code = order.code;
      visitor.second = order.second;
      if (order.code.empty()) {
        look_up_code(order.parcel.view(), visitor);
      }
      visitor.scans = order.scans;
      visitor.key_at_door = order.errand == Errand::kRefuse ? 'N' : '\0';
      break;
    case Errand::kService:
      visitor.role = Role::kTechnician;
      visitor.carrier = order.carrier;
      visitor.keys.assign({&order.menu_key, 1});
      visitor.code.assign(std::to_string(order.door) + "#");
      break;
    case Errand::kNone:
      return;
  }
  enqueue(visitor);
}

}  // namespace cubby::emulator

#include "firmware/core/panel_flow.h"

#include <algorithm>
#include <cstring>

#include "firmware/base/names.h"
#include "firmware/base/parcel_number.h"
#include "firmware/core/board_trust.h"

namespace cubby::core {
namespace {

using drivers::Buzz;
using drivers::Screen;

constexpr std::uint8_t kDoorsTriedMax = 3;
constexpr char kLanguageKey = 'G';
constexpr std::string_view kTokenPrefix = "CBR1.";
constexpr std::size_t kTokenDigits = 16;
constexpr std::string_view kHexDigits = "0123456789abcdef";

std::uint8_t size_of(char key) {
  switch (key) {
    case 'S':
      return 1;
    case 'M':
      return 2;
    case 'L':
      return 3;
    case 'X':
      return 4;
    default:
      return 0;
  }
}

/// Of an opening that is over: thanks, or that the item sensor disagrees.
Screen last_word(const OpeningNews& news, Screen thanks) {
  return news.disputed ? Screen::kDoubted : thanks;
}

}  // namespace

void PanelFlow::start(std::string_view station, Instant now) {
  station_ = station;
  parts_.throttle.set(parts_.recorder.state().failures(), now);
  show(Screen::kIdle);
}

void PanelFlow::show(Screen screen, std::uint8_t compartment, std::uint32_t number) {
  parts_.panel.show(screen, compartment, number);
}

void PanelFlow::enter(Flow flow, Instant now) {
  flow_ = flow;
  if (flow != Flow::kSecondInput) {
    entry_.clear();
  }
  const bool waits = flow != Flow::kIdle && flow != Flow::kService;
  idle_at_ = waits ? now + limits::kPanelIdle : Instant::max();
}

void PanelFlow::tick(Instant now) {
  if (now >= idle_at_) {
    group_ = {};  // An opening whose end cannot be made durable goes on, and opens no other door once it can.
    next_size_ = 0;
    enter(Flow::kIdle, now);
    show(Screen::kIdle);
    if (!parts_.recorder.healthy()) {
      show(Screen::kOutOfService);
    }
  }
  if (flow_ == Flow::kService) {
    service_.tick(now);
    serve(now);
  }
}

/// A technician's visit may have come to its end.
void PanelFlow::serve(Instant now) {
  if (!service_.active()) {
    enter(Flow::kIdle, now);
    show(Screen::kIdle);
  }
}

void PanelFlow::on_input(const drivers::PanelInput& input, Instant now) {
  const bool is_key = input.kind == drivers::PanelInput::Kind::kKey;
  if (idle_at_ != Instant::max()) {
    idle_at_ = now + limits::kPanelIdle;
  }
  if (is_key && input.key == kLanguageKey) {
    parts_.panel.switch_language();
  } else if (!parts_.recorder.healthy()) {
    show(Screen::kOutOfService);
    return;
  } else if (is_key) {
    on_key(input.key, now);
  } else {
    on_scan(input.text.view(), now);
  }
  if (flow_ == Flow::kIdle && !parts_.panel.at_rest()) {
    idle_at_ = now + limits::kPanelIdle;  // What was said to one person is not for the next.
  }
}

void PanelFlow::on_key(char key, Instant now) {
  switch (flow_) {
    case Flow::kIdle:
    case Flow::kSecondInput:
      on_code_key(key, now);
      return;
    case Flow::kReady:
      if (key == 'R' && !sender_) {
        recall_after_ = 0;
        recalled_ = 0;
        recall_next(now);
      } else if (key == '*') {
        enter(Flow::kIdle, now);
        show(Screen::kIdle);
      } else {
        refuse_input();
      }
      return;
    case Flow::kChooseSize:
      on_size_key(key, now);
      return;
    case Flow::kDeposit:
      on_deposit_key(key);
      return;
    case Flow::kCollect:
      if (key != 'N' || !call_off()) {
        refuse_input();
      }
      return;
    case Flow::kService:
      service_.on_key(key, now);
      serve(now);
      return;
    case Flow::kRecall:
      refuse_input();
      return;
  }
}

void PanelFlow::on_size_key(char key, Instant now) {
  if (key == '*') {
    enter(Flow::kReady, now);
    show(Screen::kCancelled);
    return;
  }
  if (key == 'W') {
    low_door_ = !low_door_;
    choose_size();
    return;
  }
  size_ = size_of(key);
  if (size_ == 0) {
    refuse_input();
    return;
  }
  tried_ = {};
  doors_tried_ = 0;
  next_size_ = 0;
  open_for_deposit(now);
}

void PanelFlow::on_scan(std::string_view text, Instant now) {
  const bool at_code = flow_ == Flow::kIdle || flow_ == Flow::kSecondInput;
  if (!at_code && flow_ != Flow::kReady && flow_ != Flow::kChooseSize) {
    refuse_input();
    return;
  }
  if (looks_like_pass(text)) {
    on_pass(text, now);
    return;
  }
  if (flow_ == Flow::kSecondInput) {
    refuse_input();
    return;
  }
  if (flow_ == Flow::kIdle) {
    const auto step = entry_.scan(text, station_);
    if (step == CodeEntry::Step::kNothing) {
      refuse_input();
      return;
    }
    on_code(step, now);
    return;
  }
  if (flow_ == Flow::kChooseSize && !sender_ && on_token(text)) {
    choose_size();
    return;
  }
  on_parcel(text, now);
}

/// Whose the parcel is, in the courier's own numbers.
bool PanelFlow::on_token(std::string_view text) {
  if (text.size() != kTokenPrefix.size() + kTokenDigits || !text.starts_with(kTokenPrefix)) {
    return false;
  }
  text.remove_prefix(kTokenPrefix.size());
  std::uint64_t token = 0;
  for (const char c : text) {
    const auto digit = kHexDigits.find(c);
    if (digit == std::string_view::npos) {
      return false;
    }
    token = token * 16 + digit;
  }
  recipient_token_ = token;
  return true;
}

void PanelFlow::on_pass(std::string_view text, Instant now) {
  auto& recorder = parts_.recorder;
  const auto visitor = admit(parts_.keys, text, station_, recorder.utc_ms(), recorder.state());
  if (visitor.admission != Admission::kAdmitted) {
    enter(Flow::kIdle, now);
    show(Screen::kWrongPass);
    if (visitor.admission == Admission::kNotNow) {
      // A forged pass is not journalled: anybody could fill the journal with them.
      recorder.begin(cubby_v1_Event_turned_away_tag).body.turned_away.reason =
          cubby_v1_TurnedAwayReason_TURNED_AWAY_REASON_WRONG_PASS;
      (void)recorder.commit();
    }
    return;
  }
  if (visitor.pass.role == Pass::kTechnician) {
    enter(Flow::kService, now);
    if (service_.begin(visitor.pass, now) != Status::kOk) {
      enter(Flow::kIdle, now);
      show(Screen::kOutOfService);
    }
    return;
  }
  sender_ = visitor.pass.role == Pass::kSender;
  pass_serial_ = visitor.pass.serial;
  pass_expiry_utc_s_ = visitor.pass.expiry_utc_s;
  carrier_ = visitor.pass.holder;
  enter(Flow::kReady, now);
  show(sender_ ? Screen::kSenderReady : Screen::kCourierReady);
}

void PanelFlow::on_parcel(std::string_view text, Instant now) {
  if (text.empty() || !is_parcel_text(text) || !check_parcel_number(text).good) {
    refuse_input();
    return;
  }
  (void)parcel_.assign(text);
  recipient_token_ = 0;
  low_door_ = false;
  enter(Flow::kChooseSize, now);
  choose_size();
}

void PanelFlow::choose_size() {
  show(Screen::kChooseSize, 0, low_door_ ? 1 : 0);
}

void PanelFlow::open_for_deposit(Instant now) {
  auto& recorder = parts_.recorder;
  if (!recorder.room_for_deposits()) {
    turn_away(TurnedAway::kJournalReserve, now);
    return;
  }
  reserve_told_ = false;
  if (doors_tried_ >= kDoorsTriedMax) {
    turn_away(TurnedAway::kFault, now);
    return;
  }
  const auto choice = parts_.allocator.choose({.size = size_,
                                               .carrier = carrier_.view(),
                                               .parcel = parcel_.view(),
                                               .low = low_door_,
                                               .usable = usable_doors(parts_.recorder.state(), parts_.doors),
                                               .tried = tried_},
                                              recorder.state());
  if (choice.compartment == 0) {
    turn_away(choice.reason, now);
    return;
  }
  Intent intent;
  intent.compartment = choice.compartment;
  intent.purpose = sender_ ? Purpose::kDropOff : Purpose::kDeposit;
  intent.size = size_;
  intent.counter = parts_.codes.first_unique(recorder.state().next_counter());
  intent.carrier = carrier_;
  intent.parcel = parcel_;
  intent.recipient_token = recipient_token_;
  if (sender_) {
    intent.pass_serial = pass_serial_;
    intent.pass_expiry_utc_s = pass_expiry_utc_s_;
  }
  const auto status = parts_.openings.begin(intent, now);
  if (status == Status::kBusy || status == Status::kNoSpace) {
    turn_away(status == Status::kBusy ? TurnedAway::kFault : TurnedAway::kJournalReserve, now);
    return;
  }
  if (status != Status::kOk) {
    enter(Flow::kReady, now);
    show(Screen::kOutOfService);
    return;
  }
  compartment_ = choice.compartment;
  set_bit(tried_, compartment_, true);
  ++doors_tried_;
  enter(Flow::kDeposit, now);
  show(Screen::kOpening, compartment_);
}

void PanelFlow::turn_away(TurnedAway reason, Instant now) {
  // Of the journal's reserve itself only one word is taken for this.
  if (reason != TurnedAway::kJournalReserve || !reserve_told_) {
    auto& body = parts_.recorder.begin(cubby_v1_Event_turned_away_tag).body.turned_away;
    body.reason = static_cast<cubby_v1_TurnedAwayReason>(reason);
    body.size = static_cast<cubby_v1_Size>(size_);
    std::memcpy(body.carrier, carrier_.view().data(), carrier_.size());
    (void)parts_.recorder.commit();
    reserve_told_ = reason == TurnedAway::kJournalReserve;
  }
  enter(Flow::kReady, now);
  show(Screen::kTurnedAway, 0, static_cast<std::uint32_t>(reason));
}

/// The parcel does not go in, or the courier takes it along again.
void PanelFlow::on_deposit_key(char key) {
  const auto size = size_of(key);
  if ((size == 0 && key != '*') || !call_off()) {
    refuse_input();
    return;
  }
  next_size_ = size;
}

bool PanelFlow::call_off() {
  if (parts_.openings.call_off(compartment_) != Status::kOk) {
    return false;
  }
  show(Screen::kPleaseShut, compartment_);
  return true;
}

void PanelFlow::recall_next(Instant now) {
  const auto& state = parts_.recorder.state();
  while (recall_after_ < parts_.doors.door_count()) {
    ++recall_after_;
    const auto& compartment = state.compartment(recall_after_);
    if (compartment.state != CompartmentState::kOverdue || !(compartment.parcel.carrier == carrier_)) {
      continue;
    }
    Intent intent;
    intent.compartment = recall_after_;
    intent.purpose = Purpose::kRecall;
    intent.counter = compartment.parcel.counter;
    if (parts_.openings.begin(intent, now) == Status::kOk) {
      compartment_ = recall_after_;
      enter(Flow::kRecall, now);
      return;
    }
    show(Screen::kDoorFailed, recall_after_);
  }
  enter(Flow::kReady, now);
  show(Screen::kRecallDone, 0, recalled_);
}

/// When idle, or when a second input is asked for.
void PanelFlow::on_code_key(char key, Instant now) {
  if (key >= '0' && key <= '9') {
    entry_.type(key);
    idle_at_ = now + limits::kPanelIdle;
    return;
  }
  if (key == '*') {
    enter(Flow::kIdle, now);
    show(Screen::kIdle);
    return;
  }
  if (key != '#') {
    refuse_input();
    return;
  }
  const auto step = entry_.enter();
  if (step != CodeEntry::Step::kNothing || parts_.throttle.locked(now)) {
    on_code(step, now);
    return;
  }
  refuse_input();  // No guess: it cannot be anybody's.
  enter(flow_, now);
  show(flow_ == Flow::kSecondInput ? Screen::kSecondInput : Screen::kIdle);
}

/// A code was entered or scanned. Whatever the code is, a short one is asked for its second input.
void PanelFlow::on_code(CodeEntry::Step step, Instant now) {
  if (step == CodeEntry::Step::kElsewhere) {
    show(Screen::kWrongStation);  // No guess: it is somebody's, elsewhere.
    return;
  }
  if (parts_.throttle.locked(now)) {
    enter(Flow::kIdle, now);
    show(Screen::kLockedOut, 0, parts_.throttle.locked_for_s(now));
    return;
  }
  if (step == CodeEntry::Step::kSecondInput) {
    enter(Flow::kSecondInput, now);
    show(Screen::kSecondInput);
    return;
  }
  const auto found = parts_.codes.find(entry_.digits(), entry_.second());
  group_ = {};
  if (any(found)) {
    group_ = parts_.recorder.state().group_of(found, parts_.codes.with_digits(entry_.digits()));
  }
  enter(Flow::kIdle, now);
  if (!any(group_)) {
    wrong_code(now);
    return;
  }
  if (open_next_of_group(now)) {
    parts_.panel.buzz(Buzz::kOk);
  }
}

/// Opens the next door of the code, each with an authorisation of its own. False: none opens any more.
bool PanelFlow::open_next_of_group(Instant now) {
  while (any(group_)) {
    const auto number = first(group_);
    set_bit(group_, number, false);
    if (open_for_recipient(number, now)) {
      return true;
    }
  }
  return false;
}

void PanelFlow::wrong_code(Instant now) {
  auto& recorder = parts_.recorder;
  const auto failures = recorder.state().failures() + 1;
  if (recorder.append(ThrottleCount{failures}) != Status::kOk) {
    show(Screen::kOutOfService);  // No verdict that is not counted.
    return;
  }
  parts_.throttle.set(failures, now);
  auto& body = recorder.begin(cubby_v1_Event_code_rejected_tag).body.code_rejected;
  body.failures_in_row = failures;
  body.lockout_s = static_cast<std::uint32_t>(lockout_after(failures).us / 1'000'000);
  body.hard_stop = parts_.throttle.hard_stop();
  (void)recorder.commit();  // The count is durable already.
  if (parts_.throttle.locked(now)) {
    show(Screen::kLockedOut, 0, parts_.throttle.locked_for_s(now));
    return;
  }
  show(Screen::kWrongCode, 0, parts_.throttle.free_tries());
}

bool PanelFlow::open_for_recipient(std::uint8_t number, Instant now) {
  const auto& compartment = parts_.recorder.state().compartment(number);
  const bool inside =
      compartment.state == CompartmentState::kOccupied || compartment.state == CompartmentState::kDisputed;
  if (!inside || parts_.doors.state(number) == drivers::DoorState::kOpen) {
    refuse_input();
    show(Screen::kPleaseShut, number);  // Their own door stands open already.
    return false;
  }
  Intent intent;
  intent.compartment = number;
  intent.purpose = Purpose::kCollect;
  intent.counter = compartment.parcel.counter;
  const auto status = parts_.openings.begin(intent, now);
  if (status == Status::kOk) {
    compartment_ = number;
    enter(Flow::kCollect, now);
    show(Screen::kOpening, number);
    return true;
  }
  const bool fault = status == Status::kWrongState || status == Status::kBusy;
  show(fault ? Screen::kDoorFailed : Screen::kOutOfService, fault ? number : std::uint8_t{0});
  return false;
}

void PanelFlow::on_news(const OpeningNews& news, Instant now) {
  if (news.kind == OpeningNews::Kind::kDone && parts_.recorder.state().failures() == 0) {
    parts_.throttle.set(0, now);  // Somebody has used their code up.
  }
  if (flow_ == Flow::kService) {
    service_.on_news(news, now);
    serve(now);
    return;
  }
  if (news.compartment != compartment_ || news.purpose == Purpose::kRemote) {
    return;  // Of a door that nobody waits at.
  }
  if (news.kind == OpeningNews::Kind::kOpened) {
    idle_at_ = now + limits::kPanelIdle;
  }
  switch (flow_) {
    case Flow::kDeposit:
      deposit_news(news, now);
      return;
    case Flow::kRecall:
      recall_news(news, now);
      return;
    case Flow::kCollect:
      collect_news(news, now);
      return;
    case Flow::kIdle:
    case Flow::kSecondInput:
    case Flow::kReady:
    case Flow::kChooseSize:
    case Flow::kService:
      return;
  }
}

void PanelFlow::deposit_news(const OpeningNews& news, Instant now) {
  switch (news.kind) {
    case OpeningNews::Kind::kOpened:
      show(Screen::kPutIn, news.compartment);
      return;
    case OpeningNews::Kind::kDone:
      if (news.called_off && next_size_ != 0) {
        size_ = next_size_;
        next_size_ = 0;
        doors_tried_ = 0;
        open_for_deposit(now);  // Never the same door again.
        return;
      }
      stored(news, now);
      return;
    case OpeningNews::Kind::kNotOpened:
    case OpeningNews::Kind::kUncertain:
      show(Screen::kDoorFailed, news.compartment);
      open_for_deposit(now);
      return;
    case OpeningNews::Kind::kLeftOpen:
      enter(sender_ ? Flow::kIdle : Flow::kReady, now);
      show(Screen::kPleaseShut, news.compartment);
      return;
  }
}

/// A courier goes on with the next parcel; a sender's pass is used up.
void PanelFlow::stored(const OpeningNews& news, Instant now) {
  const bool over = sender_ && !news.called_off;
  enter(over ? Flow::kIdle : Flow::kReady, now);
  show(last_word(news, news.called_off ? Screen::kCancelled : Screen::kStored), news.compartment);
  if (over) {
    show(Screen::kIdle);
  }
}

void PanelFlow::recall_news(const OpeningNews& news, Instant now) {
  switch (news.kind) {
    case OpeningNews::Kind::kOpened:
      show(Screen::kRecallOpen, news.compartment);
      return;
    case OpeningNews::Kind::kDone:
      recalled_ += news.disputed ? 0U : 1U;
      show(last_word(news, Screen::kRecalled), news.compartment);
      recall_next(now);
      return;
    case OpeningNews::Kind::kNotOpened:
    case OpeningNews::Kind::kUncertain:
      show(Screen::kDoorFailed, news.compartment);
      recall_next(now);
      return;
    case OpeningNews::Kind::kLeftOpen:
      enter(Flow::kReady, now);
      show(Screen::kPleaseShut, news.compartment);
      return;
  }
}

void PanelFlow::collect_news(const OpeningNews& news, Instant now) {
  switch (news.kind) {
    case OpeningNews::Kind::kOpened:
      show(Screen::kTakeOut, news.compartment);
      return;
    case OpeningNews::Kind::kDone:
      show(last_word(news, news.called_off ? Screen::kRefused : Screen::kCollected), news.compartment);
      break;
    case OpeningNews::Kind::kNotOpened:
    case OpeningNews::Kind::kUncertain:
      show(Screen::kDoorFailed, news.compartment);
      break;
    case OpeningNews::Kind::kLeftOpen:
      group_ = {};  // Nobody is there any more.
      show(Screen::kPleaseShut, news.compartment);
      break;
  }
  if (!open_next_of_group(now)) {
    enter(Flow::kIdle, now);
    show(Screen::kIdle);
  }
}

}  // namespace cubby::core

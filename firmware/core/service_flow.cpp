#include "firmware/core/service_flow.h"

#include <algorithm>

namespace cubby::core {
namespace {

using drivers::Screen;

constexpr std::uint32_t kNumberMax = 999;

template <std::size_t Size>
void put_text(char (&to)[Size], std::string_view from) {
  std::copy_n(from.begin(), std::min(from.size(), Size - 1), to);
}

bool may_be_opened(CompartmentState state) {
  switch (state) {
    case CompartmentState::kVacant:
    case CompartmentState::kReserved:
    case CompartmentState::kOccupied:
    case CompartmentState::kOverdue:
    case CompartmentState::kDisputed:
    case CompartmentState::kOutOfService:
      return true;
    case CompartmentState::kOpening:
    case CompartmentState::kLoading:
    case CompartmentState::kCollecting:
    case CompartmentState::kUnloading:
      break;
  }
  return false;
}

}  // namespace

void ServiceFlow::show(Screen screen, std::uint8_t compartment, std::uint32_t number) {
  parts_.panel.show(screen, compartment, number);
}

void ServiceFlow::enter(Step step, Instant now) {
  step_ = step;
  const bool waits = step != Step::kNone && step != Step::kLooking;
  idle_at_ = waits ? now + limits::kPanelIdle : Instant::max();
}

Status ServiceFlow::begin(const Pass& pass, Instant now) {
  auto& body = parts_.recorder.begin(cubby_v1_Event_technician_came_tag).body.technician_came;
  put_text(body.technician, pass.holder.view());
  body.serial = pass.serial;
  body.expiry_utc_s = pass.expiry_utc_s;
  CUBBY_TRY(parts_.recorder.commit());
  technician_ = pass.holder;
  auto left_s = limits::kTechnicianPassLifeS;
  if (const auto utc = parts_.recorder.utc_ms(); utc.has_value()) {
    const auto now_s = *utc / 1000;
    const auto end_s = pass.expiry_utc_s + limits::kPassClockToleranceS;
    left_s = std::min(left_s, end_s > now_s ? end_s - now_s : 0);
  }
  until_ = now + Duration::seconds(static_cast<std::int64_t>(left_s));
  auditing_ = false;
  menu(now);
  return Status::kOk;
}

void ServiceFlow::tick(Instant now) {
  if (now >= idle_at_) {
    enter(Step::kNone, now);
  }
}

void ServiceFlow::menu(Instant now) {
  enter(Step::kMenu, now);
  show(Screen::kServiceMenu);
}

void ServiceFlow::on_key(char key, Instant now) {
  if (step_ != Step::kLooking && now >= until_) {
    enter(Step::kNone, now);
    return;
  }
  enter(step_, now);
  switch (step_) {
    case Step::kMenu:
      on_menu_key(key, now);
      return;
    case Step::kDoorNumber:
      on_number_key(key, now);
      return;
    case Step::kInside:
      on_inside_key(key, now);
      return;
    case Step::kAuditItem:
      on_audit_key(key, now);
      return;
    case Step::kNone:
    case Step::kLooking:
      buzz_error();
      return;
  }
}

void ServiceFlow::on_menu_key(char key, Instant now) {
  switch (key) {
    case '1':
      auditing_ = true;
      audit_at_ = 0;
      settled_ = 0;
      next_item(now);
      return;
    case '2':
    case '4':
    case '5':
      action_ = key;
      number_ = 0;
      enter(Step::kDoorNumber, now);
      show(Screen::kDoorNumber, 0, static_cast<std::uint32_t>(key - '0'));
      return;
    case '3':
      release_keypad(now);
      menu(now);
      return;
    case '6':
      self_test();
      menu(now);
      return;
    case '*':
      enter(Step::kNone, now);
      return;
    default:
      buzz_error();
  }
}

void ServiceFlow::on_number_key(char key, Instant now) {
  if (key == '*') {
    menu(now);
    return;
  }
  if (key >= '0' && key <= '9') {
    number_ = std::min(number_ * 10 + static_cast<std::uint32_t>(key - '0'), kNumberMax);
    return;
  }
  if (key != '#') {
    buzz_error();
    return;
  }
  if (number_ < 1 || number_ > parts_.doors.door_count()) {
    finish(Status::kBadInput);
    menu(now);
    return;
  }
  const auto compartment = static_cast<std::uint8_t>(number_);
  if (action_ == '2') {
    look(compartment, now);
    return;
  }
  if (action_ == '4') {
    take_out(compartment);
  } else {
    put_back(compartment);
  }
  menu(now);
}

void ServiceFlow::on_inside_key(char key, Instant now) {
  if (key == '0' || key == '1') {
    settle(key == '1', now);
  } else if (key == '*') {
    go_on(now);
  } else {
    buzz_error();
  }
}

void ServiceFlow::on_audit_key(char key, Instant now) {
  if (key == '#') {
    look(audit_at_, now);
  } else if (key == '5') {
    put_back(audit_at_);
    next_item(now);
  } else if (key == '*') {
    next_item(now);
  } else {
    buzz_error();
  }
}

/// The next compartment that is out of allocation until a person settles it.
void ServiceFlow::next_item(Instant now) {
  while (audit_at_ < parts_.doors.door_count()) {
    ++audit_at_;
    const auto state = parts_.recorder.state().compartment(audit_at_).state;
    if (state == CompartmentState::kDisputed || state == CompartmentState::kOutOfService) {
      enter(Step::kAuditItem, now);
      show(Screen::kAuditItem, audit_at_, static_cast<std::uint32_t>(state));
      return;
    }
  }
  auditing_ = false;
  show(Screen::kServiceDone, 0, settled_);
  menu(now);
}

/// After one door: the next of the audit, or the menu.
void ServiceFlow::go_on(Instant now) {
  if (auditing_) {
    next_item(now);
  } else {
    menu(now);
  }
}

void ServiceFlow::look(std::uint8_t number, Instant now) {
  const auto& compartment = parts_.recorder.state().compartment(number);
  Intent intent;
  intent.compartment = number;
  intent.purpose = Purpose::kService;
  intent.counter = compartment.parcel.counter;
  intent.carrier = technician_;
  const auto status = may_be_opened(compartment.state) ? parts_.openings.begin(intent, now) : Status::kWrongState;
  if (status != Status::kOk) {
    finish(status, number);
    go_on(now);
    return;
  }
  compartment_ = number;
  enter(Step::kLooking, now);
  show(Screen::kOpening, number);
}

void ServiceFlow::on_news(const OpeningNews& news, Instant now) {
  if (step_ != Step::kLooking || news.compartment != compartment_) {
    return;
  }
  switch (news.kind) {
    case OpeningNews::Kind::kOpened:
      show(Screen::kLookInside, compartment_);
      return;
    case OpeningNews::Kind::kDone:
      looked(now);
      return;
    case OpeningNews::Kind::kNotOpened:
    case OpeningNews::Kind::kUncertain:
      show(Screen::kDoorFailed, compartment_);
      go_on(now);
      return;
    case OpeningNews::Kind::kLeftOpen:
      show(Screen::kPleaseShut, compartment_);
      go_on(now);
      return;
  }
}

void ServiceFlow::looked(Instant now) {
  if (parts_.recorder.state().compartment(compartment_).state == CompartmentState::kDisputed) {
    enter(Step::kInside, now);
    show(Screen::kInside, compartment_);
    return;
  }
  if (auditing_) {
    --audit_at_;  // The same once more: it may be put back now.
  } else {
    finish(Status::kOk, compartment_);
  }
  go_on(now);
}

void ServiceFlow::settle(bool inside, Instant now) {
  // A parcel that nobody has booked in cannot be handed to anybody: it has to come out.
  auto status = Status::kWrongState;
  if (!inside || parts_.recorder.state().compartment(compartment_).parcel.counter != 0) {
    auto& body = parts_.recorder.begin(cubby_v1_Event_custody_settled_tag).body.custody_settled;
    body.compartment = compartment_;
    body.inside = inside;
    put_text(body.technician, technician_.view());
    status = parts_.recorder.commit();
  }
  settled_ += status == Status::kOk ? 1U : 0U;
  finish(status, compartment_);
  go_on(now);
}

void ServiceFlow::take_out(std::uint8_t number) {
  if (parts_.recorder.state().compartment(number).state != CompartmentState::kVacant) {
    finish(Status::kWrongState, number);
    return;
  }
  auto& body = parts_.recorder.begin(cubby_v1_Event_out_of_service_tag).body.out_of_service;
  body.compartment = number;
  body.reason = cubby_v1_OutOfServiceReason_OUT_OF_SERVICE_REASON_TECHNICIAN;
  finish(parts_.recorder.commit(), number);
}

void ServiceFlow::put_back(std::uint8_t number) {
  if (parts_.recorder.state().compartment(number).state != CompartmentState::kOutOfService ||
      parts_.doors.state(number) != drivers::DoorState::kShut) {
    finish(Status::kWrongState, number);
    return;
  }
  parts_.recorder.begin(cubby_v1_Event_in_service_tag).body.in_service.compartment = number;
  finish(parts_.recorder.commit(), number);
}

void ServiceFlow::release_keypad(Instant now) {
  auto status = parts_.recorder.append(ThrottleCount{0});
  if (status == Status::kOk) {
    parts_.throttle.set(0, now);
    begin_serviced(cubby_v1_ServiceAction_SERVICE_ACTION_KEYPAD_RELEASED);
    status = parts_.recorder.commit();
  }
  finish(status);
}

void ServiceFlow::self_test() {
  std::uint32_t faults = 0;
  for (std::uint8_t number = 1; number <= parts_.doors.door_count(); ++number) {
    faults += parts_.doors.state(number) == drivers::DoorState::kUnknown ? 1U : 0U;
  }
  begin_serviced(cubby_v1_ServiceAction_SERVICE_ACTION_SELF_TESTED).faults = faults;
  finish(parts_.recorder.commit(), 0, faults);
}

cubby_v1_Serviced& ServiceFlow::begin_serviced(cubby_v1_ServiceAction action) {
  auto& body = parts_.recorder.begin(cubby_v1_Event_serviced_tag).body.serviced;
  body.action = action;
  put_text(body.technician, technician_.view());
  return body;
}

void ServiceFlow::finish(Status status, std::uint8_t compartment, std::uint32_t number) {
  if (status == Status::kOk) {
    show(Screen::kServiceDone, compartment, number);
  } else {
    buzz_error();
    show(Screen::kServiceRefused, compartment);
  }
}

}  // namespace cubby::core

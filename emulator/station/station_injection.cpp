// Errands and faults from outside.
#include <algorithm>

#include "emulator/hardware/panel_text.h"
#include "emulator/station/station_world.h"

namespace cubby::emulator {
namespace {

constexpr Duration kMomentOff = Duration::seconds(2);    // A power cut without a duration.
constexpr Duration kMomentOpen = Duration::seconds(10);  // A forced door without a duration.
constexpr Duration kNoticeWait = Duration::minutes(1);   // Between two looks at whether a code was told.

}  // namespace

void StationWorld::schedule_injection(Instant at, const Injection& injection) {
  const std::uint64_t ticket = next_ticket_++;
  planned_.push_back({.ticket = ticket, .injection = injection});
  queue_.schedule(at, static_cast<std::uint8_t>(Timer::kInjection), 0, ticket);
}

// A trace says when a parcel was fetched, and its recipient had been told of it by then. Here they come as soon as they
// are; where the courier found no door, never.
Notice StationWorld::notice_of(const Injection& injection) const {
  const bool fetches = injection.kind == InjectionKind::kCollect || injection.kind == InjectionKind::kRefuse;
  return fetches && injection.code.empty() ? people_.notice_of(injection.parcel) : Notice::kGiven;
}

void StationWorld::start_planned(std::uint64_t ticket) {
  const auto found =
      std::find_if(planned_.begin(), planned_.end(), [&](const Planned& one) { return one.ticket == ticket; });
  if (found == planned_.end()) {
    return;
  }
  const Notice notice = notice_of(found->injection);
  if (notice == Notice::kDue) {
    queue_.schedule(now_ + kNoticeWait, static_cast<std::uint8_t>(Timer::kInjection), 0, ticket);
    return;
  }
  const Injection injection = std::move(found->injection);
  planned_.erase(found);
  if (notice == Notice::kGiven) {
    start_injection(ticket, injection);
  }
}

std::uint64_t StationWorld::inject(const Injection& injection) {
  const std::uint64_t ticket = next_ticket_++;
  start_injection(ticket, injection);
  return ticket;
}

void StationWorld::start_injection(std::uint64_t ticket, const Injection& injection) {
  const bool limited = injection.duration.us > 0;
  switch (injection.kind) {
    case InjectionKind::kDeposit:
    case InjectionKind::kCollect:
    case InjectionKind::kRecall:
    case InjectionKind::kRefuse:
    case InjectionKind::kService:
    case InjectionKind::kDropOff: {
      ErrandOrder order;
      order.errand = static_cast<Errand>(injection.kind);
      order.size = injection.size;
      order.carrier.assign(injection.carrier);
      order.parcel.assign(injection.parcel);
      order.code.assign(injection.code);
      order.second.assign(injection.second);
      order.key_at_door = injection.key_at_door;
      order.recipient.assign(injection.recipient);
      order.low_door = injection.low_door;
      order.scans = injection.scans;
      order.menu_key = injection.menu_key;
      order.door = injection.compartment;
      people_.send(ticket, order);
      return;
    }
    case InjectionKind::kJam:
      if (injection.compartment >= 1 && injection.compartment <= doors_.size()) {
        doors_[injection.compartment - 1U].jam_until = limited ? now_ + injection.duration : Instant::max();
      }
      break;
    case InjectionKind::kForce:
      if (injection.compartment >= 1 && injection.compartment <= doors_.size()) {
        force(static_cast<std::uint8_t>(injection.compartment - 1), limited ? injection.duration : kMomentOpen);
      }
      break;
    case InjectionKind::kBoardSilent:
      if (injection.compartment >= 1 && injection.compartment <= doors_.size()) {
        segment_->silence(setup_.door_board[injection.compartment - 1U], now_,
                          limited ? now_ + injection.duration : Instant::max());
      }
      break;
    case InjectionKind::kItemStuckEmpty:
    case InjectionKind::kItemStuckPresent:
      if (injection.compartment >= 1 && injection.compartment <= doors_.size()) {
        const auto door = static_cast<std::uint8_t>(injection.compartment - 1);
        break_item_sensor(
            door, injection.kind == InjectionKind::kItemStuckEmpty ? ItemFault::kStuckEmpty : ItemFault::kStuckPresent);
        if (limited) {
          queue_.schedule(now_ + injection.duration, static_cast<std::uint8_t>(Timer::kItemSensorMended), door);
        }
      }
      break;
    case InjectionKind::kLinkDown:
      queue_.schedule(now_, static_cast<std::uint8_t>(Timer::kLinkDown));
      if (limited) {
        queue_.schedule(now_ + injection.duration, static_cast<std::uint8_t>(Timer::kLinkUp));
      }
      break;
    case InjectionKind::kPowerCut:
      queue_.schedule(now_, static_cast<std::uint8_t>(Timer::kPowerOff));
      queue_.schedule(now_ + (limited ? injection.duration : kMomentOff), static_cast<std::uint8_t>(Timer::kPowerOn));
      break;
  }
  fault_tickets_.push_back(ticket);
}

std::optional<InjectionResult> StationWorld::injection_result(std::uint64_t ticket) const {
  InjectionResult result;
  if (std::find(fault_tickets_.begin(), fault_tickets_.end(), ticket) != fault_tickets_.end()) {
    result.detail = "done";
    return result;
  }
  const ErrandResult* errand = people_.result(ticket);
  if (errand == nullptr || !errand->done) {
    return std::nullopt;
  }
  const auto message = static_cast<PanelMessage>(errand->message);
  result.compartment = errand->compartment;
  result.parcels = errand->parcels;
  result.number = errand->number;
  result.detail = "The panel showed nothing";
  if (errand->message != 0) {
    result.detail = display_line({message, errand->shown_door, errand->number}, PanelLanguage::kEnglish);
  }
  switch (message) {
    case PanelMessage::kStored:
    case PanelMessage::kCollected:
    case PanelMessage::kRecallDone:
    case PanelMessage::kPleaseShut:
    case PanelMessage::kPutIn:
    case PanelMessage::kTakeOut:
    case PanelMessage::kRefused:
    case PanelMessage::kCancelled:
    case PanelMessage::kServiceDone:
    case PanelMessage::kDoubted:
      result.status = InjectionStatus::kOk;
      break;
    case PanelMessage::kDoorFailed:
      result.status = InjectionStatus::kNoDoor;
      break;
    default:
      result.status = InjectionStatus::kRefused;
      break;
  }
  if (errand->gave_up || errand->message == 0) {
    result.status = InjectionStatus::kTimedOut;
  }
  return result;
}

std::optional<ToldCode> StationWorld::deposit_code(std::uint64_t ticket) const {
  const ErrandResult* errand = people_.result(ticket);
  if (errand == nullptr || !errand->has_code) {
    return std::nullopt;
  }
  return ToldCode{.code = std::string(errand->code.text()), .second = std::string(errand->second.view())};
}

}  // namespace cubby::emulator

// Errands and faults from outside, and the saved state.
#include <algorithm>

#include "emulator/hardware/panel_text.h"
#include "emulator/station/station_world.h"
#include "firmware/base/crc.h"

namespace cubby::emulator {
namespace {

constexpr Duration kMomentOff = Duration::seconds(2);    // A power cut without a duration.
constexpr Duration kMomentOpen = Duration::seconds(10);  // A forced door without a duration.
constexpr std::uint32_t kStateVersion = 8;

}  // namespace

void StationWorld::schedule_injection(Instant at, const Injection& injection) {
  const std::uint64_t ticket = next_ticket_++;
  planned_.push_back({.ticket = ticket, .injection = injection});
  queue_.schedule(at, static_cast<std::uint8_t>(Timer::kInjection), 0, ticket);
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

void StationWorld::save_planned(const Planned& planned, BlobWriter& writer) {
  writer.value(planned.ticket);
  writer.value(planned.injection.kind);
  writer.value(planned.injection.size);
  writer.value(planned.injection.compartment);
  writer.value(planned.injection.duration);
  writer.text(planned.injection.carrier);
  writer.text(planned.injection.parcel);
  writer.text(planned.injection.code);
  writer.text(planned.injection.second);
  writer.value(planned.injection.key_at_door);
  writer.text(planned.injection.recipient);
  writer.value(planned.injection.low_door);
  writer.value(planned.injection.scans);
  writer.value(planned.injection.menu_key);
}

void StationWorld::load_planned(BlobReader& reader, Planned& planned) {
  reader.value(planned.ticket);
  reader.value(planned.injection.kind);
  reader.value(planned.injection.size);
  reader.value(planned.injection.compartment);
  reader.value(planned.injection.duration);
  reader.text(planned.injection.carrier);
  reader.text(planned.injection.parcel);
  reader.text(planned.injection.code);
  reader.text(planned.injection.second);
  reader.value(planned.injection.key_at_door);
  reader.text(planned.injection.recipient);
  reader.value(planned.injection.low_door);
  reader.value(planned.injection.scans);
  reader.value(planned.injection.menu_key);
}

std::size_t StationWorld::save(std::vector<std::byte>& blob) const {
  const std::size_t start = blob.size();
  BlobWriter writer(blob);
  writer.value(kStateVersion);
  writer.value(now_);
  writer.value(started_);
  writer.value(hash_.value());
  // People that stand still are saved as if they moved: whoever goes on from here thaws them.
  std::vector<WorldEvent> events = queue_.events();
  std::uint32_t order = queue_.next_order();
  for (WorldEvent timer : frozen_timers_) {
    timer.order = order++;
    events.push_back(timer);
  }
  writer.values(events);
  writer.value(order);
  writer.value(faults_.state());
  writer.value(doors_prng_.state());
  writer.values(doors_);
  writer.value(clock_.offset_ms());
  writer.value(random_.prng().state());
  writer.value(link_down_count_);
  writer.value(controller_.has_value());
  writer.value(next_ticket_);
  writer.value(counters());
  writer.value(heard_seq_);
  writer.value(static_cast<std::uint64_t>(planned_.size()));
  for (const Planned& planned : planned_) {
    save_planned(planned, writer);
  }
  people_.save(writer);
  const std::size_t flash_place = blob.size() - start;
  flash_.save(blob);
  writer.value(crc32c(Bytes(blob).subspan(start)));
  return flash_place;
}

Status StationWorld::load(Bytes blob) {
  if (blob.size() < 4 || load_le<std::uint32_t>(blob.last(4)) != crc32c(blob.first(blob.size() - 4))) {
    return Status::kCorrupt;
  }
  BlobReader reader(blob.first(blob.size() - 4));
  std::uint32_t version = 0;
  reader.value(version);
  if (version != kStateVersion) {
    return Status::kVersion;
  }
  std::uint64_t hash = 0;
  std::vector<WorldEvent> events;
  std::uint32_t order = 0;
  Prng::State state;
  std::int64_t clock_offset = 0;
  bool powered = false;
  StationCounters counters;
  std::uint64_t planned_count = 0;
  reader.value(now_);
  reader.value(started_);
  reader.value(hash);
  reader.values(events);
  reader.value(order);
  reader.value(state);
  faults_.restore(state);
  reader.value(state);
  doors_prng_.restore(state);
  reader.values(doors_);
  reader.value(clock_offset);
  reader.value(state);
  random_.restore(state);
  reader.value(link_down_count_);
  reader.value(powered);
  reader.value(next_ticket_);
  reader.value(counters);
  reader.value(heard_seq_);
  reader.value(planned_count);
  for (std::uint64_t i = 0; reader.ok() && i < planned_count; ++i) {
    Planned planned;
    load_planned(reader, planned);
    planned_.push_back(planned);
  }
  people_.load(reader);
  if (!reader.ok() || doors_.size() != setup_.compartments || !flash_.load(reader.rest())) {
    return Status::kCorrupt;
  }
  note_levels();
  hash_.restore(hash);
  queue_.restore(std::move(events), order);
  clock_.restore(clock_offset);
  pipe_.set_reachable(link_down_count_ == 0);
  // The counters that the parts keep go back to the parts; the ledger's are never stored twice.
  segment_->restore_counts(counters.bus_frames, counters.bus_idle_frames);
  pipe_.restore_count(counters.frames_up);
  flash_.restore_counts(counters.flash_operations, counters.flash_bytes);
  counts_ = StationCounters{};
  counts_.events = counters.events;
  counts_.boots = counters.boots;
  counts_.ticks = counters.ticks;
  if (powered) {
    people_.on_power_cut();
    power_on();
  }
  return Status::kOk;
}

}  // namespace cubby::emulator

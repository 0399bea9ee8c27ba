// The saved state: what a power cut leaves, and with the memory of the controller and its hardware.
#include "emulator/hardware/modbus_segment.h"
#include "emulator/station/station_world.h"
#include "firmware/base/crc.h"

namespace cubby::emulator {
namespace {

constexpr std::uint32_t kStateVersion = 10;
constexpr std::uint32_t kImageVersion = 0x0001'0003;  // Of suspend(); never one of save()'s.

// Version and checksum are as they must be: what lies between them.
Result<Bytes> open_blob(Bytes blob, std::uint32_t version) {
  if (blob.size() < 8 || load_le<std::uint32_t>(blob.last(4)) != crc32c(blob.first(blob.size() - 4))) {
    return Status::kCorrupt;
  }
  if (load_le<std::uint32_t>(blob.first(4)) != version) {
    return Status::kVersion;
  }
  return blob.subspan(4, blob.size() - 8);
}

}  // namespace

std::uint32_t station_image_layout() {
  const std::array<std::uint64_t, 8> sizes{kImageVersion,          kStateVersion,       sizeof(app::Assembly),
                                           sizeof(People),         sizeof(Door),        sizeof(WorldEvent),
                                           sizeof(NorFlashDevice), sizeof(StationWorld)};
  return crc32c(std::as_bytes(std::span(sizes)));
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

void StationWorld::save_world(BlobWriter& writer) const {
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
  writer.value(powered_);
  writer.value(next_ticket_);
  writer.value(counters());
  writer.value(heard_seq_);
  writer.value(static_cast<std::uint64_t>(planned_.size()));
  for (const Planned& planned : planned_) {
    save_planned(planned, writer);
  }
  people_.save(writer);
}

bool StationWorld::load_world(BlobReader& reader, bool& powered) {
  std::uint64_t hash = 0;
  std::vector<WorldEvent> events;
  std::uint32_t order = 0;
  Prng::State state;
  std::int64_t clock_offset = 0;
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
  if (!reader.ok() || doors_.size() != setup_.compartments) {
    return false;
  }
  note_levels();
  hash_.restore(hash);
  queue_.restore(events, order);
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
  return true;
}

std::size_t StationWorld::save(std::vector<std::byte>& blob) const {
  const std::size_t start = blob.size();
  BlobWriter writer(blob);
  writer.value(kStateVersion);
  save_world(writer);
  const std::size_t flash_place = blob.size() - start;
  flash_.save(blob);
  writer.value(crc32c(Bytes(blob).subspan(start)));
  return flash_place;
}

Status StationWorld::load_blob(Bytes blob, std::uint32_t version, bool& powered, Bytes& rest) {
  const Result<Bytes> body = open_blob(blob, version);
  CUBBY_TRY(body.status());
  BlobReader reader(body.value());
  if (!load_world(reader, powered) || !flash_.load(reader.rest())) {
    return Status::kCorrupt;
  }
  rest = reader.rest();
  return Status::kOk;
}

Status StationWorld::load(Bytes blob) {
  bool powered = false;
  Bytes rest;
  CUBBY_TRY(load_blob(blob, kStateVersion, powered, rest));
  if (powered) {
    people_.on_power_cut();
    power_on();
  }
  return Status::kOk;
}

// What a power cut would take away.
template <typename Image>
void StationWorld::image(Image& image) {
  image(boot_, wake_, tick_now_, flash_cut_off_, fault_tickets_, supply_, pipe_, panel_, flash_,
        static_cast<ModbusSegment&>(*segment_), people_);
  if (controller_.has_value()) {
    image(*controller_);
  }
}

Status StationWorld::suspend(std::vector<std::byte>& blob) {
  CUBBY_ASSERT(!frozen_);
  if (line_ != nullptr || setup_.remote != nullptr) {
    return Status::kNotSupported;
  }
  const std::size_t start = blob.size();
  BlobWriter writer(blob);
  writer.value(kImageVersion);
  save_world(writer);
  flash_.save(blob);
  ImageWriter memory(writer);
  image(memory);
  writer.value(crc32c(Bytes(blob).subspan(start)));
  return Status::kOk;
}

Status StationWorld::resume(Bytes blob) {
  if (line_ != nullptr || setup_.remote != nullptr) {
    return Status::kNotSupported;
  }
  bool powered = false;
  Bytes rest;
  CUBBY_TRY(load_blob(blob, kImageVersion, powered, rest));
  if (powered) {
    start_controller();
  }
  BlobReader reader(rest);
  ImageReader memory(reader);
  image(memory);
  return reader.ok() && reader.rest().empty() ? Status::kOk : Status::kCorrupt;
}

}  // namespace cubby::emulator

#include "qemu/lockstep_lab.h"

#include <algorithm>
#include <cstdlib>

#include "firmware/base/crc.h"

namespace cubby::qemu {

using emulator::Injection;
using emulator::InjectionKind;

std::string guest_command() {
  const char* command = std::getenv("CUBBY_GUEST");
  return command != nullptr ? command : "";
}

Status TamperedStream::read_frame() {
  const auto fill = [&](std::size_t size) {
    while (frame_.size() < size) {
      std::array<std::byte, 512> chunk;
      const Result<std::size_t> read =
          stream_.read(MutableBytes(chunk).first(std::min(chunk.size(), size - frame_.size())));
      CUBBY_TRY(read.status());
      frame_.insert(frame_.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(read.value()));
    }
    return Status::kOk;
  };
  frame_.clear();
  taken_ = 0;
  CUBBY_TRY(fill(lockstep::kFrameHeader));
  const std::size_t size = load_le<std::uint16_t>(Bytes(frame_).first(2));
  CUBBY_TRY(fill(lockstep::kFrameHeader + size + lockstep::kFrameTrailer));
  if (left_ > 0 && size > 0 && static_cast<lockstep::Message>(frame_[2]) == type_ && --left_ == 0) {
    const std::size_t end = lockstep::kFrameHeader + size;
    frame_[end - 1] ^= std::byte{1};
    if (honest_) {
      store_le(MutableBytes(frame_).subspan(end), crc32c(Bytes(frame_).first(end)));
    }
  }
  return Status::kOk;
}

Result<std::size_t> TamperedStream::do_read(MutableBytes into) {
  if (taken_ == frame_.size()) {
    if (const Status status = read_frame(); status != Status::kOk) {
      return status;
    }
  }
  const std::size_t size = std::min(into.size(), frame_.size() - taken_);
  std::copy_n(frame_.begin() + static_cast<std::ptrdiff_t>(taken_), size, into.begin());
  taken_ += size;
  return size;
}

Lab::Lab(sim::SimOptions options, emulator::RemoteController* controller) {
  options.fleet.first_controller = controller;
  sim_ = std::make_unique<sim::SimFleet>(options);
}

Outcome Lab::outcome() {
  Outcome outcome{.trace_hash = world().trace_hash(), .flash = {}, .counts = {}};
  world().flash().save(outcome.flash);
  const emulator::StationCounters counts = counters();
  outcome.counts.assign(counts.uses.begin(), counts.uses.end());
  for (const std::uint64_t count :
       {counts.turned_away, counts.wrong_codes, counts.events, counts.bus_frames, counts.bus_idle_frames,
        counts.flash_operations, counts.flash_bytes, counts.frames_up, counts.boots, counts.ticks}) {
    outcome.counts.push_back(count);
  }
  for (const emulator::LedgerRow& row : world().ledger()) {
    outcome.counts.insert(outcome.counts.end(), row.truth.begin(), row.truth.end());
    outcome.counts.insert(outcome.counts.end(), row.observable.begin(), row.observable.end());
    outcome.counts.push_back(row.door_openings);
  }
  return outcome;
}

std::uint64_t Lab::deposit(const std::string& parcel, std::uint8_t size) {
  return world().inject(deposit_of(parcel, size));
}

bool Lab::collect(std::uint64_t deposit, InjectionKind kind) {
  const auto told = world().deposit_code(deposit);
  if (told.has_value()) {
    Injection injection = collect_with(*told);
    injection.kind = kind;
    world().inject(injection);
  }
  return told.has_value();
}

std::int64_t Lab::parcels_inside() {
  std::int64_t count = 0;
  for (std::size_t c = 0; c < world().ledger().size(); ++c) {
    count += sim_->truly_inside(0, c);
  }
  return count;
}

std::uint64_t Lab::openings() {
  std::uint64_t count = 0;
  for (const emulator::LedgerRow& row : world().ledger()) {
    count += row.door_openings;
  }
  return count;
}

sim::SimOptions quiet_options(BoardFamily family) {
  sim::SimOptions options = sim::SimFleet::options(sim::seed_of(11), 1);
  options.fleet.demand = false;
  options.fleet.board_family = family;
  options.profile.mistype_per_million = 0;
  options.profile.failed_open_per_million = 0;
  options.profile.left_open_per_million = 0;
  options.profile.network_up_per_million = 1'000'000;
  options.profile.mains_losses_per_year = 0;
  return options;
}

Injection deposit_of(const std::string& parcel, std::uint8_t size) {
  Injection injection;
  injection.kind = InjectionKind::kDeposit;
  injection.size = size;
  injection.carrier = "sf";
  injection.parcel = parcel;
  return injection;
}

Injection collect_with(const emulator::ToldCode& told) {
  Injection injection;
  injection.kind = InjectionKind::kCollect;
  injection.code = told.code;
  injection.second = told.second;
  return injection;
}

Injection fault(InjectionKind kind, Duration length, std::uint8_t compartment) {
  Injection injection;
  injection.kind = kind;
  injection.duration = length;
  injection.compartment = compartment;
  return injection;
}

}  // namespace cubby::qemu

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "emulator/lockstep/lockstep_host.h"
#include "emulator/station/station_world.h"
#include "sim/sim_fleet.h"
#include "tools/emulator/guest_process.h"

/// One station, its centre, and a controller in this process or in a guest.
namespace cubby::qemu {

/// The guest's command, of the environment's CUBBY_GUEST: of the host or of an image under QEMU.
std::string guest_command();

/// A stream to a guest that makes one mistake.
class TamperedStream final : public emulator::GuestStream {
 public:
  /// Of the `count`-th message of that type from the guest, one bit of the last byte of its data is turned; `honest`:
  /// its CRC is then made right again, as if the guest had meant it.
  TamperedStream(emulator::GuestStream& stream, lockstep::Message type, unsigned count, bool honest)
      : stream_(stream), type_(type), left_(count), honest_(honest) {}
  bool done() const { return left_ == 0; }

 private:
  Status start() override { return stream_.start(); }
  void stop() override { stream_.stop(); }
  Status do_write(Bytes bytes) override { return stream_.write(bytes); }
  Result<std::size_t> do_read(MutableBytes into) override;
  Status read_frame();

  emulator::GuestStream& stream_;
  lockstep::Message type_;
  unsigned left_;
  bool honest_;
  std::vector<std::byte> frame_;
  std::size_t taken_ = 0;
};

struct Outcome {
  std::uint64_t trace_hash = 0;
  std::vector<std::byte> flash;       // The journal's image, with the wear of its sectors.
  std::vector<std::uint64_t> counts;  // All of StationCounters, and the ledger row by row.
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

class Lab {
 public:
  /// `controller` null: in this process.
  Lab(sim::SimOptions options, emulator::RemoteController* controller);

  sim::SimFleet& sim() { return *sim_; }
  emulator::StationWorld& world() { return static_cast<emulator::StationWorld&>(sim_->station()); }
  emulator::StationCounters counters() { return world().counters(); }
  Outcome outcome();

  /// Somebody comes, or something breaks, so long after the beginning.
  void plan(Duration at, const emulator::Injection& injection) {
    world().schedule_injection(Instant{} + at, injection);
  }
  void run_to(Duration at) { sim_->run(Instant{} + at - sim_->now()); }
  /// The courier of that parcel comes now.
  std::uint64_t deposit(const std::string& parcel, std::uint8_t size = 1);
  /// The owner of a deposit comes now with the code, if one was told, to collect it or to refuse it. False: none was.
  bool collect(std::uint64_t deposit, emulator::InjectionKind kind = emulator::InjectionKind::kCollect);
  std::int64_t parcels_inside();
  std::uint64_t openings();

 private:
  std::unique_ptr<sim::SimFleet> sim_;
};

/// One station that nobody visits by itself.
sim::SimOptions quiet_options(BoardFamily family = BoardFamily::kP5);
emulator::Injection deposit_of(const std::string& parcel, std::uint8_t size = 1);
emulator::Injection collect_with(const emulator::ToldCode& told);
emulator::Injection fault(emulator::InjectionKind kind, Duration length, std::uint8_t compartment = 0);

}  // namespace cubby::qemu

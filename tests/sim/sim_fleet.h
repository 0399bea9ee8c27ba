#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "emulator/fleet/fleet.h"
#include "firmware/base/prng.h"
#include "support/temporary_folder.h"
#include "tools/aggregator/core/connection_protocol.h"
#include "tools/aggregator/storage/event_store.h"
#include "tools/emulator/shard_exchange.h"

namespace cubby::sim {

/// The aggregator's core and store behind the fleet's centre port; no socket. restart() is a kill -9 of
/// everything that was not committed.
class SimCentre final : public tools::CentreLink, public aggregator::ConnectionOwner {
 public:
  SimCentre(std::string store, const FleetKeys& fleet_keys);
  ~SimCentre() override;

  void restart();
  /// That happens when somebody awaits its answers for that many times more.
  void restart_at_await(std::uint32_t count) { restart_at_await_ = count; }
  const aggregator::CentreCounters& counters() const { return centre_->counters(); }

 private:
  bool connect(std::uint64_t utc_ms) override;
  bool connected() const override { return protocol_ != nullptr; }
  void say(Bytes frames, std::uint64_t utc_ms) override;
  void barrier() override;
  bool await(std::vector<std::byte>& answers) override;
  void remember(tools::CentreMemory&) const override {}  // It is a centre of its own, whatever the emulator knows.
  void on_output() override {}

  void open();
  void feed(Bytes frames, std::uint64_t utc_ms);

  std::string path_;
  FleetKeys fleet_keys_;
  std::unique_ptr<aggregator::EventStore> store_;
  std::unique_ptr<aggregator::Centre> centre_;
  std::unique_ptr<aggregator::ConnectionProtocol> protocol_;
  std::uint32_t restart_at_await_ = 0;  // 0: never.
  Prng random_{5};
};

struct SimOptions {
  emulator::Profile profile;
  emulator::FleetOptions fleet;
  std::uint32_t window_s = 60;
};

/// A fleet of one shard, its centre, and the virtual time of both.
class SimFleet {
 public:
  explicit SimFleet(const SimOptions& options);
  ~SimFleet();

  emulator::Fleet& fleet() { return *fleet_; }
  emulator::Station& station(std::size_t index = 0) { return fleet_->station(index); }
  SimCentre& centre() { return *centre_; }
  Instant now() const { return now_; }

  /// Runs everything up to now() + `time`, in windows.
  void run(Duration time);
  /// The same, each station as far as it can go alone; whole windows.
  void run_ahead(Duration time);
  /// People stand still until the centre has acknowledged everything. False: it never came to that.
  bool drain();
  /// First difference between log, statistics and the ledger's observable columns; empty: exact.
  std::string difference() const;
  /// Parcels that are in that compartment, by the ledger's true columns.
  std::int64_t truly_inside(std::size_t station, std::size_t compartment) const;

  /// The options that most tests start from: the profile `shanxi`, a fixed key, reports at once.
  static SimOptions options(std::uint64_t seed, std::uint32_t stations);

 private:
  void window(Duration length);

  SimOptions options_;
  tests::TemporaryFolder folder_;
  std::vector<emulator::RoomMeter> meters_;
  std::unique_ptr<emulator::Fleet> fleet_;
  SimCentre* centre_ = nullptr;  // The exchange owns it.
  std::unique_ptr<tools::ShardExchange> exchange_;
  Instant now_{};
};

/// CUBBY_SEED from the environment, else `usual`; a failing test prints how to run it again.
std::uint64_t seed_of(std::uint64_t usual);
/// 1, or more in thorough (CUBBY_THOROUGH=1) and nightly (CUBBY_NIGHTLY=1) runs.
std::uint32_t scaled(std::uint32_t usual, std::uint32_t thorough, std::uint32_t nightly);

}  // namespace cubby::sim

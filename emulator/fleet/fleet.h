#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "emulator/hardware/boards/board_profile.h"
#include "emulator/hardware/boards/line_noise.h"
#include "emulator/people/profile.h"
#include "emulator/station/remote_controller.h"
#include "emulator/station/station.h"
#include "emulator/world/room_meter.h"
#include "firmware/base/fleet_keys.h"
#include "firmware/base/limits.h"

/// Many stations with one start of time. Stations never meet but through the centre.
namespace cubby::emulator {

struct FleetOptions {
  std::uint64_t seed = 1;
  std::uint64_t run_id = 0;             // Mixed into journal ids only.
  std::uint32_t stations = 0;           // 0: as many as the profile has; else the first so many of it.
  std::uint64_t start_utc_ms = 0;       // Virtual time at world Instant 0; 0: the profile's.
  std::uint32_t report_interval_s = 0;  // Of every station's configuration.
  std::uint32_t response_deadline_s = 90;
  std::uint32_t code_digits = limits::kCodeDigits;
  bool demand = true;  // False: nobody comes but those who are injected.
  bool announce_new_journals = false;
  bool skip_idle_polls = true;
  bool pings = false;  // As a real station's every 30 s; else none is said, since no link is dead without being told.
  BoardFamily board_family = BoardFamily::kP5;
  bool mixed_boards = false;  // Each station has boards of one family, drawn as the province's are.
  NoiseRates bus_noise;       // On every segment.
  bool item_sensors = false;  // Every compartment has one, as far as its segment has room for the boards.
  FleetKeys fleet_keys;
  std::uint16_t key_version = 1;                 // The newest of every station; fleet_keys has it.
  RemoteController* first_controller = nullptr;  // Of the first station; must outlive the fleet. Null: as the others'.
};

/// One row of a trace file, already checked.
struct TraceRow {
  Instant at{};
  std::uint32_t station = 0;  // Index.
  Injection injection;
};

class Fleet {
 public:
  /// Makes the stations (boots happen in their first run_until). `meters` has one entry a shard; shard i
  /// runs stations [shard_begin(i), shard_begin(i + 1)).
  Fleet(const Profile& profile, const FleetOptions& options, std::size_t shards, std::vector<RoomMeter>& meters);
  ~Fleet();

  std::size_t station_count() const;
  std::size_t compartment_count() const;
  std::size_t shard_count() const;
  std::size_t shard_begin(std::size_t shard) const;
  /// To change it: brought to the end of its last run, and run in the next one. Whoever only looks takes it const,
  /// where a quiet station may be behind.
  Station& station(std::size_t index);
  const Station& station(std::size_t index) const;
  /// It did something in its last run, or taken since: only then its link can have anything new.
  bool touched(std::size_t index) const;
  /// Index of the station of that name, or station_count().
  std::size_t find(std::string_view name) const;
  std::uint64_t start_utc_ms() const;
  /// The controller of FleetOptions::first_controller is gone for good. Only the first shard may change that.
  bool controller_lost() const;
  /// Adds the rows of a trace to the stations' futures; rows must not lie in the past.
  void add_trace(const std::vector<TraceRow>& rows);

  /// Nothing happens at that station before then; not after `end` of its last run: it is due.
  Instant next_activity(std::size_t index) const;
  /// Runs one station to `end`, if it has something to do until then. Those of different shards may run in parallel.
  void run_station(std::size_t index, Instant end);
  /// Runs one shard's stations to `end`, one after the other, but those that have nothing to do until then. Different
  /// shards may run in parallel.
  void run_shard(std::size_t shard, Instant end);
  /// Stations' hashes combined in station order: the same whatever the number of shards.
  std::uint64_t trace_hash() const;
  StationCounters totals() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace cubby::emulator

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emulator/hardware/boards/line_noise.h"
#include "emulator/people/profile.h"
#include "firmware/base/board_family.h"
#include "firmware/base/fleet_keys.h"
#include "firmware/base/limits.h"
#include "firmware/tls/session.h"
#include "tools/support/text.h"

namespace cubby::tools {

/// Of a run that ends: a controller has journalled by then what a door did, 2 s at most.
inline constexpr std::int64_t kSeenWithinS = 3;

/// What a run of the emulator was asked for, checked.
struct RunOptions {
  emulator::Profile profile;
  std::uint32_t stations = 0;
  double days = 1;          // 0: until stopped.
  std::uint32_t speed = 1;  // 0: as fast as it goes, in virtual time.
  std::uint64_t seed = 1;
  bool seed_drawn = false;  // Nobody asked for this one.
  std::uint32_t threads = 1;
  std::uint64_t run_id = 0;
  std::uint64_t start_utc_ms = 0;
  std::uint32_t report_interval_s = 0;
  std::uint32_t code_digits = limits::kCodeDigits;
  std::uint32_t window_s = 60;
  bool demand = true;
  BoardFamily board_family = BoardFamily::kP5;
  bool mixed_boards = false;
  emulator::NoiseRates bus_noise;
  bool item_sensors = false;
  bool new_journals = false;
  bool skip_idle_polls = true;
  bool profile_rooms = false;
  std::optional<Endpoint> aggregator;
  std::shared_ptr<const tls::Credentials> credentials;  // To the aggregator; null: plaintext.
  std::size_t opening_max = 64;                         // Connections in real time that are being opened at a time.
  std::string live_log_file;
  std::optional<Endpoint> control;
  std::string trace_file;
  std::string state_dir;
  std::string snapshot_file;  // Written at the end; then nothing is reported that was not yet.
  std::string restore_file;
  std::uint64_t from_utc_ms = 0;  // Figures count from then on; 0: from the start.
  std::string ledger_file;
  std::string report_file;
  std::string guest;             // Command of the first station's controller; empty: it is in here.
  int guest_silence_max_s = 10;  // 0: it may be silent as long as it likes.
  std::string stations_file;     // Only write the configurations there.
  FleetKeys fleet_keys;
  std::uint16_t key_version = 1;  // Of the stations' newest keys.
  std::string control_token;
};

}  // namespace cubby::tools

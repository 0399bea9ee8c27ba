#pragma once

#include <map>
#include <string>
#include <vector>

#include "emulator/hardware/boards/cabinet.h"
#include "firmware/drivers/door_bank.h"
#include "support/cabinet_bus.h"
#include "unit/boards/bench.h"

namespace cubby::drivers {

/// A driver that is set as the board is.
BoardSettings matching(const emulator::BoardProfile& profile);

/// An emulated board with its doors on one side, DoorBank on the other, one clock. Doors have numbers from 1. On P2
/// each compartment has its item sensor.
class DoorTrial {
 public:
  /// `settings` that are not those of the profile make a driver that is wrong about its board.
  DoorTrial(const emulator::BoardProfile& profile, const BoardSettings& settings, bool expects_echo);
  explicit DoorTrial(const emulator::BoardProfile& profile)
      : DoorTrial(profile, matching(profile), profile.local_echo) {}

  /// Until it has looked at all doors, or they are unknown.
  void start();
  void run(Duration duration);
  /// Sends an unlock and waits until it is over, and for what the doors do then. Returns its outcome.
  Exchange unlock(std::uint8_t number);

  /// Numbers of the doors that are believed to be so.
  std::vector<std::size_t> doors(DoorState state) const;
  /// Numbers of the doors that really stand open.
  std::vector<std::size_t> open_doors() const;
  /// How often exactly that unlock was sent.
  std::size_t unlocks_sent(std::uint8_t number) const;

  emulator::Cabinet cabinet;
  tests::CabinetBus bus{cabinet};
  DoorBank bank{bus};
  BoardSettings board;
  Instant now{1'000'000};
  std::size_t times_silent = 0;
  std::map<std::uint8_t, std::vector<Exchange>> outcomes;  // Of unlocks, by number.

 private:
  void tick();
};

}  // namespace cubby::drivers

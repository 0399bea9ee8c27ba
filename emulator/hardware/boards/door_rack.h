#pragma once

#include <cstdint>
#include <vector>

#include "emulator/hardware/boards/lock_board_device.h"
#include "emulator/hardware/door.h"
#include "firmware/base/prng.h"
#include "firmware/base/status.h"

namespace cubby::emulator {

enum class SwitchFault : std::uint8_t { kNone, kStuckOpen, kStuckShut };

/// A door with its spring latch, coil, switch and item sensor.
struct RackDoor {
  Door door;
  bool item = false;
  bool worn = false;  // The latch lets go by itself after the door was pushed shut.
  SwitchFault fault = SwitchFault::kNone;
  bool burnt = false;    // The coil is dead.
  bool powered = false;  // Current flows.
  Instant powered_since{};
  Duration heat{};  // Time under current that has not cooled off yet.
  Instant heat_at{};
  Instant moves_at = Instant::max();  // The latch lets go then.
};

/// Something that an onlooker sees.
enum class DoorNewsKind : std::uint8_t { kOpened, kForced, kShut, kDidNotMove, kCoilBurnt };
struct DoorNews {
  Instant at{};
  std::uint16_t door = 0;  // Index from 0.
  DoorNewsKind kind = DoorNewsKind::kOpened;
};

/// The doors of a cabinet, wired one to a channel in the order in which boards are added.
class DoorRack final : public LockWiring {
 public:
  explicit DoorRack(std::uint64_t seed) : prng_(Prng(seed).child("doors")) {}

  /// The next board's channels get new doors.
  void add_board(std::uint8_t channels);
  /// Exchanges the wires of two doors. kBadInput: there are no such doors, and nothing was done.
  Status swap_wires(std::size_t door, std::size_t other);
  std::size_t size() const { return doors_.size(); }
  const RackDoor& door(std::size_t index) const { return doors_[index]; }
  bool says_shut(std::size_t door, Instant now) const;

  // What people and bad luck do. kWrongState: the door is not so that this could be done.
  Status push_shut(std::size_t door, Instant now);
  Status force_open(std::size_t door, Instant now);
  Status put_item(std::size_t door);
  Status take_item(std::size_t door);
  /// The door does not move before `until`, whatever the latch does.
  void jam(std::size_t door, Instant until) { doors_[door].door.jam_until = until; }
  void set_switch_fault(std::size_t door, SwitchFault fault) { doors_[door].fault = fault; }
  void set_worn(std::size_t door, bool worn) { doors_[door].worn = worn; }
  /// No jam, no fault, a new latch and a new coil.
  void mend(std::size_t door, Instant now);

  void advance(Instant now);
  Instant next_call() const;
  std::vector<DoorNews> take_news();
  std::size_t coils_on() const;

  // LockWiring
  bool says_shut(std::uint8_t board, std::uint8_t channel, Instant now) override;
  bool holds_item(std::uint8_t board, std::uint8_t channel, Instant now) override;
  void coil(std::uint8_t board, std::uint8_t channel, bool on, Instant now) override;

 private:
  RackDoor& at(std::uint8_t board, std::uint8_t channel) { return doors_[wires_[first_wire_[board] + channel]]; }
  void move(RackDoor& door, bool shut, Instant now);
  void release(RackDoor& door, Instant now);
  static void settle_heat(RackDoor& door, Instant now);
  static Instant burns_at(const RackDoor& door);
  void tell(const RackDoor& door, DoorNewsKind kind, Instant now);
  Duration between(std::int64_t low_ms, std::int64_t span_ms);

  Prng prng_;
  std::vector<RackDoor> doors_;
  std::vector<std::size_t> first_wire_;  // By board.
  std::vector<std::uint16_t> wires_;     // By board and channel: the door there.
  std::vector<DoorNews> news_;
};

}  // namespace cubby::emulator

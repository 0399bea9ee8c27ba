#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "emulator/hardware/boards/lock_board_device.h"
#include "emulator/hardware/door.h"
#include "firmware/base/prng.h"
#include "firmware/base/status.h"

namespace cubby::emulator {

/// kIntermittent: a loose wire, it says the contrary now and then.
enum class SwitchFault : std::uint8_t { kNone, kStuckOpen, kStuckShut, kIntermittent };

/// A spring latch lets go soon after current comes, and the door springs open a little by itself. A driven lock pulls
/// its bolt back while there is current, which takes kDrivenPulse without a pause; then somebody can pull the door
/// open, and until then its switch says "shut". Either locks when the door is pushed shut.
enum class LockKind : std::uint8_t { kSpringLatch, kDriven };

/// A lock with its coil and switch, and the door with its item sensor that it locks. Of several locks on one door only
/// the first has a door.
struct RackDoor {
  Door door;
  bool item = false;
  std::uint16_t body = 0;  // Index of the lock whose door it is; its own, but where several are on one.
  LockKind kind = LockKind::kSpringLatch;
  bool worn = false;  // The latch lets go by itself after the door was pushed shut.
  SwitchFault fault = SwitchFault::kNone;
  bool burnt = false;    // The coil is dead.
  bool powered = false;  // Current flows.
  Instant powered_since{};
  Duration heat{};  // Time under current that has not cooled off yet.
  Instant heat_at{};
  Instant moves_at = Instant::max();  // The latch lets go then, or the bolt is back.
  std::optional<Instant> let_go_at;   // Since the door was shut.
  // Pulses that it takes until the ice breaks, 0: there is none; nullopt: none has tried since the door was shut.
  std::optional<std::uint8_t> ice;
};

/// Something that an onlooker sees.
/// kLetGo: a lock is open, the door is still where it was. kDidNotMove: a jam or ice, nothing has let go.
enum class DoorNewsKind : std::uint8_t { kOpened, kForced, kPulled, kShut, kDidNotMove, kLetGo, kCoilBurnt };
struct DoorNews {
  Instant at{};
  std::uint16_t door = 0;  // Index from 0; of a lock with kLetGo and kCoilBurnt.
  DoorNewsKind kind = DoorNewsKind::kOpened;
};

/// The doors of a cabinet, wired one to a channel in the order in which boards are added.
class DoorRack final : public LockWiring {
 public:
  static constexpr std::size_t kGroupMax = 8;
  static constexpr int kTemperatureMin = -40;
  static constexpr int kTemperatureMax = 85;
  /// Colder, and doors stick: each shut door with a probability of 5 % a degree, kSurelyFrozen and below all.
  static constexpr int kFrostBelow = -10;
  static constexpr int kSurelyFrozen = -30;
  static constexpr Duration kDrivenPulse = Duration::milliseconds(600);
  /// Spring latches on one door move it only if all let go within this time; else each holds again.
  static constexpr Duration kTogether = Duration::seconds(2);
  /// What a coil draws: more for the first kInrush.
  static constexpr std::uint32_t kCoilMa = 2'500;
  static constexpr std::uint32_t kInrushMa = 4'000;
  static constexpr Duration kInrush = Duration::milliseconds(10);

  explicit DoorRack(std::uint64_t seed)
      : prng_(Prng(seed).child("doors")), frost_(Prng(seed).child("frost")), loose_(Prng(seed).child("loose")) {}

  /// The next board's channels get new doors.
  void add_board(std::uint8_t channels);
  /// Exchanges the wires of two doors. kBadInput: there are no such doors, and nothing was done.
  Status swap_wires(std::size_t door, std::size_t other);
  /// One door with several locks. kBadInput: not 2 to kGroupMax different locks. kWrongState: one has others beside it
  /// already, stands open or has an item behind it. After an error nothing was done.
  Status group(std::span<const std::size_t> locks);
  /// Each lock of that door has its own again. kWrongState: it is the only one, or the door stands open or has an item
  /// behind it.
  Status ungroup(std::size_t lock);
  /// Another lock at that door, as it comes from the maker.
  void set_kind(std::size_t lock, LockKind kind, Instant now);
  std::size_t size() const { return doors_.size(); }
  /// The lock with that index; where several are on one door, body() has the door.
  const RackDoor& door(std::size_t index) const { return doors_[index]; }
  const RackDoor& body(std::size_t index) const { return doors_[doors_[index].body]; }
  /// Locks of that door, lowest first.
  std::vector<std::size_t> locks_of(std::size_t index) const;
  bool says_shut(std::size_t door, Instant now) const;

  // What people and bad luck do. kWrongState: the door is not so that this could be done.
  Status push_shut(std::size_t door, Instant now);
  Status force_open(std::size_t door, Instant now);
  /// Opens a door whose bolts are all back.
  Status pull_open(std::size_t door, Instant now);
  Status put_item(std::size_t door);
  Status take_item(std::size_t door);
  /// The door does not move before `until`, whatever the latch does.
  void jam(std::size_t door, Instant until) { doors_[doors_[door].body].door.jam_until = until; }
  void set_switch_fault(std::size_t door, SwitchFault fault) { doors_[door].fault = fault; }
  void set_worn(std::size_t door, bool worn) { doors_[door].worn = worn; }
  /// In the whole cabinet, in degrees Celsius, kTemperatureMin to kTemperatureMax; 20 at first.
  void set_temperature(int celsius);
  int temperature() const { return celsius_; }
  /// No jam, no ice, no fault, a new latch and a new coil.
  void mend(std::size_t door, Instant now);

  void advance(Instant now);
  Instant next_call() const;
  std::vector<DoorNews> take_news();
  std::size_t coils_on() const;
  /// What all coils draw at `now`.
  std::uint32_t current_ma(Instant now) const;

  // LockWiring
  bool says_shut(std::uint8_t board, std::uint8_t channel, Instant now) override;
  bool holds_item(std::uint8_t board, std::uint8_t channel, Instant now) override;
  void coil(std::uint8_t board, std::uint8_t channel, bool on, Instant now) override;

 private:
  RackDoor& at(std::uint8_t board, std::uint8_t channel) { return doors_[wires_[first_wire_[board] + channel]]; }
  void move(RackDoor& door, bool shut, Instant now);
  RackDoor& body_of(const RackDoor& lock) { return doors_[lock.body]; }
  void release(RackDoor& lock, Instant now);
  void let_go(RackDoor& lock, Instant at);
  bool ice_breaks(RackDoor& lock);
  bool is_free(const RackDoor& body, Instant at) const;
  bool springs_open(const RackDoor& body) const;
  void lock_again(RackDoor& lock);
  static void settle_heat(RackDoor& door, Instant now);
  static Instant burns_at(const RackDoor& door);
  void tell(const RackDoor& door, DoorNewsKind kind, Instant now);
  Duration between(std::int64_t low_ms, std::int64_t span_ms);

  Prng prng_;
  Prng frost_;
  Prng loose_;  // Only its children are used: what a loose wire says is a function of door and time.
  int celsius_ = 20;
  std::vector<RackDoor> doors_;
  std::vector<std::size_t> first_wire_;  // By board.
  std::vector<std::uint16_t> wires_;     // By board and channel: the door there.
  std::vector<DoorNews> news_;
};

}  // namespace cubby::emulator

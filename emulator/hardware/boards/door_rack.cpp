#include "emulator/hardware/boards/door_rack.h"

#include <algorithm>
#include <utility>

namespace cubby::emulator {
namespace {

/// A shorter pulse does not release the latch.
constexpr Duration kPulseMin = Duration::milliseconds(20);
/// So long under current, and the coil is dead. It cools four times as slowly as it heats.
constexpr Duration kBurnsAfter = Duration::seconds(20);
constexpr std::int64_t kCoolsSlower = 4;
constexpr Duration kWornHolds = Duration::milliseconds(300);

}  // namespace

void DoorRack::add_board(std::uint8_t channels) {
  first_wire_.push_back(wires_.size());
  for (std::uint8_t i = 0; i < channels; ++i) {
    wires_.push_back(static_cast<std::uint16_t>(doors_.size()));
    doors_.emplace_back();
  }
}

Status DoorRack::swap_wires(std::size_t door, std::size_t other) {
  if (door >= wires_.size() || other >= wires_.size()) {
    return Status::kBadInput;
  }
  std::swap(wires_[door], wires_[other]);
  return Status::kOk;
}

bool DoorRack::says_shut(std::size_t door, Instant now) const {
  switch (doors_[door].fault) {
    case SwitchFault::kNone:
      break;
    case SwitchFault::kStuckOpen:
      return false;
    case SwitchFault::kStuckShut:
      return true;
  }
  return doors_[door].door.switch_shut(now);
}

bool DoorRack::says_shut(std::uint8_t board, std::uint8_t channel, Instant now) {
  return std::as_const(*this).says_shut(wires_[first_wire_[board] + channel], now);
}

bool DoorRack::holds_item(std::uint8_t board, std::uint8_t channel, Instant) {
  return at(board, channel).item;
}

Duration DoorRack::between(std::int64_t low_ms, std::int64_t span_ms) {
  return Duration::microseconds(low_ms * 1000 +
                                static_cast<std::int64_t>(prng_.below(static_cast<std::uint64_t>(span_ms) * 1000)));
}

void DoorRack::tell(const RackDoor& door, DoorNewsKind kind, Instant now) {
  news_.push_back({now, static_cast<std::uint16_t>(&door - doors_.data()), kind});
}

std::vector<DoorNews> DoorRack::take_news() {
  return std::exchange(news_, {});
}

std::size_t DoorRack::coils_on() const {
  return static_cast<std::size_t>(
      std::count_if(doors_.begin(), doors_.end(), [](const RackDoor& door) { return door.powered && !door.burnt; }));
}

void DoorRack::move(RackDoor& door, bool shut, Instant now) {
  door.door.shut = shut;
  door.door.bounce_until = now + between(kBounceMinMs, kBounceSpanMs);
}

// The latch lets go after its delay, if it holds at all.
void DoorRack::release(RackDoor& door, Instant now) {
  if (door.door.shut && !door.burnt && door.moves_at == Instant::max()) {
    door.moves_at = now + between(kLatchDelayMinMs, kLatchDelaySpanMs);
  }
}

void DoorRack::settle_heat(RackDoor& door, Instant now) {
  const Duration since = now - door.heat_at;
  door.heat_at = now;
  door.heat = door.powered ? door.heat + since
                           : Duration::microseconds(std::max<std::int64_t>(0, door.heat.us - since.us / kCoolsSlower));
}

Instant DoorRack::burns_at(const RackDoor& door) {
  return door.powered && !door.burnt ? door.heat_at + (kBurnsAfter - door.heat) : Instant::max();
}

void DoorRack::coil(std::uint8_t board, std::uint8_t channel, bool on, Instant now) {
  RackDoor& door = at(board, channel);
  if (door.powered == on) {
    return;
  }
  settle_heat(door, now);
  door.powered = on;
  if (on) {
    door.powered_since = now;
    release(door, now);
  } else if (now - door.powered_since < kPulseMin) {
    door.moves_at = Instant::max();
  }
}

Status DoorRack::push_shut(std::size_t index, Instant now) {
  RackDoor& door = doors_[index];
  if (door.door.shut) {
    return Status::kWrongState;
  }
  move(door, true, now);
  tell(door, DoorNewsKind::kShut, now);
  door.moves_at = Instant::max();
  if (door.powered) {
    release(door, now);  // The bolt is held back.
  } else if (door.worn) {
    door.moves_at = now + kWornHolds;
  }
  return Status::kOk;
}

Status DoorRack::force_open(std::size_t index, Instant now) {
  RackDoor& door = doors_[index];
  if (!door.door.shut) {
    return Status::kWrongState;
  }
  move(door, false, now);
  door.moves_at = Instant::max();
  tell(door, DoorNewsKind::kForced, now);
  return Status::kOk;
}

Status DoorRack::put_item(std::size_t index) {
  RackDoor& door = doors_[index];
  if (door.door.shut || door.item) {
    return Status::kWrongState;
  }
  door.item = true;
  return Status::kOk;
}

Status DoorRack::take_item(std::size_t index) {
  RackDoor& door = doors_[index];
  if (door.door.shut || !door.item) {
    return Status::kWrongState;
  }
  door.item = false;
  return Status::kOk;
}

void DoorRack::mend(std::size_t index, Instant now) {
  RackDoor& door = doors_[index];
  door.worn = false;
  door.fault = SwitchFault::kNone;
  door.burnt = false;
  door.heat = {};
  door.heat_at = now;
  door.door.jam_until = {};
}

void DoorRack::advance(Instant now) {
  for (RackDoor& door : doors_) {
    if (const Instant burns = burns_at(door); burns <= now) {
      settle_heat(door, burns);
      door.burnt = true;
      tell(door, DoorNewsKind::kCoilBurnt, burns);
    }
    if (door.moves_at > now) {
      continue;
    }
    const Instant at = door.moves_at;
    door.moves_at = Instant::max();
    if (at < door.door.jam_until) {
      tell(door, DoorNewsKind::kDidNotMove, at);
    } else if (door.door.shut) {
      move(door, false, at);
      tell(door, DoorNewsKind::kOpened, at);
    }
  }
}

Instant DoorRack::next_call() const {
  Instant next = Instant::max();
  for (const RackDoor& door : doors_) {
    next = std::min({next, door.moves_at, burns_at(door)});
  }
  return next;
}

}  // namespace cubby::emulator

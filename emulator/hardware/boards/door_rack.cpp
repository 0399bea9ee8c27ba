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
/// A loose wire: in one of kLooseOne such times the contrary is said.
constexpr std::int64_t kLooseUs = 100'000;
constexpr std::uint64_t kLooseOne = 8;
/// Pulses that break the ice.
constexpr std::uint8_t kIceMin = 2;
constexpr std::uint64_t kIceSpan = 3;

}  // namespace

void DoorRack::add_board(std::uint8_t channels) {
  first_wire_.push_back(wires_.size());
  for (std::uint8_t i = 0; i < channels; ++i) {
    const auto index = static_cast<std::uint16_t>(doors_.size());
    wires_.push_back(index);
    doors_.emplace_back().body = index;
  }
}

Status DoorRack::swap_wires(std::size_t door, std::size_t other) {
  if (door >= wires_.size() || other >= wires_.size()) {
    return Status::kBadInput;
  }
  std::swap(wires_[door], wires_[other]);
  return Status::kOk;
}

Status DoorRack::group(std::span<const std::size_t> locks) {
  if (locks.size() < 2 || locks.size() > kGroupMax) {
    return Status::kBadInput;
  }
  for (std::size_t i = 0; i < locks.size(); ++i) {
    if (locks[i] >= doors_.size() || std::count(locks.begin(), locks.end(), locks[i]) != 1) {
      return Status::kBadInput;
    }
  }
  for (const std::size_t lock : locks) {
    if (locks_of(lock).size() != 1 || !doors_[lock].door.shut || doors_[lock].item) {
      return Status::kWrongState;
    }
  }
  const std::size_t first = *std::min_element(locks.begin(), locks.end());
  for (const std::size_t lock : locks) {
    doors_[lock].body = static_cast<std::uint16_t>(first);
  }
  return Status::kOk;
}

Status DoorRack::ungroup(std::size_t lock) {
  const std::vector<std::size_t> locks = locks_of(lock);
  if (locks.size() == 1 || !body(lock).door.shut || body(lock).item) {
    return Status::kWrongState;
  }
  for (const std::size_t one : locks) {
    doors_[one].body = static_cast<std::uint16_t>(one);
    lock_again(doors_[one]);
  }
  return Status::kOk;
}

std::vector<std::size_t> DoorRack::locks_of(std::size_t index) const {
  std::vector<std::size_t> locks;
  for (std::size_t i = 0; i < doors_.size(); ++i) {
    if (doors_[i].body == doors_[index].body) {
      locks.push_back(i);
    }
  }
  return locks;
}

void DoorRack::set_kind(std::size_t index, LockKind kind, Instant now) {
  RackDoor& lock = doors_[index];
  lock.kind = kind;
  lock_again(lock);
  if (lock.powered) {
    release(lock, now);
  }
}

bool DoorRack::says_shut(std::size_t index, Instant now) const {
  const bool shut = body(index).door.switch_shut(now);
  switch (doors_[index].fault) {
    case SwitchFault::kNone:
      break;
    case SwitchFault::kStuckOpen:
      return false;
    case SwitchFault::kStuckShut:
      return true;
    case SwitchFault::kIntermittent: {
      const auto window = static_cast<std::uint64_t>(now.us / kLooseUs);
      const bool wrong = loose_.child("door", index).child("window", window).below(kLooseOne) == 0;
      return shut != wrong;
    }
  }
  return shut;
}

bool DoorRack::says_shut(std::uint8_t board, std::uint8_t channel, Instant now) {
  return std::as_const(*this).says_shut(wires_[first_wire_[board] + channel], now);
}

bool DoorRack::holds_item(std::uint8_t board, std::uint8_t channel, Instant) {
  return body_of(at(board, channel)).item;
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

std::uint32_t DoorRack::current_ma(Instant now) const {
  std::uint32_t all = 0;
  for (const RackDoor& lock : doors_) {
    if (lock.powered && !lock.burnt) {
      all += now - lock.powered_since < kInrush ? kInrushMa : kCoilMa;
    }
  }
  return all;
}

void DoorRack::set_temperature(int celsius) {
  celsius_ = std::clamp(celsius, kTemperatureMin, kTemperatureMax);
  for (RackDoor& lock : doors_) {
    if (celsius_ >= kFrostBelow) {
      lock.ice.reset();
    }
  }
}

void DoorRack::move(RackDoor& door, bool shut, Instant now) {
  door.door.shut = shut;
  door.door.bounce_until = now + between(kBounceMinMs, kBounceSpanMs);
}

// The latch lets go after its delay, or the bolt begins to move, if it holds at all.
void DoorRack::release(RackDoor& lock, Instant now) {
  if (!body_of(lock).door.shut || lock.burnt || lock.moves_at != Instant::max()) {
    return;
  }
  if (lock.kind == LockKind::kDriven) {
    lock.moves_at = lock.let_go_at.has_value() ? Instant::max() : now + kDrivenPulse;
    return;
  }
  lock.moves_at = now + between(kLatchDelayMinMs, kLatchDelaySpanMs);
}

void DoorRack::lock_again(RackDoor& lock) {
  lock.moves_at = Instant::max();
  lock.let_go_at.reset();
  lock.ice.reset();
}

// One pulse has pulled. True: there is no ice, or no more.
bool DoorRack::ice_breaks(RackDoor& lock) {
  if (celsius_ >= kFrostBelow || lock.worn) {
    return true;
  }
  if (!lock.ice.has_value()) {
    const auto degrees = static_cast<std::uint64_t>(kFrostBelow - celsius_);
    const bool frozen = frost_.below(kFrostBelow - kSurelyFrozen) < degrees;
    lock.ice = frozen ? static_cast<std::uint8_t>(kIceMin + frost_.below(kIceSpan)) : std::uint8_t{0};
  }
  if (*lock.ice > 0) {
    --*lock.ice;
  }
  return *lock.ice == 0;
}

// Nothing holds the door any more.
bool DoorRack::is_free(const RackDoor& body, Instant at) const {
  return std::all_of(doors_.begin(), doors_.end(), [&](const RackDoor& lock) {
    if (lock.body != body.body) {
      return true;
    }
    const bool held_again = lock.kind == LockKind::kSpringLatch && !lock.worn && !lock.powered;
    return lock.let_go_at.has_value() && (!held_again || at - *lock.let_go_at <= kTogether);
  });
}

bool DoorRack::springs_open(const RackDoor& body) const {
  return std::all_of(doors_.begin(), doors_.end(), [&](const RackDoor& lock) {
    return lock.body != body.body || lock.kind == LockKind::kSpringLatch;
  });
}

void DoorRack::let_go(RackDoor& lock, Instant at) {
  RackDoor& body = body_of(lock);
  if (!body.door.shut) {
    return;
  }
  if (at < body.door.jam_until || !ice_breaks(lock)) {
    tell(body, DoorNewsKind::kDidNotMove, at);
    return;
  }
  lock.let_go_at = at;
  if (!is_free(body, at) || !springs_open(body)) {
    tell(lock, DoorNewsKind::kLetGo, at);
    return;
  }
  move(body, false, at);
  tell(body, DoorNewsKind::kOpened, at);
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
  RackDoor& lock = at(board, channel);
  if (lock.powered == on) {
    return;
  }
  settle_heat(lock, now);
  lock.powered = on;
  if (on) {
    lock.powered_since = now;
    release(lock, now);
    return;
  }
  const bool too_short = lock.kind == LockKind::kDriven ? lock.moves_at > now : now - lock.powered_since < kPulseMin;
  lock.moves_at = too_short ? Instant::max() : lock.moves_at;
}

Status DoorRack::push_shut(std::size_t index, Instant now) {
  RackDoor& body = body_of(doors_[index]);
  if (body.door.shut) {
    return Status::kWrongState;
  }
  move(body, true, now);
  tell(body, DoorNewsKind::kShut, now);
  for (const std::size_t one : locks_of(index)) {
    RackDoor& lock = doors_[one];
    lock_again(lock);
    if (lock.powered) {
      release(lock, now);  // The bolt is held back.
    } else if (lock.worn) {
      lock.moves_at = now + kWornHolds;
    }
  }
  return Status::kOk;
}

Status DoorRack::force_open(std::size_t index, Instant now) {
  RackDoor& body = body_of(doors_[index]);
  if (!body.door.shut) {
    return Status::kWrongState;
  }
  move(body, false, now);
  for (const std::size_t lock : locks_of(index)) {
    doors_[lock].moves_at = Instant::max();
  }
  tell(body, DoorNewsKind::kForced, now);
  return Status::kOk;
}

Status DoorRack::pull_open(std::size_t index, Instant now) {
  RackDoor& body = body_of(doors_[index]);
  if (!body.door.shut || now < body.door.jam_until || !is_free(body, now)) {
    return Status::kWrongState;
  }
  move(body, false, now);
  tell(body, DoorNewsKind::kPulled, now);
  return Status::kOk;
}

Status DoorRack::put_item(std::size_t index) {
  RackDoor& body = body_of(doors_[index]);
  if (body.door.shut || body.item) {
    return Status::kWrongState;
  }
  body.item = true;
  return Status::kOk;
}

Status DoorRack::take_item(std::size_t index) {
  RackDoor& body = body_of(doors_[index]);
  if (body.door.shut || !body.item) {
    return Status::kWrongState;
  }
  body.item = false;
  return Status::kOk;
}

void DoorRack::mend(std::size_t index, Instant now) {
  RackDoor& door = doors_[index];
  door.ice = std::uint8_t{0};
  door.worn = false;
  door.fault = SwitchFault::kNone;
  door.burnt = false;
  door.heat = {};
  door.heat_at = now;
  body_of(door).door.jam_until = {};
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
    let_go(door, std::exchange(door.moves_at, Instant::max()));
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

#pragma once

#include <array>
#include <cstdint>

namespace cubby::emulator {

/// Rooms that CPU time is booked to. What is outside of the emulator (sockets, waiting) the programs measure
/// themselves.
enum class Room : std::uint8_t { kWorld, kPeople, kCore, kBus, kFlash, kWire, kOutside, kCount };

/// Books processor ticks to rooms. The emulator has no clock: the program gives it a counter, or none,
/// and then it costs one comparison. One meter a thread.
struct RoomMeter {
  using Counter = std::uint64_t (*)();
  Counter counter = nullptr;
  Room current = Room::kOutside;
  std::uint64_t since = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(Room::kCount)> ticks{};

  Room enter(Room room) {
    const Room previous = current;
    if (counter != nullptr) {
      const std::uint64_t now = counter();
      ticks[static_cast<std::size_t>(current)] += now - since;
      since = now;
      current = room;
    }
    return previous;
  }
};

/// While it lives, time is booked to `room`; then to the one before it.
class RoomScope {
 public:
  /// A null meter measures nothing.
  RoomScope(RoomMeter* meter, Room room)
      : meter_(meter), previous_(meter != nullptr ? meter->enter(room) : Room::kOutside) {}
  ~RoomScope() {
    if (meter_ != nullptr) {
      meter_->enter(previous_);
    }
  }
  RoomScope(const RoomScope&) = delete;
  RoomScope& operator=(const RoomScope&) = delete;

 private:
  RoomMeter* meter_;
  Room previous_;
};

}  // namespace cubby::emulator

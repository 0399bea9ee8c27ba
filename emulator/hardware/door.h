#pragma once

#include <cstdint>

#include "firmware/base/instant.h"

namespace cubby::emulator {

/// An item sensor that says the same whatever is inside.
enum class ItemFault : std::uint8_t { kNone, kStuckEmpty, kStuckPresent };

/// One door with its spring latch, its switch and perhaps an item sensor behind it, as it really is. Doors open
/// a little by themselves when the latch lets go and lock when they are pushed shut.
struct Door {
  bool shut = true;
  bool inside = false;  // A parcel is.
  ItemFault item_fault = ItemFault::kNone;
  Instant moved_at{};       // Newest change of `shut` ...
  Instant item_moved_at{};  // ... and of what the item sensor says.
  Instant bounce_until{};   // The switch chatters until then.
  Instant jam_until{};      // The door does not move before then, whatever the latch does.

  /// What an item sensor says.
  bool item_seen() const { return item_fault == ItemFault::kNone ? inside : item_fault == ItemFault::kStuckPresent; }

  /// What the item sensor said at `at`, which is not before the change that came before the newest.
  bool item_seen(Instant at) const { return item_seen() != (at < item_moved_at); }

  /// What the switch says at `now`. While the contact bounces that is a function of time alone.
  bool switch_shut(Instant now) const {
    if (now < moved_at) {
      return !shut;  // Somebody looks back, to before the newest change.
    }
    if (now >= bounce_until) {
      return shut;
    }
    const auto millisecond = static_cast<std::uint64_t>(now.us / 1000);
    return ((millisecond * 0x9E3779B97F4A7C15ULL) >> 63) != 0;
  }
};

/// Latch release to switch change, then contact bounce (BOARDS: 30-120 ms and 5-20 ms).
inline constexpr std::int64_t kLatchDelayMinMs = 30;
inline constexpr std::int64_t kLatchDelaySpanMs = 91;
inline constexpr std::int64_t kBounceMinMs = 5;
inline constexpr std::int64_t kBounceSpanMs = 16;

}  // namespace cubby::emulator

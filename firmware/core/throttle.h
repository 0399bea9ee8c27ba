#pragma once

#include <algorithm>
#include <cstdint>

#include "firmware/base/instant.h"
#include "firmware/base/limits.h"

namespace cubby::core {

/// How long the keypad is locked after so many wrong codes in a row.
constexpr Duration lockout_after(std::uint32_t failures) {
  if (failures < limits::kFreeTries) {
    return {};
  }
  constexpr std::uint32_t kDoublingsMax = 16;
  const auto doublings = std::min(failures - limits::kFreeTries, kDoublingsMax);
  return std::min(limits::kLockoutFirst * (std::int64_t{1} << doublings), limits::kLockoutMax);
}
static_assert(lockout_after(4) == Duration{});
static_assert(lockout_after(5) == Duration::seconds(30) && lockout_after(6) == Duration::seconds(60));
static_assert(lockout_after(99) == Duration::hours(1));

/// Guards the keypad against guessing. The count itself is durable, in StationState.
class Throttle {
 public:
  /// `failures` is the durable count; call at boot (a lock-out that ran starts again in full) and
  /// whenever the count changed.
  void set(std::uint32_t failures, Instant now) {
    failures_ = failures;
    locked_until_ = now + lockout_after(failures);
  }
  bool hard_stop() const { return failures_ >= limits::kHardStopTries; }
  bool locked(Instant now) const { return hard_stop() || now < locked_until_; }
  /// Whole seconds, rounded up; UINT32_MAX in a hard stop.
  std::uint32_t locked_for_s(Instant now) const {
    if (hard_stop()) {
      return UINT32_MAX;
    }
    return now < locked_until_ ? static_cast<std::uint32_t>(((locked_until_ - now).us + 999'999) / 1'000'000) : 0;
  }
  std::uint32_t free_tries() const { return failures_ < limits::kFreeTries ? limits::kFreeTries - failures_ : 0; }

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(failures_, locked_until_);
  }

 private:
  std::uint32_t failures_ = 0;
  Instant locked_until_{};
};

}  // namespace cubby::core

#pragma once

#include <cstdint>
#include <optional>

#include "firmware/base/instant.h"
#include "firmware/hal/clock.h"

namespace cubby::posix {

/// What the computer says about time. Virtual, so that a test can say something else.
class HostTime {
 public:
  HostTime();
  virtual ~HostTime() = default;
  /// Since this object was made; time in which the computer slept counts (CLOCK_BOOTTIME).
  virtual Instant now() const;
  /// UTC milliseconds since 1970 as the computer has them, right or wrong.
  virtual std::uint64_t realtime_ms() const;
  /// The kernel was told by a time daemon that its clock is right.
  virtual bool synchronised() const;

 private:
  std::int64_t began_us_ = 0;
};

/// UTC from the computer's clock, where it can be trusted, or from the centre; the computer's own clock is
/// never set. What the centre said holds until the controller ends and runs on CLOCK_BOOTTIME, so that a clock
/// that is set meanwhile moves nothing here.
class HostClock final : public hal::Clock {
 public:
  /// `trust_always`: the computer's clock has a battery and is right although no time daemon says so.
  HostClock(const HostTime& time, bool trust_always) : time_(time), trust_always_(trust_always) {}

 private:
  std::optional<std::uint64_t> do_utc_ms() const override;
  void do_set_utc_ms(std::uint64_t utc_ms) override;

  const HostTime& time_;
  bool trust_always_;
  std::optional<std::uint64_t> centre_offset_ms_;  // UTC less the time since the start.
};

}  // namespace cubby::posix

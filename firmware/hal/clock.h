#pragma once

#include <cstdint>
#include <optional>

namespace cubby::hal {

/// The real-time clock. Monotonic time is not in here: it is the Instant that tick() is given.
class Clock {
 public:
  /// UTC milliseconds since 1970; nullopt if the clock was never set or has lost its supply.
  std::optional<std::uint64_t> utc_ms() const { return do_utc_ms(); }
  void set_utc_ms(std::uint64_t utc_ms) { do_set_utc_ms(utc_ms); }

 protected:
  ~Clock() = default;

 private:
  virtual std::optional<std::uint64_t> do_utc_ms() const = 0;
  virtual void do_set_utc_ms(std::uint64_t utc_ms) = 0;
};

}  // namespace cubby::hal

#pragma once

#include <compare>
#include <cstdint>

namespace cubby {

/// A length of time in whole microseconds; may be negative.
struct Duration {
  std::int64_t us = 0;
  static constexpr Duration microseconds(std::int64_t n) { return {n}; }
  static constexpr Duration milliseconds(std::int64_t n) { return {n * 1'000}; }
  static constexpr Duration seconds(std::int64_t n) { return {n * 1'000'000}; }
  static constexpr Duration minutes(std::int64_t n) { return seconds(n * 60); }
  static constexpr Duration hours(std::int64_t n) { return seconds(n * 3'600); }
  constexpr std::int64_t ms() const { return us / 1'000; }
  friend constexpr auto operator<=>(Duration, Duration) = default;
  friend constexpr Duration operator+(Duration a, Duration b) { return {a.us + b.us}; }
  friend constexpr Duration operator-(Duration a, Duration b) { return {a.us - b.us}; }
  friend constexpr Duration operator*(Duration a, std::int64_t n) { return {a.us * n}; }
};

/// A point on a monotonic clock in microseconds. In firmware it counts from this boot and never goes
/// back; in the emulator's world it counts from the start of the run. 292,000 years fit.
struct Instant {
  std::int64_t us = 0;
  static constexpr Instant max() { return {INT64_MAX}; }
  constexpr std::int64_t ms() const { return us / 1'000; }
  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Instant operator+(Instant t, Duration d) { return {t.us + d.us}; }
  friend constexpr Instant operator-(Instant t, Duration d) { return {t.us - d.us}; }
  friend constexpr Duration operator-(Instant a, Instant b) { return {a.us - b.us}; }
};

/// When the controller wants to be called next. An idle poll only asks the hardware whether anything
/// changed: whoever knows that nothing did may skip it, on the same time grid, without any effect.
struct Wake {
  Instant deadline = Instant::max();   // Must be called at or before this.
  Instant idle_poll = Instant::max();  // Would look at the hardware here.
  constexpr Instant earliest() const { return deadline < idle_poll ? deadline : idle_poll; }
  constexpr void need(Instant at) { deadline = at < deadline ? at : deadline; }
  constexpr void look(Instant at) { idle_poll = at < idle_poll ? at : idle_poll; }
  constexpr void merge(const Wake& other) {
    need(other.deadline);
    look(other.idle_poll);
  }
};

}  // namespace cubby

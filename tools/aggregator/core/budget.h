#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace cubby::aggregator {

/// How much one station may say, over all of its sessions: frames and bytes a second, and kBurstUs's worth of both at
/// once. Time is the session's, in UTC milliseconds.
class Budget {
 public:
  struct Rates {
    std::uint32_t frames_a_second = 50;       // 0: no limit.
    std::uint32_t bytes_a_second = 64 << 10;  // 0: no limit.
  };
  static constexpr std::uint64_t kBurstUs = 10'000'000;

  /// kPause: ask it to be silent for wait_s(); once for each pause, and what is on its way still counts.
  /// kClose: it did not listen.
  enum class Answer : std::uint8_t { kGoOn, kPause, kClose };
  Answer charge(const Rates& rates, std::size_t bytes, std::uint64_t now_ms) {
    const std::uint64_t now_us = now_ms * 1'000;
    add(frames_paid_us_, rates.frames_a_second, 1, now_us);
    add(bytes_paid_us_, rates.bytes_a_second, bytes, now_us);
    const std::uint64_t ahead_us = std::max(frames_paid_us_, bytes_paid_us_) - now_us;
    if (ahead_us > 2 * kBurstUs) {
      return Answer::kClose;
    }
    if (ahead_us <= kBurstUs || (now_us < paused_until_us_ && paused_until_us_ <= now_us + 2 * kBurstUs)) {
      return Answer::kGoOn;
    }
    paused_until_us_ = now_us + std::uint64_t{wait_s(now_ms)} * 1'000'000;
    return Answer::kPause;
  }

  /// So far ahead that a new session would only be told to pause.
  bool is_over(std::uint64_t now_ms) const { return wait_s(now_ms) > kBurstUs / 2'000'000; }
  /// Until half of the burst is there again; 0: it is.
  std::uint32_t wait_s(std::uint64_t now_ms) const {
    const std::uint64_t now_us = now_ms * 1'000;
    const std::uint64_t paid_us = std::max(frames_paid_us_, bytes_paid_us_);
    if (paid_us <= now_us + kBurstUs / 2 || is_of_another_clock(paid_us, now_us)) {
      return 0;
    }
    return static_cast<std::uint32_t>((paid_us - now_us - kBurstUs / 2 + 999'999) / 1'000'000);
  }

 private:
  // Nobody gets so far ahead: the station was in virtual time, or the clock was set back.
  static bool is_of_another_clock(std::uint64_t paid_us, std::uint64_t now_us) {
    return paid_us > now_us + 3 * kBurstUs;
  }
  static void add(std::uint64_t& paid_us, std::uint32_t rate, std::size_t count, std::uint64_t now_us) {
    if (paid_us < now_us || is_of_another_clock(paid_us, now_us)) {
      paid_us = now_us;
    }
    paid_us += rate == 0 ? 0 : count * 1'000'000 / rate;
  }

  // What has been said so far would have been within the rates if it had taken until then.
  std::uint64_t frames_paid_us_ = 0;
  std::uint64_t bytes_paid_us_ = 0;
  std::uint64_t paused_until_us_ = 0;
};

}  // namespace cubby::aggregator

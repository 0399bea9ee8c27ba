#include "firmware/ports/posix/host_time.h"

#include <spdlog/spdlog.h>
#include <sys/timex.h>

#include <ctime>

namespace cubby::posix {
namespace {

std::int64_t clock_us(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1'000;
}

}  // namespace

HostTime::HostTime() : began_us_(clock_us(CLOCK_BOOTTIME)) {}

Instant HostTime::now() const {
  return Instant{clock_us(CLOCK_BOOTTIME) - began_us_};
}

std::uint64_t HostTime::realtime_ms() const {
  return static_cast<std::uint64_t>(clock_us(CLOCK_REALTIME) / 1'000);
}

bool HostTime::synchronised() const {
  timex state{};
  const int answer = adjtimex(&state);  // Asks only; a sandbox may refuse even that.
  return answer >= 0 && answer != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

std::optional<std::uint64_t> HostClock::do_utc_ms() const {
  if (centre_offset_ms_.has_value()) {
    return *centre_offset_ms_ + static_cast<std::uint64_t>(time_.now().ms());
  }
  if (trust_always_ || time_.synchronised()) {
    return time_.realtime_ms();
  }
  return std::nullopt;
}

void HostClock::do_set_utc_ms(std::uint64_t utc_ms) {
  if (const auto own = do_utc_ms(); own.has_value()) {
    spdlog::warn("clock: {} s from the centre's; the centre's holds until the next start",
                 (static_cast<std::int64_t>(*own) - static_cast<std::int64_t>(utc_ms)) / 1'000);
  } else {
    spdlog::info("clock: set by the centre");
  }
  centre_offset_ms_ = utc_ms - static_cast<std::uint64_t>(time_.now().ms());
}

}  // namespace cubby::posix

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "firmware/base/prng.h"
#include "firmware/hal/clock.h"
#include "firmware/hal/power_monitor.h"
#include "firmware/hal/random_source.h"
#include "firmware/hal/watchdog.h"

namespace cubby::emulator {

/// A real-time clock with a battery: it runs on through power cuts. Set by the factory, so it knows the
/// time from the start; `offset` is what the controller has corrected.
class RtcDevice final : public hal::Clock {
 public:
  RtcDevice(const Instant& now, std::uint64_t start_utc_ms) : now_(&now), start_utc_ms_(start_utc_ms) {}
  std::int64_t offset_ms() const { return offset_ms_; }
  void restore(std::int64_t offset_ms) { offset_ms_ = offset_ms; }

 private:
  std::uint64_t true_utc_ms() const { return start_utc_ms_ + static_cast<std::uint64_t>(now_->us / 1000); }
  std::optional<std::uint64_t> do_utc_ms() const override {
    return true_utc_ms() + static_cast<std::uint64_t>(offset_ms_);
  }
  void do_set_utc_ms(std::uint64_t utc_ms) override { offset_ms_ = static_cast<std::int64_t>(utc_ms - true_utc_ms()); }

  const Instant* now_;
  std::uint64_t start_utc_ms_;
  std::int64_t offset_ms_ = 0;
};

/// Mains and a battery that bridges short losses.
class SupplyDevice final : public hal::PowerMonitor {
 public:
  void set(hal::Supply supply) { supply_ = supply; }

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(supply_);
  }

 private:
  hal::Supply do_supply() const override { return supply_; }
  hal::ResetCause do_reset_cause() const override { return hal::ResetCause::kPowerOn; }
  hal::Supply supply_ = hal::Supply::kMains;
};

/// Random numbers that a seed repeats: fit for a simulation and for nothing else.
class RandomDevice final : public hal::RandomSource {
 public:
  explicit RandomDevice(const Prng& prng) : prng_(prng) {}
  const Prng& prng() const { return prng_; }
  void restore(const Prng::State& state) { prng_.restore(state); }

 private:
  Status do_fill(MutableBytes into) override {
    for (std::byte& byte : into) {
      byte = static_cast<std::byte>(prng_.next() >> 56);
    }
    return Status::kOk;
  }
  Prng prng_;
};

class WatchdogDevice final : public hal::Watchdog {
 private:
  void do_feed() override {}  // A controller in virtual time cannot hang without the whole run hanging.
};

}  // namespace cubby::emulator

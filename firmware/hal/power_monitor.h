#pragma once

#include <cstdint>

namespace cubby::hal {

enum class ResetCause : std::uint8_t { kPowerOn, kWatchdog, kRequested };

/// The supply. kOnBattery: mains are gone, finish what is begun. kFailing: milliseconds left; nothing
/// may be pulsed.
enum class Supply : std::uint8_t { kMains, kOnBattery, kFailing };

class PowerMonitor {
 public:
  Supply supply() const { return do_supply(); }
  ResetCause reset_cause() const { return do_reset_cause(); }

 protected:
  ~PowerMonitor() = default;

 private:
  virtual Supply do_supply() const = 0;
  virtual ResetCause do_reset_cause() const = 0;
};

}  // namespace cubby::hal

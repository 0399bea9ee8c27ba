#pragma once

#include <optional>
#include <string>

#include "firmware/base/instant.h"
#include "firmware/hal/held_keys.h"
#include "firmware/hal/power_monitor.h"
#include "firmware/hal/random_source.h"
#include "firmware/ports/posix/host_time.h"

namespace cubby::posix {

/// One line of 64 hexadecimal digits in a file that only its owner can read. nullopt: `why` is a sentence for a
/// person, without a byte of the key.
std::optional<StationKey> read_key_file(const std::string& path, std::string& why);

/// 1 to limits::kStationKeysMax lines `VERSION KEY` in such a file, versions ascending; a key alone is of version 1.
/// The last one is proven with, those before it are for codes that were given. Likewise.
std::optional<StationKeys> read_station_keys(const std::string& path, std::string& why);

/// The kernel's generator, which never runs dry once it has begun.
class KernelRandom final : public hal::RandomSource {
 private:
  Status do_fill(MutableBytes into) override;
};

/// The supply as a UPS daemon writes it into a file: `mains`, `battery` or `failing`. No such file, or another word:
/// mains, since a word that nobody wrote must not stop a station.
class FilePowerMonitor final : public hal::PowerMonitor {
 public:
  /// `status_file` may be empty: always mains.
  FilePowerMonitor(const HostTime& time, std::string status_file, hal::ResetCause cause)
      : time_(time), status_file_(std::move(status_file)), cause_(cause) {}

 private:
  hal::Supply do_supply() const override;
  hal::ResetCause do_reset_cause() const override { return cause_; }

  const HostTime& time_;
  std::string status_file_;
  hal::ResetCause cause_;
  mutable Instant read_at_{-1};  // The file is not read in every tick.
  mutable hal::Supply supply_ = hal::Supply::kMains;
};

/// Remembers whether the last run ended on purpose: a file with this boot of the computer and `running` or `stopped`.
class RunFile {
 public:
  /// `path` may be empty: nothing is remembered, every start is a power-on.
  explicit RunFile(std::string path, std::string boot_id = current_boot_id())
      : path_(std::move(path)), boot_id_(std::move(boot_id)) {}
  /// What ended the last run: kRequested, it stopped; kWatchdog, it was killed or crashed; kPowerOn, the computer
  /// has started since.
  hal::ResetCause last_end() const;
  void note_running() const { write("running"); }
  void note_stopped() const { write("stopped"); }

 private:
  static std::string current_boot_id();
  void write(const char* word) const;
  std::string path_;
  std::string boot_id_;
};

}  // namespace cubby::posix

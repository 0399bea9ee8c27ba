#pragma once

#include <optional>
#include <string>

#include "firmware/base/inplace_vector.h"
#include "firmware/base/instant.h"
#include "firmware/hal/key_store.h"
#include "firmware/hal/power_monitor.h"
#include "firmware/hal/random_source.h"
#include "firmware/ports/posix/host_time.h"

namespace cubby::posix {

/// One line of 64 hexadecimal digits in a file that only its owner can read. nullopt: `why` is a sentence for a
/// person, without a byte of the key.
std::optional<StationKey> read_key_file(const std::string& path, std::string& why);

/// A station's key of one version.
struct VersionedKey {
  std::uint16_t version = 1;
  StationKey key{};
};
constexpr std::size_t kStationKeysMax = 4;
using StationKeys = InplaceVector<VersionedKey, kStationKeysMax>;  // Oldest first, versions ascending.

/// 1 to kStationKeysMax lines `VERSION KEY` in such a file, versions ascending; a key alone is of version 1. The last
/// one is proven with, those before it are for codes that were given. Likewise.
std::optional<StationKeys> read_station_keys(const std::string& path, std::string& why);

/// All keys, read once at the start.
class FileKeyStore final : public hal::KeyStore {
 public:
  /// `station` is not empty.
  FileKeyStore(const StationKeys& station, const StationKey& pass) : station_(station), pass_(pass) {}

 private:
  Result<StationKey> do_station_key(std::uint32_t version) const override;
  std::uint16_t do_newest_version() const override { return station_[station_.size() - 1].version; }
  Result<StationKey> do_pass_key() const override { return pass_; }
  StationKeys station_;
  StationKey pass_;
};

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

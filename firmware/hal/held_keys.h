#pragma once

#include <cstdint>

#include "firmware/base/station_keys.h"
#include "firmware/hal/key_store.h"

namespace cubby::hal {

/// Keys that were read once, from wherever the port has them.
class HeldKeys final : public KeyStore {
 public:
  HeldKeys() = default;
  HeldKeys(const StationKeys& station, const StationKey& pass) : station_(station), pass_(pass) {}
  /// Instead of what was held so far.
  void hold(const StationKeys& station, const StationKey& pass) {
    station_ = station;
    pass_ = pass;
  }

 private:
  Result<StationKey> do_station_key(std::uint32_t version) const override {
    for (const VersionedKey& key : station_) {
      if (key.version == version) {
        return key.key;
      }
    }
    return Status::kNotFound;
  }
  std::uint16_t do_newest_version() const override {
    return station_.empty() ? std::uint16_t{0} : station_[station_.size() - 1].version;
  }
  Result<StationKey> do_pass_key() const override { return pass_; }
  StationKeys station_;
  StationKey pass_{};
};

}  // namespace cubby::hal

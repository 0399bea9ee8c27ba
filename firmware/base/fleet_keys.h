#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "firmware/base/bytes.h"
#include "firmware/base/hotp.h"
#include "firmware/base/inplace_vector.h"
#include "firmware/base/limits.h"
#include "firmware/base/station_keys.h"

namespace cubby {

/// The keys that a fleet's stations derive theirs from; no station has them. docs/spec/wire.md, 3.7.
class FleetKeys {
 public:
  static constexpr std::size_t kKeysMax = 8;

  FleetKeys() = default;
  /// One, for all versions.
  explicit FleetKeys(const StationKey& key) { (void)add(1, key); }

  /// Good from that version on. kBadInput: not above the one before, or no version. kNoSpace: there are kKeysMax.
  Status add(std::uint32_t from_version, const StationKey& key) {
    const bool ascends = keys_.empty() ? from_version != 0 : from_version > keys_[keys_.size() - 1].from_version;
    return ascends && from_version <= limits::kKeyVersionMax ? keys_.push_back({from_version, key}) : Status::kBadInput;
  }
  bool empty() const { return keys_.empty(); }
  /// Where the newest key begins; the versions before it are those of a rotation that goes on, or was. Not empty.
  std::uint32_t newest_from() const { return keys_[keys_.size() - 1].from_version; }
  bool has(std::uint32_t version) const {
    return !keys_.empty() && version >= keys_[0].from_version && version <= limits::kKeyVersionMax;
  }
  /// nullopt: no such version, or from before all that are known.
  std::optional<StationKey> station_key(std::string_view station, std::uint32_t version) const {
    if (!has(version)) {
      return std::nullopt;
    }
    const Entry* good = &keys_[0];
    for (const Entry& entry : keys_) {
      good = entry.from_version <= version ? &entry : good;
    }
    return derive_station_key(good->key, station, version);
  }
  /// Of that version and those right before it, as many as a station holds. Empty: no such version.
  StationKeys station_keys(std::string_view station, std::uint16_t newest) const {
    StationKeys keys;
    const std::uint32_t count = has(newest) ? std::min<std::uint32_t>(newest, limits::kStationKeysMax) : 0;
    for (std::uint32_t version = newest - count + 1; version <= newest; ++version) {
      if (const auto key = station_key(station, version)) {
        (void)keys.push_back({static_cast<std::uint16_t>(version), *key});
      }
    }
    return keys;
  }
  /// Not empty.
  StationKey pass_key() const { return derive_pass_key(keys_[keys_.size() - 1].key); }

 private:
  struct Entry {
    std::uint32_t from_version = 0;
    StationKey key{};
  };
  InplaceVector<Entry, kKeysMax> keys_;  // Ascending.
};

}  // namespace cubby

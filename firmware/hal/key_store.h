#pragma once

#include <cstdint>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"

namespace cubby::hal {

/// Keys, kept outside the journal's flash. Never logged, never sent.
class KeyStore {
 public:
  /// The station's own key of that version, 1..limits::kKeyVersionMax. kNotFound: no such version.
  Result<StationKey> station_key(std::uint32_t version) const { return do_station_key(version); }
  /// The highest version that there is: the one to prove with and to make codes with. Older ones may be there for
  /// the codes of parcels that lie here already. Undefined if there is none.
  std::uint16_t newest_version() const { return do_newest_version(); }
  /// Verifies couriers' and technicians' passes.
  Result<StationKey> pass_key() const { return do_pass_key(); }

 protected:
  ~KeyStore() = default;

 private:
  virtual Result<StationKey> do_station_key(std::uint32_t version) const = 0;
  virtual std::uint16_t do_newest_version() const = 0;
  virtual Result<StationKey> do_pass_key() const = 0;
};

}  // namespace cubby::hal

#pragma once

#include <cstdint>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"

namespace cubby::hal {

/// Keys, kept outside the journal's flash. Never logged, never sent.
class KeyStore {
 public:
  /// The station's own key of that version (from 1). kNotFound: no such version.
  Result<StationKey> station_key(std::uint32_t version) const { return do_station_key(version); }
  /// Verifies couriers' and technicians' passes.
  Result<StationKey> pass_key() const { return do_pass_key(); }

 protected:
  ~KeyStore() = default;

 private:
  virtual Result<StationKey> do_station_key(std::uint32_t version) const = 0;
  virtual Result<StationKey> do_pass_key() const = 0;
};

}  // namespace cubby::hal

#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "tools/aggregator/core/certificate_binding.h"
#include "tools/aggregator/storage/sqlite.h"

namespace cubby::aggregator {

/// The table `station_certificates` (docs/spec/store.md): which certificate each station is bound to.
class CertificateRows {
 public:
  explicit CertificateRows(Database& database) : database_(database) {}
  /// Makes the table if the store has none yet. False: the database says why.
  bool prepare();
  /// Inside the caller's transaction; what says nothing has no row. Likewise.
  bool write(std::uint32_t station_id, const CertificateBinding& binding);
  bool remove(std::uint32_t station_id) { return remove_.bind(1, station_id).done(); }

 private:
  Database& database_;
  Statement put_, remove_;
};

/// Calls `take` for each row; a store that has no such table yet has none. False: the database says why, or a row
/// makes no sense.
bool read_certificates(Database& database,
                       const std::function<void(std::uint32_t station_id, CertificateBinding binding)>& take);

}  // namespace cubby::aggregator

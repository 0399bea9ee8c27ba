#pragma once

#include <string>

namespace cubby::aggregator {

struct StoreUpgrade {
  std::string error;   // One line for a person; empty: the store has this program's schema now.
  std::string backup;  // Where the store as it was lies; empty: there was nothing to do, or no backup was made.
  int from_version = 0;
};

/// Brings a store that an older version wrote up to this program's schema: copies it to PATH.v<version>.backup first,
/// then adds what is missing, in one transaction; where statistics have another shape, all of them are worked out anew
/// from the event log. Nothing else may have the store open.
/// After an error or a power cut the store is as it was.
StoreUpgrade upgrade_sqlite_store(const std::string& path);

}  // namespace cubby::aggregator

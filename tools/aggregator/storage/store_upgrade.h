#pragma once

#include <string>

namespace cubby::aggregator {

struct StoreUpgrade {
  std::string error;   // One line for a person; empty: the store has this program's schema now.
  std::string backup;  // Where the store as it was lies; empty: there was nothing to do, or no backup was made.
  int from_version = 0;
};

/// Brings a store that an older version wrote up to this program's schema: copies it to PATH.v<version>.backup first,
/// then works out every statistic anew from the event log, in one transaction. Nothing else may have the store open.
/// After an error or a power cut the store is as it was.
StoreUpgrade upgrade_sqlite_store(const std::string& path);

}  // namespace cubby::aggregator

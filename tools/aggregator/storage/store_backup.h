#pragma once

#include <cstdint>
#include <string>

#include "tools/aggregator/storage/store_info.h"

namespace cubby::aggregator {

struct StoreBackup {
  std::string error;  // One line for a person; empty: the copy is there, whole and on the disk.
  StoreInfo info;     // Of the copy.
};

/// Copies the store of one moment to a new file, also while an aggregator writes it. The copy has the name `to` once
/// every page of it was looked at and it is on the disk; until then it is TO.partial, which the next try clears away.
StoreBackup backup_store(const std::string& store, const std::string& to);

struct StoreRestore {
  std::string error;  // One line for a person; empty: the backup is the store now.
  StoreInfo info;     // Of the store as it is now.
  std::uint64_t backup_generation = 0;
  std::uint64_t replaced_generation = 0;  // 0: there was none, or it could not be read.
  std::string replaced;                   // Where the former store lies; empty: there was none.
};

/// Puts a copy of the backup in the place of the store, which no aggregator may have open. The new generation is above
/// the backup's, the replaced store's and `utc_ms`, so that it is new even if what was lost had been restored before.
/// After an error, or a power cut, the store is the former one or the new one, whole.
StoreRestore restore_store(const std::string& backup, const std::string& store, std::uint64_t utc_ms);

}  // namespace cubby::aggregator

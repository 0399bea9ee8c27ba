#pragma once

#include <cstdint>
#include <string>

#include "tools/aggregator/storage/event_store.h"
#include "tools/aggregator/storage/sqlite.h"

namespace cubby::aggregator {

/// What a store says of itself.
struct StoreInfo {
  std::string error;    // One line for a person; empty: it is a store that this program reads.
  bool in_use = false;  // An aggregator has it open.
  int version = 0;      // Of the schema; 0: it is no store.
  StoreIdentity identity;
  std::uint64_t stations = 0;
  std::uint64_t journals = 0;  // Those that were replaced included.
  std::uint64_t events = 0;    // Kept in the log.
  std::uint64_t gaps = 0;
  std::uint64_t last_batch_id = 0;      // In the log, or once in the log of a store that this one replaced.
  std::uint64_t last_event_utc_ms = 0;  // 0: no event knew the time.
  std::uint64_t file_bytes = 0;
  std::uint64_t log_bytes = 0;  // Of the write-ahead log beside it.
};

/// `full`: looks at every page of the file, which takes as long as reading it; else a look at the tables' heads only.
/// Changes nothing, and may be asked of a store that an aggregator serves.
StoreInfo read_store_info(const std::string& path, bool full);

/// Fills in what the tables say. Empty, or one line for a person.
std::string read_tables(Database& database, StoreInfo& info);
/// Looks at every page. Empty, or the first thing that is wrong.
std::string check_pages(Database& database);

}  // namespace cubby::aggregator

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "firmware/base/bytes.h"
#include "tools/aggregator/core/centre.h"

namespace cubby::aggregator {

/// Who a store is: stations remember it with their marks.
struct StoreIdentity {
  StoreUid uid{};
  std::uint64_t generation = 1;     // Grows when a backup is restored.
  std::uint64_t session_epoch = 1;  // Grows with every opening.
};

/// Where events, marks and statistics become durable. One writer; one thread.
class EventStore : public ChainHistory {
 public:
  virtual ~EventStore() = default;
  virtual StoreIdentity identity() const = 0;
  /// Fills a fresh Centre. Returns one line for a person, or nothing.
  virtual std::string load(Centre& centre) = 0;
  /// One transaction, durable on return. An error (one line) means that nothing of it can be relied on:
  /// throw the Centre and this store away, open again, and let the stations repeat.
  virtual std::string commit(const Changes& changes, const Dictionary& cities, const Dictionary& brands) = 0;
  /// Before a clean end: brings all that is durable into the one file, as far as no reader is in the way.
  virtual void merge() = 0;
};

struct OpenedStore {
  std::unique_ptr<EventStore> store;
  std::string error;  // One line for a person; empty: opened.
};

/// Opens or makes an SQLite store. A file that is something else, that a newer version wrote, or that
/// another aggregator has open is refused and left alone. `fill_random` makes the identity of a new one.
OpenedStore open_sqlite_store(const std::string& path, const std::function<void(MutableBytes)>& fill_random);

}  // namespace cubby::aggregator

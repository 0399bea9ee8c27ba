#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "tools/aggregator/storage/sqlite.h"

namespace cubby::aggregator {

/// One event of the log with its place, for readers that go on later.
struct TailEvent {
  std::uint64_t id = 0;  // Place in the log, in the order of application; only grows.
  std::string station;
  std::string journal;  // Its uid in hexadecimal.
  std::uint64_t seq = 0;
  std::string kind;   // Name of its body in event.proto.
  std::string event;  // JSON.
};

struct TailPage {
  bool ok = true;  // False: the store failed.
  std::vector<TailEvent> events;
  std::uint64_t after = 0;  // Where the next page begins: nothing wanted was passed over up to there.
  bool at_end = false;      // The log ended here when it was read.
};

/// Whose log it is.
struct LogOrigin {
  /// A backup was restored: events behind the id `after` came in this generation or later.
  struct Restored {
    std::uint64_t generation = 0;
    std::uint64_t after = 0;
  };
  std::string store_uid;  // Hexadecimal.
  std::uint64_t generation = 0;
  std::vector<Restored> restores;
};

/// Pages of the event log from a place on. One thread, and the connection of its owner.
class EventTail {
 public:
  explicit EventTail(Database& database) : database_(database) {}

  /// An event's place: its batch and where it lies in it. A batch has at most 256 (limits::kBatchEventsMax).
  static constexpr std::uint64_t id_of(std::uint64_t batch_id, std::uint64_t index) { return batch_id << 8 | index; }

  /// False: the store failed.
  bool origin(LogOrigin& origin);
  /// Place of the newest event, or up to which a restored store gives none; 0: none yet. `ok` false: the store failed.
  std::uint64_t newest(bool& ok);
  /// At most `limit` events after `after`, of one station (0: of all). Looks at a bounded part of the log, so that a
  /// page may be empty and not the last.
  TailPage page(std::uint64_t after, std::uint32_t station_id, std::size_t limit);

 private:
  static constexpr std::uint64_t kBatchesAPage = 20'000;

  struct Source {
    std::string station;
    std::string journal;  // As in TailEvent.
  };
  /// nullptr: the store failed. A page asks once for each journal.
  const Source* source_of(std::uint32_t journal_id, std::unordered_map<std::uint32_t, Source>& known);

  Database& database_;
  Statement select_source_;
};

}  // namespace cubby::aggregator

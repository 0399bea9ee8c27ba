#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cubby/v1/event.pb.h"
#include "firmware/base/bytes.h"
#include "firmware/base/chain.h"
#include "tools/aggregator/storage/sqlite.h"

namespace cubby::aggregator {

/// Which events of the log are wanted.
struct LogFilter {
  std::string station;                   // Empty: all.
  std::optional<std::int64_t> from_day;  // Local days since 1970-01-01 at the station, as in StatisticsQuery. With
  std::optional<std::int64_t> to_day;    // either, events that do not know the time are not wanted.
};

/// One event as the log has it. Valid until the next one.
struct LoggedEvent {
  std::string_view station;
  JournalUid journal{};
  std::uint32_t journal_id = 0;
  std::uint64_t seq = 0;
  Bytes payload;
  const v1::Event* event = nullptr;     // Null: the payload is no Event.
  std::optional<std::uint64_t> utc_ms;  // As statistics take it: nothing that no clock would say.
  std::int32_t utc_offset_min = 0;      // Of the station at that time.
  bool wanted = true;                   // By its time.
};

/// Reads the event log of a store in the order of application, a piece at a time: its memory does not grow with the
/// log, and an aggregator that writes meanwhile is not held up. Events that come after the start are left out.
class LogReader {
 public:
  /// Empty, or one line for a person.
  std::string open(const std::string& path);
  /// Calls `visit` with every event of the filter's stations until it says false. Those before the filter's days are
  /// among them, not wanted: what a later event refers to. Returns one line for a person, or nothing.
  std::string read(const LogFilter& filter, const std::function<bool(const LoggedEvent&)>& visit);

 private:
  struct Sources;
  std::string load(const LogFilter& filter, Sources& sources);
  bool visit_batch(Statement& batch, const LogFilter& filter, Sources& sources,
                   const std::function<bool(const LoggedEvent&)>& visit, bool& goes_on);

  Database database_;
  v1::Event scratch_;
};

}  // namespace cubby::aggregator

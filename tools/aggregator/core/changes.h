#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/chain.h"
#include "tools/aggregator/core/fold.h"
#include "tools/aggregator/core/statistics_delta.h"

namespace cubby::aggregator {

/// One journal of a station as the store keeps it, for ever: marks are never retired.
struct JournalRecord {
  std::uint32_t id = 0;  // From 1.
  std::uint32_t station_id = 0;
  JournalUid uid{};
  std::uint64_t seq = 0;                 // The high-water mark ...
  Chain chain = 0;                       // ... and its chain.
  std::uint64_t last_batch_id = 0;       // Head of the backward list of this journal's batches; 0: none.
  std::uint64_t first_event_utc_ms = 0;  // Of the first event and the newest time of any, among those that know
  std::uint64_t last_event_utc_ms = 0;   // the time; 0: none does.
  std::uint32_t boot = 0;                // Of the newest event.
};

/// One row of the event log: consecutive events of one journal.
struct BatchRecord {
  std::uint64_t id = 0;
  std::uint64_t previous_id = 0;  // The journal's batch before this one; 0: the first.
  std::uint32_t station_id = 0;
  std::uint32_t journal_id = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  std::uint64_t first_utc_ms = 0;  // Of the first and the last event that know the time; 0: none does.
  std::uint64_t last_utc_ms = 0;
  Chain previous_chain = 0;
  Chain chain = 0;
  std::size_t payload_offset = 0;  // Into Changes::payload.
  std::size_t payload_size = 0;
};

struct GapRecord {
  std::uint32_t station_id = 0;
  std::uint32_t journal_id = 0;
  std::uint64_t from_seq = 0;
  std::uint64_t to_seq = 0;
  std::uint32_t cause = 0;
  Chain new_chain = 0;
  std::uint64_t received_utc_ms = 0;
};

/// A journal that was replaced while its mark was not durable yet.
struct RetiredJournal {
  JournalRecord journal;
  bool in_store = false;
};

struct StationRecord;

/// Everything that one transaction makes durable.
struct Changes {
  std::vector<StationRecord*> stations;  // New or with a new configuration, each once.
  std::vector<StationRecord*> journals;  // Whose current journal is new or has a new mark, each once.
  std::vector<RetiredJournal> retired;
  std::vector<std::uint32_t> vacated;  // Numbers of stations that were forgotten; their rows and journals go.
  std::vector<BatchRecord> batches;
  std::vector<std::byte> payload;  // Of the batches: each event as varint length and bytes.
  std::vector<GapRecord> gaps;
  StatisticsDelta sums;
  std::uint32_t first_new_city = 1;  // Numbers from here on are not in the store yet.
  std::uint32_t first_new_brand = 1;
  std::size_t events = 0;
  std::uint64_t now_utc_ms = 0;  // Newest time of any session: retention's clock.

  /// Memory of what grows with the events.
  std::size_t size_bytes() const { return payload.size() + sums.size_bytes(); }
  bool empty() const {
    return stations.empty() && journals.empty() && vacated.empty() && batches.empty() && gaps.empty();
  }
};

/// Looks into the log behind the mark; implemented by the store.
class ChainHistory {
 public:
  enum class Answer : std::uint8_t { kFound, kUnknown };
  /// Chain after event `seq` of the journal, if it is not too far back to look for.
  virtual Answer chain_at(const JournalRecord& journal, std::uint64_t seq, Chain& chain) = 0;

 protected:
  ~ChainHistory() = default;
};

}  // namespace cubby::aggregator

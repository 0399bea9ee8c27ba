#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cubby/v1/event.pb.h"
#include "firmware/base/chain.h"
#include "tools/aggregator/core/fold.h"
#include "tools/aggregator/storage/opening_counts.h"
#include "tools/aggregator/storage/sqlite.h"

namespace cubby::aggregator {

/// Reads a store's whole event log once: checks that every journal is gapless but for booked Gaps and
/// that its hash chain holds, folds the events into sums as the aggregator does, and counts the few
/// figures that matter most a second time by the shortest way.
class LogReplay {
 public:
  explicit LogReplay(Database& database) : database_(database) {}
  /// Empty, or the first thing that is wrong, in one line.
  std::string run();
  /// The same, but compares nothing that is worked out from the events with what the store has of it, and leaves sums()
  /// as events are folded, for SumsWriter.
  std::string replay();

  /// By key::compartment().
  struct Plain {
    OpeningCounts counts;
    std::int64_t uncertain = 0;
  };

  /// By station; bounds of the buckets as docs/spec/store.md has them, worked out anew.
  struct PlainDwells {
    std::int64_t count = 0;
    std::int64_t sum_ms = 0;
    std::vector<std::uint64_t> buckets;
  };

  const StatisticsDelta& sums() const { return sums_; }
  const RetentionFloor& floor() const { return floor_; }
  const std::unordered_map<std::uint64_t, Plain>& plain() const { return plain_; }
  /// By journal: time of the first event that knows it.
  std::vector<std::pair<std::uint32_t, std::uint64_t>> first_times() const;
  const std::unordered_map<std::uint32_t, PlainDwells>& plain_dwells() const { return plain_dwells_; }
  const std::map<std::uint32_t, std::string>& stations() const { return station_names_; }
  const std::unordered_map<std::uint32_t, std::int64_t>& gaps_by_station() const { return gaps_by_station_; }
  std::uint64_t events() const { return events_; }
  std::uint64_t batches() const { return batches_; }
  std::size_t journals() const { return journals_.size(); }
  std::size_t gaps() const { return gaps_; }

 private:
  struct Gap {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    Chain new_chain = 0;
  };
  struct Journal {
    std::uint32_t station_id = 0;
    std::uint64_t seq = 0;
    Chain chain = 0;
    std::uint64_t last_batch_id = 0;
    std::uint64_t first_event_utc_ms = 0;
    std::uint64_t last_event_utc_ms = 0;
    std::uint64_t stored_first_event_utc_ms = 0;
    std::uint64_t stored_last_event_utc_ms = 0;
    std::uint64_t stored_seq = 0;
    Chain stored_chain = 0;
    std::uint64_t stored_last_batch_id = 0;
    std::vector<Gap> gaps;  // In order.
    std::size_t gaps_passed = 0;
  };

  std::string load();
  std::string replay_batches();
  std::string replay_batch(Statement& batch);
  std::string check_marks();
  std::string check_times();
  std::string check_names();
  void count_plainly(std::uint32_t station_id, Bytes event);
  void count_dwell_plainly(std::uint32_t station_id);
  void pass_gaps(Journal& journal);
  std::string where(const Journal& journal, std::uint64_t seq) const;

  Database& database_;
  Dictionary cities_{key::kCitiesMax};
  Dictionary brands_{key::kBrandsMax};
  StatisticsDelta sums_;
  Fold fold_{cities_, brands_, sums_};
  RetentionFloor floor_;
  std::map<std::uint32_t, std::string> station_names_;
  std::unordered_map<std::uint32_t, StationFacts> facts_;
  std::unordered_map<std::uint32_t, Journal> journals_;
  std::unordered_map<std::uint64_t, Plain> plain_;
  std::unordered_map<std::uint32_t, PlainDwells> plain_dwells_;
  std::vector<std::uint64_t> dwell_bounds_;
  std::unordered_map<std::uint32_t, std::int64_t> gaps_by_station_;
  v1::Event scratch_;
  std::uint64_t events_ = 0;
  std::uint64_t batches_ = 0;
  std::size_t gaps_ = 0;
};

}  // namespace cubby::aggregator

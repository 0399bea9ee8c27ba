#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tools/aggregator/storage/verifier.h"
#include "unit/aggregator/test_station.h"

/// Two stations with all that they will ever report, and the story of the days on which they do.
namespace cubby::aggregator_store {

inline constexpr std::size_t kStations = 2;
using Marks = std::array<std::uint64_t, kStations>;

/// A part of the story: what is reported and made durable in it.
struct Phase {
  Marks up_to{};            // Each station's newest event.
  bool checkpoint = false;  // Then the write-ahead log is merged, as SQLite does once it is long.
  bool restart = false;     // Then the aggregator ends as it should, and starts again.
  std::uint64_t utc_ms = aggregator::testing::kNoonUtcMs;
};

class Fleet {
 public:
  Fleet();
  const aggregator::testing::TestJournal& journal(std::size_t station) const { return journals_[station]; }
  /// What the station sends after its event `mark`: a batch up to `up_to` at the most, or its Gap.
  v1::Up next(std::size_t station, std::uint64_t mark, std::uint64_t up_to) const;
  Marks ends() const { return {journals_[0].next_seq() - 1, journals_[1].next_seq() - 1}; }
  const std::vector<Phase>& story() const { return story_; }
  const std::vector<aggregator::LedgerRow>& ledger() const { return ledger_; }

 private:
  void write_ledger();

  std::array<aggregator::testing::TestJournal, kStations> journals_;
  v1::Up gap_;  // Of the second station.
  std::vector<Phase> story_;
  std::vector<aggregator::LedgerRow> ledger_;
};

}  // namespace cubby::aggregator_store

#include "power_loss/aggregator_store/fleet.h"

#include <algorithm>

namespace cubby::aggregator_store {
namespace {

using aggregator::testing::kNoonUtcMs;
using aggregator::testing::TestJournal;

constexpr std::uint32_t kDoors = 6;
constexpr std::uint64_t kBatchEvents = 3;
constexpr std::uint64_t kHourMs = 3'600'000;
constexpr std::uint64_t kStatisticsRetireMs = 60 * 24 * kHourMs;  // Later than what is kept a door a day, or an hour.

void parcels(TestJournal& journal, std::uint32_t from, std::uint32_t to, std::uint64_t since_utc_ms) {
  for (std::uint32_t i = from; i < to; ++i) {
    journal.deposit(1 + i % kDoors, since_utc_ms + i * kHourMs);
    if (i % 2 == 0) {
      journal.collect(1 + i % kDoors, since_utc_ms + i * kHourMs + kHourMs / 2);
    }
  }
}

}  // namespace

Fleet::Fleet() : journals_{TestJournal("SX-TY-0001"), TestJournal("SX-DT-0002", 2)} {
  auto& [first, second] = journals_;
  first.open("Taiyuan", kDoors);
  second.open("Datong", kDoors);
  parcels(first, 0, 8, kNoonUtcMs);
  parcels(second, 0, 4, kNoonUtcMs);
  gap_ = second.lose(4);
  v1::Event snapshot = second.event();
  snapshot.mutable_snapshot()->set_states(std::string(kDoors, '\1'));
  second.add(snapshot);
  parcels(second, 4, 8, kNoonUtcMs);
  const Marks before = ends();
  parcels(first, 0, 3, kNoonUtcMs + kStatisticsRetireMs);
  parcels(second, 0, 3, kNoonUtcMs + kStatisticsRetireMs);
  story_ = {{.up_to = {3, 3}},
            {.up_to = {8, 6}, .checkpoint = true},
            {.up_to = {10, 15}},
            {.up_to = before, .restart = true},
            {.up_to = ends(), .utc_ms = kNoonUtcMs + kStatisticsRetireMs}};
  write_ledger();
}

void Fleet::write_ledger() {
  for (const TestJournal& journal : journals_) {
    for (std::uint32_t door = 1; door <= kDoors; ++door) {
      aggregator::LedgerRow& row = ledger_.emplace_back();
      row.station = journal.station();
      row.compartment = door;
      for (const std::string& bytes : journal.events()) {
        v1::Event event;
        event.ParseFromString(bytes);  // What the Gap stands for is no Event.
        row.observable.of[aggregator::kDepositKind] +=
            event.has_deposited() && event.deposited().compartment() == door ? 1 : 0;
        row.observable.of[aggregator::kCollectionKind] +=
            event.has_collected() && event.collected().compartment() == door ? 1 : 0;
      }
      row.truth = row.observable;
    }
  }
}

v1::Up Fleet::next(std::size_t station, std::uint64_t mark, std::uint64_t up_to) const {
  std::uint64_t last = std::min(mark + kBatchEvents, up_to);
  if (station == 1) {
    const v1::Gap& gap = gap_.gap();
    if (mark + 1 >= gap.from_seq() && mark < gap.to_seq()) {
      return gap_;
    }
    last = mark < gap.from_seq() ? std::min(last, gap.from_seq() - 1) : last;
  }
  return journals_[station].batch(mark + 1, last);
}

}  // namespace cubby::aggregator_store

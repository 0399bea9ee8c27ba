// cubby-queries-store: a store as an aggregator leaves it after so many days of so many stations, made by the
// aggregator's own Centre and store, without stations, sockets and proofs. tests/bench/queries runs it.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "bench/queries_store/story.h"
#include "support/arguments.h"
#include "tools/aggregator/core/batch.h"
#include "tools/aggregator/core/centre.h"
#include "tools/aggregator/storage/event_store.h"
#include "tools/support/progress.h"

namespace {

using namespace cubby;
using aggregator::Centre;

// Greater than the aggregator's: nobody waits for an acknowledgement, and only the end has to be durable.
constexpr std::uint64_t kCommitEvents = 4'000;

struct Maker {
  std::unique_ptr<aggregator::EventStore> store;
  std::unique_ptr<Centre> centre;
  std::uint64_t events = 0;
  std::string batch;

  std::string commit() {
    std::string error = store->commit(centre->changes(), centre->cities(), centre->brands());
    centre->committed();
    return error;
  }

  // What a station reports once an hour, as the bytes of a Batch; empty: good.
  std::string report(aggregator::StationRecord& station, const std::vector<std::string>& told) {
    for (std::size_t first = 0; first < told.size(); first += limits::kBatchEventsMax) {
      v1::Batch message;
      message.set_journal_uid(station.journal.uid.data(), station.journal.uid.size());
      message.set_first_seq(station.journal.seq + 1);
      message.set_previous_chain(station.journal.chain);
      for (std::size_t i = first; i < std::min(told.size(), first + limits::kBatchEventsMax); ++i) {
        message.add_events(told[i]);
      }
      message.SerializeToString(&batch);
      aggregator::BatchView view;
      if (aggregator::read_batch(as_bytes(batch), view) != aggregator::BatchError::kNone ||
          centre->apply(station, view) != Centre::Applied::kNew) {
        return "the centre does not take a batch of " + station.name;
      }
      events += view.count;
    }
    return centre->changes().events >= kCommitEvents ? commit() : std::string();
  }
};

int complain(const std::string& words) {
  std::fprintf(stderr, "cubby-queries-store: %s\n", words.c_str());
  return 1;
}

std::string make(Maker& maker, std::uint64_t stations, std::uint64_t days, std::uint64_t& parcels) {
  const std::vector<bench::StationPlan> plans = bench::make_province(static_cast<std::uint32_t>(stations));
  std::vector<bench::StationStory> stories;
  std::vector<aggregator::StationRecord*> records;
  const Prng prng(7);
  for (const bench::StationPlan& plan : plans) {
    stories.emplace_back(plan, prng.child("story", stories.size()));
    records.push_back(maker.centre->add_station(plan.name, aggregator::StationState::kActive, bench::kFirstUtcMs));
    maker.centre->start_journal(*records.back(), plan.journal_uid);
  }
  tools::Progress progress("store", static_cast<double>(days), "events");
  for (std::uint64_t hour = 0; hour < days * 24; ++hour) {
    maker.centre->mark_time(bench::kFirstUtcMs + (hour + 1) * bench::kHourMs);
    for (std::size_t i = 0; i < stories.size(); ++i) {
      if (std::string error = maker.report(*records[i], stories[i].tell(hour)); !error.empty()) {
        return error;
      }
    }
    progress.update(static_cast<double>(hour) / 24, maker.events);
  }
  progress.finish();
  for (const bench::StationStory& story : stories) {
    parcels += story.accepted();
  }
  return maker.commit();
}

}  // namespace

int main(int argc, char** argv) {
  const auto stations = argc == 4 ? tests::number_of(argv[2]) : std::nullopt;
  const auto days = argc == 4 ? tests::number_of(argv[3]) : std::nullopt;
  if (!stations || !days || *stations == 0 || *days == 0 || *stations > 30'000 || *days > 3'660) {
    std::fputs("usage: cubby-queries-store STORE STATIONS DAYS\n", stderr);
    return 2;
  }
  if (std::filesystem::exists(argv[1])) {
    return complain(std::string(argv[1]) + " exists already");
  }
  Maker maker;
  aggregator::OpenedStore opened = aggregator::open_sqlite_store(
      argv[1], [](MutableBytes bytes) { std::fill(bytes.begin(), bytes.end(), std::byte{7}); });
  if (!opened.error.empty()) {
    return complain(opened.error);
  }
  maker.store = std::move(opened.store);
  maker.centre = std::make_unique<Centre>(aggregator::CentreOptions{});
  if (std::string error = maker.store->load(*maker.centre); !error.empty()) {
    return complain(error);
  }
  std::uint64_t parcels = 0;
  if (std::string error = make(maker, *stations, *days, parcels); !error.empty()) {
    return complain(error);
  }
  std::printf("{\"stations\": %llu, \"days\": %llu, \"parcels\": %llu, \"events\": %llu}\n",
              static_cast<unsigned long long>(*stations), static_cast<unsigned long long>(*days),
              static_cast<unsigned long long>(parcels), static_cast<unsigned long long>(maker.events));
  return 0;
}

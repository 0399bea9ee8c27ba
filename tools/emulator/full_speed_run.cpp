#include "tools/emulator/full_speed_run.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cmath>
#include <thread>
#include <utility>

#include "tools/emulator/run_ahead.h"
#include "tools/emulator/shard_exchange.h"
#include "tools/support/progress.h"

namespace cubby::tools {
namespace {

constexpr int kCentrePatienceS = 60;
constexpr std::int64_t kDrainWindowsMax = 3 * 24 * 60;  // Longer than any outage of the network.
constexpr auto kRetryInterval = std::chrono::milliseconds(100);
constexpr std::int64_t kCountEvery = 64;  // Windows between two counts for the progress bar.
constexpr int kNiceness = 10;             // nice(1)'s own.

struct Shared;

// Of this thread, which waits for a centre that may run on the same processors. With an equal share of them each the
// centre is late, all stations wait for it, and a processor is idle. docs/design/engine.md
void give_way_to_the_centre() {
  setpriority(PRIO_PROCESS, 0, std::max(kNiceness, getpriority(PRIO_PROCESS, 0)));
}

// Runs while all shards stand still at the end of a window.
struct Save {
  Shared* shared;
  void operator()() noexcept;
};
using SaveStep = std::barrier<Save>;

// Runs while all shards stand still: do they go on draining?
struct Decide {
  Shared* shared;
  void operator()() noexcept;
};

/// What one thread does: run its stations, each as far as it can go alone, or one window at a time if all have to stand
/// still together: save, talk to the centre, and again.
class ShardRun {
 public:
  ShardRun(Shared& shared, std::size_t shard, std::unique_ptr<CentreLink> centre, bool awaiting);
  void run();
  void remember(CentreMemory& memory) const { exchange_.remember(memory); }

  std::vector<std::size_t> senders;     // Stations that have something to tell at the end of this window.
  std::atomic<std::int64_t> window{0};  // Windows done.
  std::atomic<std::uint64_t> parcels{0};
  std::uint64_t unsettled = 0;
  std::uint64_t connections = 0;  // To the centre, so far.
  Refusals refusals() const { return exchange_.centre().refusals(); }
  double socket_seconds() const { return socket_seconds_ + ahead_.socket_seconds(); }
  emulator::StationCounters counted_before;  // Until RunOptions::from_utc_ms.

 private:
  std::uint64_t utc_ms_at(std::int64_t us) const;
  bool exchange(std::int64_t end_us);
  bool reconnect(std::uint64_t utc_ms);
  void note_senders();
  void run_ahead(std::int64_t index, std::int64_t end);
  void run_window(std::int64_t index, SaveStep* save);
  void count_parcels(std::int64_t before, std::int64_t after);
  void drain(std::int64_t index);
  void count_unsettled();
  void count_before();

  Shared& shared_;
  std::size_t shard_;
  ShardExchange exchange_;
  RunAhead ahead_;
  double socket_seconds_ = 0;
};

struct Shared {
  Shared(const RunOptions& run_options, emulator::Fleet& run_fleet, const Origin& origin)
      : options(run_options), fleet(run_fleet), state(origin.state) {
    const std::int64_t window_us = std::int64_t{options.window_s} * 1'000'000;
    first_window = origin.now_us() / window_us;
    // At least one; 0 would be "until stopped".
    const double count = options.days * 86'400e6 / static_cast<double>(window_us);
    windows = options.days > 0 ? std::max(std::int64_t{1}, std::int64_t{std::lround(count)}) : 0;
    from_window = options.from_utc_ms == 0
                      ? -1
                      : static_cast<std::int64_t>(options.from_utc_ms - fleet.start_utc_ms()) * 1000 / window_us;
    // What was said at the end of a snapshot's last window was said before it was written.
    begins_with_talk = origin.snapshot == nullptr || options.aggregator.has_value();
  }

  const RunOptions& options;
  emulator::Fleet& fleet;
  StateStore* state;
  std::int64_t first_window = 0;
  std::int64_t windows = 0;
  std::int64_t from_window = -1;
  bool begins_with_talk = true;
  std::atomic<bool> failed{false};
  std::vector<std::unique_ptr<ShardRun>> shards;

  // Window at whose beginning the stations have to be together again, if they may go their own ways before; else
  // `index`.
  std::int64_t ahead_until(std::int64_t index) const {
    if (state != nullptr || !options.guest.empty()) {
      return index;  // Saved, or run by somebody else, window by window.
    }
    std::int64_t end = index + RunAhead::kWindowsMax;
    if (windows > 0) {  // A snapshot is taken with the last window's answers under way.
      end = std::min(end, options.snapshot_file.empty() ? windows : windows - 1);
    }
    return std::max(index, from_window > index ? std::min(end, from_window) : end);
  }

  std::int64_t end_us(std::int64_t index) const { return (index + 1) * options.window_s * 1'000'000; }

  std::int64_t drain_windows = 0;  // Done by all shards together, so that their number does not matter.
  bool drained = false;
  std::unique_ptr<SaveStep> step;  // Of the run; a shard leaves it at its end.
  std::unique_ptr<SaveStep> drain_step;
  std::unique_ptr<std::barrier<Decide>> drain_decision;
};

void Save::operator()() noexcept {
  std::vector<std::size_t> stations;
  std::int64_t now_us = INT64_MAX;
  for (const auto& shard : shared->shards) {
    stations.insert(stations.end(), shard->senders.begin(), shard->senders.end());
    shard->senders.clear();
    now_us = std::min(now_us, shared->end_us(shared->first_window + shard->window.load() - 1));
  }
  if (!shared->failed && !stations.empty() && !shared->state->save(shared->fleet, stations, now_us)) {
    spdlog::error("the state cannot be saved; stopping before anything else is reported");
    shared->failed = true;
  }
}

void Decide::operator()() noexcept {
  std::uint64_t unsettled = 0;
  for (const auto& shard : shared->shards) {
    unsettled += shard->unsettled;
  }
  const std::int64_t done = shared->drain_windows++;
  const bool all_told = unsettled == 0 && done * shared->options.window_s >= kSeenWithinS;
  shared->drained = shared->failed || all_told || done == kDrainWindowsMax;
}

// At the end, so that a run of more days goes on from here.
void save_everything(Shared& shared) {
  for (std::size_t i = 0; i < shared.fleet.station_count(); ++i) {
    (void)shared.fleet.station(i);  // Not const: also a quiet one is at the end then.
    shared.shards[0]->senders.push_back(i);
  }
  Save{&shared}();
}

ShardRun::ShardRun(Shared& shared, std::size_t shard, std::unique_ptr<CentreLink> centre, bool awaiting)
    : shared_(shared),
      shard_(shard),
      exchange_(shared.fleet, shared.fleet.shard_begin(shard), shared.fleet.shard_begin(shard + 1), std::move(centre),
                awaiting),
      ahead_(shared.fleet, shared.fleet.shard_begin(shard), shared.fleet.shard_begin(shard + 1),
             std::int64_t{shared.options.window_s} * 1'000'000) {}

std::uint64_t ShardRun::utc_ms_at(std::int64_t us) const {
  return shared_.fleet.start_utc_ms() + static_cast<std::uint64_t>(us / 1000);
}

bool ShardRun::exchange(std::int64_t end_us) {
  return exchange_.exchange(utc_ms_at(end_us)) || reconnect(utc_ms_at(end_us));
}

// While no centre answers, virtual time stands still.
bool ShardRun::reconnect(std::uint64_t utc_ms) {
  const auto begin = std::chrono::steady_clock::now();
  bool told = false;
  while (!shared_.failed && !exchange_.connect(utc_ms)) {
    if (stop_requested() || std::chrono::steady_clock::now() - begin > std::chrono::seconds(kCentrePatienceS)) {
      if (!shared_.failed.exchange(true)) {
        spdlog::error("{} without the aggregator's answer", stop_requested() ? "stopped" : "giving up after 60 s");
      }
      return false;
    }
    if (!told && shard_ == 0) {
      spdlog::warn("waiting for the aggregator at {}:{}; virtual time stands still", shared_.options.aggregator->host,
                   shared_.options.aggregator->port);
      told = true;
    }
    std::this_thread::sleep_for(kRetryInterval);
  }
  ++connections;
  return !shared_.failed;
}

// A station that has nothing to send may be saved later: nobody knows yet what it did, and from its last
// save on it would do the same again.
void ShardRun::note_senders() {
  for (std::size_t i = shared_.fleet.shard_begin(shard_); i < shared_.fleet.shard_begin(shard_ + 1); ++i) {
    if (!std::as_const(shared_.fleet).station(i).link().outgoing().empty()) {
      senders.push_back(i);
    }
  }
}

void ShardRun::run_ahead(std::int64_t index, std::int64_t end) {
  while (!shared_.failed && !ahead_.run(exchange_.centre(), index, end)) {
    reconnect(utc_ms_at(shared_.end_us(index)));
  }
  window.fetch_add(end - index);
  count_parcels(index, end);
}

void ShardRun::run_window(std::int64_t index, SaveStep* save) {
  const std::int64_t end_us = shared_.end_us(index);
  if (ahead_.awaiting()) {
    std::vector<std::byte> answers;
    if (ahead_.finish(exchange_.centre(), answers)) {
      exchange_.take_over(std::move(answers));
    } else {
      reconnect(utc_ms_at(end_us));
    }
  }
  shared_.fleet.run_shard(shard_, Instant{end_us});
  if (shard_ == 0 && shared_.fleet.controller_lost()) {
    shared_.failed = true;
  }
  if (shared_.state != nullptr) {
    note_senders();
  }
  window.fetch_add(1);
  if (save != nullptr) {
    save->arrive_and_wait();
  }
  if (!shared_.failed) {
    const double before = thread_cpu_seconds();
    exchange(end_us);
    socket_seconds_ += thread_cpu_seconds() - before;
  }
  count_parcels(index, index + 1);
}

void ShardRun::count_parcels(std::int64_t before, std::int64_t after) {
  if (before / kCountEvery != after / kCountEvery) {
    std::uint64_t count = 0;
    for (std::size_t i = shared_.fleet.shard_begin(shard_); i < shared_.fleet.shard_begin(shard_ + 1); ++i) {
      count += std::as_const(shared_.fleet).station(i).counters().of(emulator::Use::kDeposit);
    }
    parcels = count;
  }
}

void ShardRun::count_unsettled() {
  unsettled = 0;
  for (std::size_t i = shared_.fleet.shard_begin(shard_); i < shared_.fleet.shard_begin(shard_ + 1); ++i) {
    unsettled += std::as_const(shared_.fleet).station(i).settled() ? 0 : 1;
  }
}

// The people stand still, and what the stations know is reported.
void ShardRun::drain(std::int64_t index) {
  for (std::size_t i = shared_.fleet.shard_begin(shard_); i < shared_.fleet.shard_begin(shard_ + 1); ++i) {
    shared_.fleet.station(i).freeze_people(true);
  }
  for (;;) {
    count_unsettled();
    shared_.drain_decision->arrive_and_wait();
    if (shared_.drained) {
      return;
    }
    run_window(index++, shared_.drain_step.get());
  }
}

void ShardRun::count_before() {
  for (std::size_t i = shared_.fleet.shard_begin(shard_); i < shared_.fleet.shard_begin(shard_ + 1); ++i) {
    counted_before += shared_.fleet.station(i).counters();
  }
}

void ShardRun::run() {
  std::int64_t index = shared_.first_window;
  if (shared_.begins_with_talk) {
    exchange(index * shared_.options.window_s * 1'000'000);
  }
  while (!shared_.failed && !stop_requested() && (shared_.windows == 0 || index < shared_.windows)) {
    if (index == shared_.from_window) {
      count_before();
    }
    const std::int64_t end = exchange_.awaiting() ? index : shared_.ahead_until(index);
    if (end > index) {
      run_ahead(index, end);
      index = end;
    } else {
      run_window(index++, shared_.step.get());
    }
  }
  if (shared_.step) {
    shared_.step->arrive_and_drop();
  }
  if (shared_.options.snapshot_file.empty()) {
    drain(index);
  }
}

}  // namespace

bool run_at_full_speed(const RunOptions& options, emulator::Fleet& fleet, std::vector<emulator::RoomMeter>& meters,
                       const Origin& origin, RunFigures& figures, CentreMemory& centre) {
  Shared shared(options, fleet, origin);
  const auto begin = std::chrono::steady_clock::now();
  const double cpu_begin = process_cpu_seconds();
  for (std::size_t i = 0; i < fleet.shard_count(); ++i) {
    const bool remembers = origin.snapshot != nullptr && !options.aggregator.has_value();
    const CentreMemory memory = remembers ? origin.snapshot->centre() : CentreMemory{};
    shared.shards.push_back(std::make_unique<ShardRun>(
        shared, i,
        options.aggregator.has_value() ? make_socket_centre(*options.aggregator, kCentrePatienceS, options.credentials)
                                       : make_ack_centre(memory),
        !memory.under_way.empty()));
  }
  const auto shards = static_cast<std::ptrdiff_t>(fleet.shard_count());
  if (origin.state != nullptr) {
    shared.step = std::make_unique<SaveStep>(shards, Save{&shared});
    shared.drain_step = std::make_unique<SaveStep>(shards, Save{&shared});
  }
  shared.drain_decision = std::make_unique<std::barrier<Decide>>(shards, Decide{&shared});
  std::atomic<std::size_t> running{fleet.shard_count()};
  std::vector<std::jthread> threads;
  for (const auto& shard : shared.shards) {
    threads.emplace_back([&running, run = shard.get(), gives_way = options.aggregator.has_value()] {
      if (gives_way) {
        give_way_to_the_centre();
      }
      run->run();
      --running;
    });
  }
  Progress progress("province", static_cast<double>(shared.windows - shared.first_window), "parcels");
  while (running > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::int64_t done = INT64_MAX;
    std::uint64_t parcels = 0;
    for (const auto& shard : shared.shards) {
      done = std::min(done, shard->window.load());
      parcels += shard->parcels.load();
    }
    progress.update(static_cast<double>(done), parcels);
  }
  threads.clear();
  progress.finish();
  if (origin.state != nullptr && !shared.failed) {
    save_everything(shared);
  }
  figures.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  figures.cpu_seconds = process_cpu_seconds() - cpu_begin;
  std::int64_t done = 0;
  for (const auto& shard : shared.shards) {
    done = std::max(done, shard->window.load());
    figures.unsettled += shard->unsettled;
    figures.connections_lost += shard->connections > 1 ? shard->connections - 1 : 0;
    figures.socket_seconds += shard->socket_seconds();
    figures.refusals.add(shard->refusals());
    figures.before += shard->counted_before;
    shard->remember(centre);
  }
  const std::int64_t reached = shared.first_window + done;
  figures.complete = !shared.failed && shared.windows > 0 && reached >= shared.windows;
  figures.virtual_seconds =
      static_cast<double>(std::min(reached, shared.windows > 0 ? shared.windows : reached)) * options.window_s;
  figures.meters = meters;
  return !shared.failed;
}

}  // namespace cubby::tools

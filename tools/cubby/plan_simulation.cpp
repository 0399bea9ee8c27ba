#include "tools/cubby/plan_simulation.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <unordered_map>

#include "emulator/fleet/fleet.h"
#include "firmware/base/assert.h"
#include "tools/emulator/shard_exchange.h"
#include "tools/emulator/trace_resolver.h"

namespace cubby::tools {
namespace {

using emulator::StationCounters;
using emulator::Use;

constexpr std::int64_t kWindowS = 300;
constexpr std::int64_t kWindowsPerDay = 86'400 / kWindowS;
constexpr std::int64_t kWindowsPerSample = 12;  // Doors are counted every hour.

// A parcel that no door of any station holds says nothing of how many doors there should be.
void demand_only_fitting(emulator::Profile& profile) {
  auto& sizes = profile.size_per_million;
  const std::uint64_t fitting = std::uint64_t{sizes[0]} + sizes[1] + sizes[2];
  if (sizes[3] == 0 || fitting == 0) {
    return;
  }
  profile.offered_per_station_day_milli =
      static_cast<std::uint32_t>(std::uint64_t{profile.offered_per_station_day_milli} * fitting / 1'000'000);
  for (std::size_t i = 1; i < 3; ++i) {
    sizes[i] = static_cast<std::uint32_t>(std::uint64_t{sizes[i]} * 1'000'000 / fitting);
  }
  sizes[0] = 1'000'000 - sizes[1] - sizes[2];
  sizes[3] = 0;
}

std::uint64_t inside(const StationCounters& counters) {
  const std::uint64_t in = counters.of(Use::kDeposit) + counters.of(Use::kDropOff);
  const std::uint64_t out = counters.of(Use::kCollection) + counters.of(Use::kRecall) + counters.of(Use::kDispatch);
  return in - std::min(in, out);
}

/// The stations of one thread.
class PlanShard {
 public:
  PlanShard(emulator::Fleet& fleet, std::size_t shard)
      : fleet_(fleet),
        shard_(shard),
        exchange_(fleet, fleet.shard_begin(shard), fleet.shard_begin(shard + 1), make_ack_centre()),
        at_begin_(fleet.shard_begin(shard + 1) - fleet.shard_begin(shard)),
        sampled_(at_begin_.size()) {}

  void run_day(std::int64_t day, bool counts) {
    for (std::int64_t window = day * kWindowsPerDay; window < (day + 1) * kWindowsPerDay; ++window) {
      const Instant end{(window + 1) * kWindowS * 1'000'000};
      fleet_.run_shard(shard_, end);
      exchange_.exchange(fleet_.start_utc_ms() + static_cast<std::uint64_t>(end.ms()));
      if (counts && window % kWindowsPerSample == 0) {
        sample();
      }
    }
  }
  void begin() {
    for (std::size_t i = 0; i < at_begin_.size(); ++i) {
      at_begin_[i] = counters(i);
    }
  }
  void end(std::vector<Replication>& into) const {
    for (std::size_t i = 0; i < at_begin_.size(); ++i) {
      StationCounters counted = counters(i);
      counted -= at_begin_[i];
      const double doors = static_cast<double>(fleet_.station(fleet_.shard_begin(shard_) + i).compartment_count());
      into.push_back({.offered = counted.of(Use::kDeposit) + counted.turned_away,
                      .turned_away = counted.turned_away,
                      .recalled = counted.of(Use::kRecall),
                      .occupied = static_cast<double>(sampled_[i]) / static_cast<double>(samples_) / doors});
    }
  }

 private:
  StationCounters counters(std::size_t i) const { return fleet_.station(fleet_.shard_begin(shard_) + i).counters(); }
  void sample() {
    ++samples_;
    for (std::size_t i = 0; i < sampled_.size(); ++i) {
      sampled_[i] += inside(counters(i));
    }
  }

  emulator::Fleet& fleet_;
  std::size_t shard_;
  ShardExchange exchange_;
  std::vector<StationCounters> at_begin_;
  std::vector<std::uint64_t> sampled_;
  std::uint64_t samples_ = 0;
};

// The stations of the trace under the fleet's own names, one for one.
void play(const PlanTrace& trace, emulator::Fleet& fleet) {
  std::unordered_map<std::string, std::string> names;
  for (std::size_t i = 0; i < trace.stations.size(); ++i) {
    names.emplace(trace.stations[i], fleet.station(i).name());
  }
  std::vector<TraceLine> lines = trace.lines;
  for (TraceLine& line : lines) {
    line.station = names.at(line.station);
  }
  std::vector<std::string> errors;
  fleet.add_trace(resolve_trace(trace.file, lines, fleet, errors));
  CUBBY_ASSERT(errors.empty());  // Every station is there, and nothing is before the first line's day.
}

}  // namespace

std::vector<Replication> simulate_plan(const emulator::Profile& base, const PlanLayout& layout,
                                       std::uint32_t retention_h, const PlanSimulation& how,
                                       const std::function<bool()>& told) {
  emulator::Profile profile = base;
  demand_only_fitting(profile);
  profile.layouts = {{.doors_l = layout.doors_l, .doors_m = layout.doors_m, .doors_s = layout.doors_s, .weight = 1}};
  profile.retention_h = retention_h;
  emulator::FleetOptions options;
  options.seed = how.seed;
  options.stations = how.stations;
  options.response_deadline_s = 4 * kWindowS;
  options.fleet_keys = FleetKeys(StationKey{std::byte{1}});  // Of stations that no centre will ever know.
  const std::size_t shards = std::min<std::size_t>(how.threads, how.stations);
  std::vector<emulator::RoomMeter> meters(shards);
  if (how.trace != nullptr) {
    options.demand = false;
    options.start_utc_ms = how.trace->start_utc_ms;
  }
  emulator::Fleet fleet(profile, options, shards, meters);
  if (how.trace != nullptr) {
    play(*how.trace, fleet);
  }
  std::vector<std::unique_ptr<PlanShard>> parts;
  for (std::size_t i = 0; i < shards; ++i) {
    parts.push_back(std::make_unique<PlanShard>(fleet, i));
  }
  for (std::uint32_t day = 0; day < how.warm_up_days + how.days; ++day) {
    std::vector<std::jthread> threads;
    for (const auto& part : parts) {
      if (day == how.warm_up_days) {
        part->begin();
      }
      threads.emplace_back([&part = *part, day, counts = day >= how.warm_up_days] { part.run_day(day, counts); });
    }
    threads.clear();
    if (!told()) {
      return {};
    }
  }
  std::vector<Replication> stations;
  for (const auto& part : parts) {
    part->end(stations);
  }
  return stations;
}

}  // namespace cubby::tools

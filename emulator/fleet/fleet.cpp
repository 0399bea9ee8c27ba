#include "emulator/fleet/fleet.h"

#include <algorithm>
#include <unordered_map>

#include "emulator/fleet/station_builder.h"

namespace cubby::emulator {

struct Fleet::Parts {
  Profile profile;
  std::vector<std::unique_ptr<StationWorld>> stations;
  std::vector<Instant> next_activity;  // By station, so that a quiet one costs one comparison.
  std::vector<std::uint8_t> touched;   // The same.
  std::vector<Instant> reached;        // The same: the end of its last run.
  std::vector<std::size_t> shard_begin;
  std::vector<RoomMeter>* meters = nullptr;
  std::uint64_t start_utc_ms = 0;
  const RemoteController* first_controller = nullptr;
  std::unordered_map<std::string, std::size_t> by_name;  // Looked up only, never walked.
};

Fleet::Fleet(const Profile& profile, const FleetOptions& options, std::size_t shards, std::vector<RoomMeter>& meters)
    : parts_(std::make_unique<Parts>()) {
  CUBBY_ASSERT(shards > 0 && meters.size() == shards);
  parts_->profile = profile;
  parts_->meters = &meters;
  parts_->start_utc_ms = options.start_utc_ms != 0 ? options.start_utc_ms : profile.start_utc_ms();
  parts_->first_controller = options.first_controller;
  const std::size_t count = options.stations != 0 ? options.stations : profile.stations;
  for (std::size_t shard = 0; shard <= shards; ++shard) {
    parts_->shard_begin.push_back(count * shard / shards);
  }
  const std::vector<StationPlan> plans = plan_stations(profile, count);
  std::size_t shard = 0;
  for (std::size_t i = 0; i < count; ++i) {
    while (i >= parts_->shard_begin[shard + 1]) {
      ++shard;
    }
    parts_->stations.push_back(std::make_unique<StationWorld>(
        parts_->profile, build_station(parts_->profile, options, plans[i], i), meters[shard]));
    parts_->by_name.emplace(parts_->stations.back()->name(), i);
  }
  parts_->next_activity.resize(count);
  parts_->touched.assign(count, 1);
  parts_->reached.resize(count);
}

Fleet::~Fleet() = default;

std::size_t Fleet::station_count() const {
  return parts_->stations.size();
}

std::size_t Fleet::compartment_count() const {
  std::size_t total = 0;
  for (const auto& station : parts_->stations) {
    total += station->compartment_count();
  }
  return total;
}

std::size_t Fleet::shard_count() const {
  return parts_->shard_begin.size() - 1;
}
std::size_t Fleet::shard_begin(std::size_t shard) const {
  return parts_->shard_begin[shard];
}
Station& Fleet::station(std::size_t index) {
  const Instant reached = parts_->reached[index];
  if (reached > parts_->stations[index]->now()) {
    parts_->stations[index]->run_until(reached);
  }
  parts_->next_activity[index] = Instant{};
  parts_->touched[index] = 1;
  return *parts_->stations[index];
}
bool Fleet::touched(std::size_t index) const {
  return parts_->touched[index] != 0;
}
const Station& Fleet::station(std::size_t index) const {
  return *parts_->stations[index];
}
std::uint64_t Fleet::start_utc_ms() const {
  return parts_->start_utc_ms;
}

bool Fleet::controller_lost() const {
  return parts_->first_controller != nullptr && parts_->first_controller->lost();
}

std::size_t Fleet::find(std::string_view name) const {
  const auto found = parts_->by_name.find(std::string(name));
  return found == parts_->by_name.end() ? station_count() : found->second;
}

void Fleet::add_trace(const std::vector<TraceRow>& rows) {
  for (const TraceRow& row : rows) {
    parts_->stations[row.station]->schedule_injection(row.at, row.injection);
    parts_->next_activity[row.station] = Instant{};
  }
}

Instant Fleet::next_activity(std::size_t index) const {
  return parts_->next_activity[index];
}

void Fleet::run_station(std::size_t index, Instant end) {
  const bool due = parts_->next_activity[index] <= end;
  parts_->touched[index] = due ? 1 : 0;
  parts_->reached[index] = end;
  if (due) {
    parts_->stations[index]->run_until(end);
    parts_->next_activity[index] = parts_->stations[index]->next_activity();
  }
}

void Fleet::run_shard(std::size_t shard, Instant end) {
  for (std::size_t i = shard_begin(shard); i < shard_begin(shard + 1); ++i) {
    run_station(i, end);
  }
}

std::uint64_t Fleet::trace_hash() const {
  TraceHash hash;
  for (const auto& station : parts_->stations) {
    hash.add(station->trace_hash());
  }
  return hash.value();
}

StationCounters Fleet::totals() const {
  StationCounters total;
  for (const auto& station : parts_->stations) {
    total += station->counters();
  }
  return total;
}

}  // namespace cubby::emulator

#include "sim/sim_fleet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "emulator/scenario/profiles.h"
#include "firmware/wire/framing/frame.h"
#include "tools/aggregator/storage/verifier.h"
#include "tools/emulator/run_ahead.h"

namespace cubby::sim {
namespace {

constexpr int kDrainWindowsMax = 2 * 24 * 60;  // Longer than any outage of the profile, in minutes.

void fill(MutableBytes bytes) {
  std::fill(bytes.begin(), bytes.end(), std::byte{5});
}

bool environment_says(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && std::strcmp(value, "1") == 0;
}

}  // namespace

SimCentre::SimCentre(std::string store, const FleetKeys& fleet_keys)
    : path_(std::move(store)), fleet_keys_(fleet_keys) {
  open();
}

SimCentre::~SimCentre() = default;

void SimCentre::open() {
  aggregator::OpenedStore opened = aggregator::open_sqlite_store(path_, fill);
  ASSERT_EQ(opened.error, "");
  store_ = std::move(opened.store);
  const aggregator::StoreIdentity identity = store_->identity();
  aggregator::CentreOptions options;
  options.fleet_keys = fleet_keys_;
  options.store_uid = identity.uid;
  options.generation = identity.generation;
  options.session_epoch = identity.session_epoch;
  options.fill_random = [this](MutableBytes bytes) {  // No nonce twice.
    for (std::byte& byte : bytes) {
      byte = static_cast<std::byte>(random_.below(256));
    }
  };
  centre_ = std::make_unique<aggregator::Centre>(std::move(options));
  centre_->set_history(store_.get());
  ASSERT_EQ(store_->load(*centre_), "");
}

void SimCentre::restart() {
  protocol_.reset();
  centre_.reset();
  store_.reset();
  open();
}

bool SimCentre::connect(std::uint64_t utc_ms) {
  if (!protocol_) {
    protocol_ = std::make_unique<aggregator::ConnectionProtocol>(
        *centre_, *this, aggregator::ConnectionProtocol::Options{.allow_virtual_time = true});
    std::vector<std::byte> first;
    tools::append_virtual_time(first, utc_ms, false);
    feed(first, utc_ms);
  }
  return true;
}

void SimCentre::feed(Bytes frames, std::uint64_t utc_ms) {
  for (;;) {
    const wire::FrameParse parse = wire::parse_frame(frames, limits::kFrameUpMax);
    if (parse.kind != wire::FrameParse::Kind::kFrame) {
      ASSERT_TRUE(frames.empty()) << "a station sent something that is no frame";
      return;
    }
    ASSERT_EQ(protocol_->on_frame(parse.frame, utc_ms), aggregator::ConnectionProtocol::Verdict::kGoOn)
        << protocol_->close_reason();
    frames = frames.subspan(parse.consumed);
  }
}

void SimCentre::say(Bytes frames, std::uint64_t utc_ms) {
  std::vector<std::byte> time;
  tools::append_virtual_time(time, utc_ms, false);
  feed(time, utc_ms);
  feed(frames, utc_ms);
}

void SimCentre::barrier() {
  ASSERT_EQ(store_->commit(centre_->changes(), centre_->cities(), centre_->brands()), "");
  centre_->committed();
}

bool SimCentre::await(std::vector<std::byte>& answers) {
  if (restart_at_await_ > 0 && --restart_at_await_ == 0) {
    restart();
  }
  if (!protocol_) {
    return false;
  }
  answers = std::exchange(protocol_->ready(), {});
  return true;
}

SimOptions SimFleet::options(std::uint64_t seed, std::uint32_t stations) {
  SimOptions options;
  options.profile = *emulator::find_profile("shanxi");
  options.fleet.seed = seed;
  options.fleet.stations = stations;
  StationKey key;
  key.fill(std::byte{7});
  options.fleet.fleet_keys = FleetKeys(key);
  options.fleet.response_deadline_s = 300;
  return options;
}

SimFleet::SimFleet(const SimOptions& options) : options_(options), meters_(1) {
  fleet_ = std::make_unique<emulator::Fleet>(options_.profile, options_.fleet, 1, meters_);
  auto centre = std::make_unique<SimCentre>(folder_.file("cubby.db"), options_.fleet.fleet_keys);
  centre_ = centre.get();
  exchange_ = std::make_unique<tools::ShardExchange>(*fleet_, 0, fleet_->station_count(), std::move(centre));
}

SimFleet::~SimFleet() {
  exchange_.reset();
}

void SimFleet::window(Duration length) {
  now_ = now_ + length;
  fleet_->run_shard(0, now_);
  const std::uint64_t utc_ms = fleet_->start_utc_ms() + static_cast<std::uint64_t>(now_.ms());
  if (!exchange_->exchange(utc_ms)) {
    exchange_->connect(utc_ms);
  }
}

void SimFleet::run_ahead(Duration time) {
  const std::int64_t window_us = std::int64_t{options_.window_s} * 1'000'000;
  tools::RunAhead ahead(*fleet_, 0, fleet_->station_count(), window_us, 2);
  const std::int64_t end = (now_.us + time.us) / window_us;
  for (std::int64_t window = now_.us / window_us; window < end;) {
    const std::int64_t to = std::min(end, window + tools::RunAhead::kWindowsMax);
    while (!ahead.run(exchange_->centre(), window, to)) {
      exchange_->connect(fleet_->start_utc_ms() + static_cast<std::uint64_t>(now_.ms()));
    }
    window = to;
    now_ = Instant{to * window_us};
  }
  std::vector<std::byte> answers;
  if (ahead.finish(exchange_->centre(), answers)) {
    exchange_->take_over(std::move(answers));
  }
}

void SimFleet::run(Duration time) {
  const Duration window_length = Duration::seconds(options_.window_s);
  const Instant end = now_ + time;
  while (now_ < end) {
    window(std::min(window_length, end - now_));
  }
}

bool SimFleet::drain() {
  const auto settled = [&](std::size_t i) { return fleet_->station(i).settled(); };
  for (std::size_t i = 0; i < fleet_->station_count(); ++i) {
    fleet_->station(i).freeze_people(true);
  }
  bool all = false;
  for (int count = 0; count < kDrainWindowsMax && !all; ++count) {
    window(Duration::minutes(1));
    all = true;
    for (std::size_t i = 0; i < fleet_->station_count(); ++i) {
      all = all && settled(i);
    }
  }
  for (std::size_t i = 0; i < fleet_->station_count(); ++i) {
    fleet_->station(i).freeze_people(false);
  }
  return all;
}

namespace {

aggregator::OpeningCounts counts_of(const emulator::UseCounts& uses) {
  aggregator::OpeningCounts counts;
  std::copy(uses.begin(), uses.end(), counts.of.begin());
  return counts;
}

}  // namespace

std::string SimFleet::difference() const {
  std::vector<aggregator::LedgerRow> rows;
  for (std::size_t i = 0; i < fleet_->station_count(); ++i) {
    const emulator::Station& station = fleet_->station(i);
    std::uint32_t number = 0;
    for (const emulator::LedgerRow& row : station.ledger()) {
      rows.push_back({.station = std::string(station.name()),
                      .compartment = ++number,
                      .truth = counts_of(row.truth),
                      .observable = counts_of(row.observable),
                      .unsure = row.unsure,
                      .door_openings = row.door_openings});
    }
  }
  return aggregator::verify_store(folder_.file("cubby.db"), &rows).difference;
}

std::int64_t SimFleet::truly_inside(std::size_t station, std::size_t compartment) const {
  const emulator::LedgerRow& row = fleet_->station(station).ledger()[compartment];
  const auto counted = [&](emulator::Use use) { return std::int64_t{row.truth[static_cast<std::size_t>(use)]}; };
  using emulator::Use;
  return counted(Use::kDeposit) + counted(Use::kDropOff) - counted(Use::kCollection) - counted(Use::kRecall) -
         counted(Use::kDispatch);
}

std::uint64_t seed_of(std::uint64_t usual) {
  const char* text = std::getenv("CUBBY_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : usual;
}

std::uint32_t scaled(std::uint32_t usual, std::uint32_t thorough, std::uint32_t nightly) {
  if (environment_says("CUBBY_NIGHTLY")) {
    return nightly;
  }
  return environment_says("CUBBY_THOROUGH") ? thorough : usual;
}

}  // namespace cubby::sim

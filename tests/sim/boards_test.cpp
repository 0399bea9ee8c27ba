// Fleets whose stations have other lock boards than the Modbus ones, on good lines and on bad ones.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "emulator/station/station_world.h"
#include "sim/sim_fleet.h"
#include "tools/emulator/shard_exchange.h"

namespace cubby::sim {
namespace {

using emulator::Injection;
using emulator::InjectionKind;

constexpr std::int64_t kMorningMs = 8 * 3'600'000;

SimOptions with_boards(BoardFamily family, std::uint64_t seed, std::uint32_t stations) {
  SimOptions options = SimFleet::options(seed, stations);
  options.profile.mains_losses_per_year = 1500;
  options.profile.battery_s = 10;
  options.profile.mains_loss_max_s = 1800;
  options.profile.failed_open_per_million = 20'000;
  options.profile.left_open_per_million = 10'000;
  options.fleet.board_family = family;
  options.fleet.start_utc_ms = options.profile.start_utc_ms() + kMorningMs;
  return options;
}

Injection fault(InjectionKind kind, std::uint8_t compartment, Duration duration) {
  Injection injection;
  injection.kind = kind;
  injection.compartment = compartment;
  injection.duration = duration;
  return injection;
}

class EachFamily : public ::testing::TestWithParam<BoardFamily> {};
INSTANTIATE_TEST_SUITE_P(Boards, EachFamily, ::testing::ValuesIn(kBoardFamilies),
                         [](const auto& param) { return "P" + std::string(to_string(param.param)).substr(1); });

TEST_P(EachFamily, BooksAreExactThroughABadDay) {
  for (const bool item_sensors : {false, true}) {
    SimOptions options = with_boards(GetParam(), 11, 3);
    options.fleet.item_sensors = item_sensors;
    SimFleet sim(options);
    sim.run(Duration::hours(24));
    ASSERT_TRUE(sim.drain());
    EXPECT_GT(sim.fleet().totals().of(emulator::Use::kDeposit), 60U);
    EXPECT_GT(sim.fleet().totals().of(emulator::Use::kCollection), 20U);
    EXPECT_EQ(sim.difference(), "");
  }
}

std::uint64_t hash_of(const SimOptions& options, Duration time) {
  SimFleet sim(options);
  sim.run(time);
  EXPECT_GT(sim.fleet().totals().of(emulator::Use::kDeposit), 5U);
  return sim.fleet().trace_hash();
}

// A poll that only looks shows a board's inputs as they were when it was sent; and a P7's latencies, which are drawn,
// are drawn by the time, so that no poll shifts another's.
TEST_P(EachFamily, SkippedIdlePollsChangeNothing) {
  SimOptions options = with_boards(GetParam(), 12, 1);
  const std::uint64_t skipped = hash_of(options, Duration::hours(3));
  options.fleet.skip_idle_polls = false;
  EXPECT_EQ(hash_of(options, Duration::hours(3)), skipped);
}

// A P7 is long in telling all doors; with this seed a keep-alive comes in the middle of it.
TEST(Boards, AnAnswerIsOneInTheTraceWhoeverLooksInBetween) {
  SimOptions options = SimFleet::options(6, 1);
  options.fleet.start_utc_ms = options.profile.start_utc_ms();
  options.fleet.board_family = BoardFamily::kP7;
  const std::uint64_t skipped = hash_of(options, Duration::hours(12));
  options.fleet.skip_idle_polls = false;
  EXPECT_EQ(hash_of(options, Duration::hours(12)), skipped);
}

TEST_P(EachFamily, ASilentBoardIsToldAndItsDoorsAreNotUsed) {
  SimOptions options = SimFleet::options(13, 1);
  options.fleet.board_family = GetParam();
  options.fleet.demand = false;
  SimFleet sim(options);
  sim.run(Duration::minutes(1));
  const auto& world = static_cast<const emulator::StationWorld&>(sim.station());
  ASSERT_EQ(world.controller()->doors().state(1), drivers::DoorState::kShut);
  const std::uint64_t events = sim.station().counters().events;
  sim.station().inject(fault(InjectionKind::kBoardSilent, 1, Duration::minutes(5)));
  sim.run(Duration::minutes(1));
  EXPECT_EQ(world.controller()->doors().state(1), drivers::DoorState::kUnknown);
  EXPECT_EQ(sim.station().counters().events, events + 1) << "BoardSilent, once";
  sim.run(Duration::minutes(5));
  EXPECT_EQ(world.controller()->doors().state(1), drivers::DoorState::kShut);
  EXPECT_EQ(sim.station().counters().events, events + 2) << "BoardAnswered";
}

TEST_P(EachFamily, AForcedDoorIsTold) {
  SimOptions options = SimFleet::options(14, 1);
  options.fleet.board_family = GetParam();
  options.fleet.demand = false;
  SimFleet sim(options);
  sim.run(Duration::minutes(1));
  const std::uint64_t events = sim.station().counters().events;
  sim.station().inject(fault(InjectionKind::kForce, 2, Duration::minutes(3)));
  sim.run(Duration::minutes(1));
  const auto& world = static_cast<const emulator::StationWorld&>(sim.station());
  EXPECT_EQ(world.controller()->doors().state(2), drivers::DoorState::kOpen);
  EXPECT_GT(sim.station().counters().events, events);
  sim.run(Duration::minutes(3));
  EXPECT_EQ(world.controller()->doors().state(2), drivers::DoorState::kShut);
  ASSERT_TRUE(sim.drain());
  EXPECT_EQ(sim.difference(), "");
}

TEST(MixedBoards, AreTheProvincesAndEachStationHasOneFamily) {
  SimOptions options = SimFleet::options(15, 200);
  options.fleet.mixed_boards = true;
  options.fleet.demand = false;
  std::vector<emulator::RoomMeter> meters(1);
  emulator::Fleet fleet(options.profile, options.fleet, 1, meters);
  const SimOptions plain = SimFleet::options(15, 200);
  std::vector<emulator::RoomMeter> other_meters(1);
  emulator::Fleet other(plain.profile, plain.fleet, 1, other_meters);
  std::size_t different = 0;
  for (std::size_t i = 0; i < fleet.station_count(); ++i) {
    different += fleet.station(i).config().size() != other.station(i).config().size() ? 1 : 0;
  }
  // 60 % of 200, within four standard deviations.
  EXPECT_NEAR(static_cast<double>(different), 120.0, 28.0);
}

TEST(MixedBoards, BooksAreExactOnNoisyLines) {
  for (const BoardFamily family : kBoardFamilies) {
    SimOptions options = with_boards(family, 16, 1);
    options.fleet.bus_noise[emulator::NoiseKind::kFlip] = 5'000;
    options.fleet.bus_noise[emulator::NoiseKind::kDrop] = 1'000;
    SimFleet sim(options);
    sim.run(Duration::hours(2));
    ASSERT_TRUE(sim.drain());
    EXPECT_GT(sim.fleet().totals().of(emulator::Use::kDeposit), 3U) << to_string(family);
    EXPECT_EQ(sim.difference(), "") << to_string(family);
  }
}

}  // namespace
}  // namespace cubby::sim

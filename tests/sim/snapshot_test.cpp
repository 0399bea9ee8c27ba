// A fleet that is put away and goes on does what it would have done.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "sim/sim_fleet.h"
#include "support/temporary_folder.h"
#include "tools/emulator/shard_exchange.h"
#include "tools/emulator/snapshot_file.h"

namespace cubby::sim {
namespace {

using FileBytes = std::vector<char>;

SimOptions bad_days(std::uint32_t stations) {
  SimOptions options = SimFleet::options(7, stations);
  options.profile.mains_losses_per_year = 1500;
  options.profile.battery_s = 10;
  options.profile.mains_loss_max_s = 1800;
  options.profile.network_up_per_million = 900'000;
  options.profile.failed_open_per_million = 20'000;
  options.profile.left_open_per_million = 10'000;
  options.profile.mistype_per_million = 100'000;
  options.profile.refusal_per_million = 20'000;
  options.profile.board_silences_per_year = 1000;
  options.fleet.board_family = BoardFamily::kP5;
  options.fleet.mixed_boards = false;
  options.fleet.bus_noise = {};
  return options;
}

// A fleet that reports to a centre within the process, a minute at a time.
class FleetRun {
 public:
  explicit FleetRun(const SimOptions& options, const tools::CentreMemory& memory = {})
      : fleet_(options.profile, options.fleet, 1, meters_),
        exchange_(fleet_, 0, fleet_.station_count(), tools::make_ack_centre(memory), !memory.under_way.empty()) {}

  void go(int from_minute, int to_minute) {
    for (int minute = from_minute + 1; minute <= to_minute; ++minute) {
      const Instant end = Instant{} + Duration::minutes(minute);
      fleet_.run_shard(0, end);
      exchange_.exchange(fleet_.start_utc_ms() + static_cast<std::uint64_t>(end.ms()));
    }
  }
  // A part of a minute in which the centre says nothing.
  void go_to(Instant end) { fleet_.run_shard(0, end); }
  tools::CentreMemory memory() const {
    tools::CentreMemory memory;
    exchange_.remember(memory);
    return memory;
  }
  emulator::Fleet& fleet() { return fleet_; }

 private:
  std::vector<emulator::RoomMeter> meters_{1};
  emulator::Fleet fleet_;
  tools::ShardExchange exchange_;
};

void expect_same(emulator::Fleet& a, emulator::Fleet& b) {
  EXPECT_EQ(a.trace_hash(), b.trace_hash());
  for (std::size_t i = 0; i < a.station_count(); ++i) {
    const auto& left = a.station(i).ledger();
    const auto& right = b.station(i).ledger();
    ASSERT_EQ(left.size(), right.size());
    for (std::size_t door = 0; door < left.size(); ++door) {
      EXPECT_EQ(left[door].truth, right[door].truth) << i << ' ' << door;
      EXPECT_EQ(left[door].observable, right[door].observable) << i << ' ' << door;
      EXPECT_EQ(left[door].door_openings, right[door].door_openings) << i << ' ' << door;
    }
  }
}

std::unique_ptr<FleetRun> put_away(FleetRun& run, const SimOptions& options) {
  auto next = std::make_unique<FleetRun>(options, run.memory());
  for (std::size_t i = 0; i < run.fleet().station_count(); ++i) {
    std::vector<std::byte> image;
    EXPECT_EQ(run.fleet().station(i).suspend(image), Status::kOk);
    EXPECT_EQ(next->fleet().station(i).resume(image), Status::kOk) << i;
  }
  return next;
}

// Put away every so often, each time into a new object; every odd time the other way of polling goes on.
void expect_as_if_never_put_away(SimOptions options, int minutes, int every) {
  FleetRun never(options);
  never.go(0, minutes);
  ASSERT_GT(never.fleet().totals().of(emulator::Use::kDeposit), 100U);
  ASSERT_GT(never.fleet().totals().boots, never.fleet().station_count());

  auto run = std::make_unique<FleetRun>(options);
  bool other_polls = false;
  for (int minute = 0; minute < minutes; minute += every) {
    run->go(minute, std::min(minutes, minute + every));
    options.fleet.skip_idle_polls = other_polls;
    other_polls = !other_polls;
    run = put_away(*run, options);
  }
  expect_same(run->fleet(), never.fleet());
}

TEST(Snapshot, AFleetThatIsPutAwayGoesOnAsIfNothingHadHappened) {
  expect_as_if_never_put_away(bad_days(6), 26 * 60, 37);
}

TEST(Snapshot, SoDoesOneWithItemSensorsThatReportsEveryHour) {
  SimOptions options = bad_days(3);
  options.fleet.item_sensors = true;
  options.fleet.report_interval_s = 3600;
  expect_as_if_never_put_away(options, 26 * 60, 101);
}

// In the middle of frames, of doors that move and of what somebody types.
TEST(Snapshot, SoDoesOneThatIsPutAwayAtEveryMomentOfAVisit) {
  SimOptions options = SimFleet::options(7, 1);
  options.fleet.board_family = BoardFamily::kP5;
  FleetRun never(options);
  int first = 0;
  while (never.fleet().totals().of(emulator::Use::kDeposit) < 2) {
    ASSERT_LT(first, 24 * 60);
    never.go(first, first + 1);
    ++first;
  }
  constexpr int kMinutes = 3;
  never.go(first, first + kMinutes + 30);
  // 17 ms: of a frame of 8 bytes and its answer every stage is hit.
  const Duration step = Duration::milliseconds(std::getenv("CUBBY_NIGHTLY") != nullptr ? 3 : 17);
  auto run = std::make_unique<FleetRun>(options);
  run->go(0, first - 1);
  for (int minute = first - 1; minute < first - 1 + kMinutes; ++minute) {
    const Instant end = Instant{} + Duration::minutes(minute + 1);
    for (Instant at = Instant{} + Duration::minutes(minute) + step; at < end; at = at + step) {
      run->go_to(at);
      run = put_away(*run, options);
    }
    run->go(minute, minute + 1);
  }
  run->go(first - 1 + kMinutes, first + kMinutes + 30);
  expect_same(run->fleet(), never.fleet());
}

struct SnapshotFiles : ::testing::Test {
  SnapshotFiles() {
    options.profile = SimFleet::options(7, 1).profile;
    options.stations = 1;
    options.seed = 7;
    options.start_utc_ms = options.profile.start_utc_ms();
    options.fleet_keys = FleetKeys(StationKey{std::byte{7}});
    fleet_options.seed = 7;
    fleet_options.stations = 1;
    fleet_options.fleet_keys = options.fleet_keys;
    fleet.run_shard(0, kWritten);
    EXPECT_EQ(tools::write_snapshot(file(), options, fleet, {}, kWritten.us), "");
    std::ifstream stream(file(), std::ios::binary);
    content.assign(std::istreambuf_iterator<char>(stream), {});
  }
  std::string file() const { return folder.file("fleet.snap"); }
  void put(const FileBytes& bytes) const {
    std::ofstream(file(), std::ios::binary | std::ios::trunc)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  // What is said to that file; empty: it is good.
  std::string verdict() {
    std::string error;
    const auto snapshot = tools::SnapshotFile::open(file(), error);
    return snapshot == nullptr ? error : snapshot->restore(other);
  }

  static constexpr Instant kWritten = Instant{} + Duration::minutes(11 * 60);
  tests::TemporaryFolder folder;
  tools::RunOptions options;
  emulator::FleetOptions fleet_options;
  std::vector<emulator::RoomMeter> meters{1};
  emulator::Fleet fleet{SimFleet::options(7, 1).profile, fleet_options_with_key(), 1, meters};
  emulator::Fleet other{SimFleet::options(7, 1).profile, fleet_options_with_key(), 1, meters};
  FileBytes content;

 private:
  static emulator::FleetOptions fleet_options_with_key() {
    emulator::FleetOptions with_key;
    with_key.seed = 7;
    with_key.stations = 1;
    with_key.fleet_keys = FleetKeys(StationKey{std::byte{7}});
    return with_key;
  }
};

TEST_F(SnapshotFiles, AreTakenAsTheyWereWritten) {
  EXPECT_EQ(verdict(), "");
  EXPECT_EQ(other.trace_hash(), fleet.trace_hash());
  EXPECT_FALSE(std::filesystem::exists(file() + ".new"));
}

TEST_F(SnapshotFiles, AreRefusedHoweverTheyAreCutOff) {
  const std::size_t step = std::getenv("CUBBY_NIGHTLY") != nullptr ? 1 : 97;
  for (std::size_t size = 0; size < content.size(); size += size < 4096 ? 1 : step) {
    put(FileBytes(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(size)));
    ASSERT_NE(verdict(), "") << size << " bytes of " << content.size();
  }
  FileBytes longer = content;
  longer.push_back(0);
  put(longer);
  EXPECT_NE(verdict(), "");
}

TEST_F(SnapshotFiles, AreRefusedWhateverByteIsChanged) {
  const std::size_t step = std::getenv("CUBBY_NIGHTLY") != nullptr ? 1 : 97;
  for (std::size_t at = 0; at < content.size(); at += at < 4096 ? 1 : step) {
    FileBytes damaged = content;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    put(damaged);
    ASSERT_NE(verdict(), "") << "byte " << at;
  }
}

TEST_F(SnapshotFiles, SayWhyTheyAreRefused) {
  FileBytes foreign = content;
  foreign[8] = 2;
  put(foreign);
  EXPECT_NE(verdict().find("has format 2, and this program reads format 1"), std::string::npos) << verdict();
  foreign = content;
  foreign[12] = static_cast<char>(foreign[12] + 1);
  put(foreign);
  EXPECT_NE(verdict().find("another build"), std::string::npos) << verdict();
  put(FileBytes(content.begin(), content.end() - 1));
  EXPECT_NE(verdict().find("damaged"), std::string::npos) << verdict();
  put({'S', 'Q', 'L', 'i', 't', 'e'});
  EXPECT_NE(verdict().find("no snapshot"), std::string::npos) << verdict();
  put(content);
  std::string error;
  const auto snapshot = tools::SnapshotFile::open(file(), error);
  ASSERT_NE(snapshot, nullptr) << error;
  tools::RunOptions another = options;
  another.fleet_keys = FleetKeys(StationKey{std::byte{8}});
  EXPECT_NE(snapshot->adopt(another).find("another fleet key"), std::string::npos);
}

TEST_F(SnapshotFiles, ChangeWhatMayChangeUnderWayAndNothingElse) {
  std::string error;
  const auto snapshot = tools::SnapshotFile::open(file(), error);
  ASSERT_NE(snapshot, nullptr) << error;
  emulator::Profile profile;
  EXPECT_EQ(snapshot->profile_with({"offered_per_station_day_milli=93500"}, profile), std::vector<std::string>());
  EXPECT_EQ(profile.offered_per_station_day_milli, 93'500U);
  for (const char* setting : {"stations=3", "retention_h=24", "layouts=[]", "network_up_per_million=1"}) {
    const auto errors = snapshot->profile_with({setting}, profile);
    ASSERT_EQ(errors.size(), 1U) << setting;
    EXPECT_NE(errors[0].find("cannot change under way"), std::string::npos) << errors[0];
  }
  EXPECT_FALSE(snapshot->profile_with({"offered=1"}, profile).empty());
}

TEST_F(SnapshotFiles, OfOtherBoardsAreNotWritten) {
  emulator::FleetOptions with_p2 = fleet_options;
  with_p2.fleet_keys = options.fleet_keys;
  with_p2.board_family = BoardFamily::kP2;
  emulator::Fleet p2(options.profile, with_p2, 1, meters);
  p2.run_shard(0, Instant{} + Duration::minutes(1));
  const std::string said = tools::write_snapshot(file(), options, p2, {}, 60'000'000);
  EXPECT_NE(said.find("P5"), std::string::npos) << said;
  EXPECT_EQ(verdict(), "") << "what was there must still be there";
}

}  // namespace
}  // namespace cubby::sim

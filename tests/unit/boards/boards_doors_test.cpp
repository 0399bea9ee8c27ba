// Locks and doors that make trouble: frost, loose wires, driven locks, several locks on one door, coils at first.
#include <gtest/gtest.h>

#include "unit/boards/bench.h"

namespace cubby::emulator {
namespace {

constexpr const char* kUnlockFirst = "8A 01 01 11";
constexpr const char* kReadFirst = "80 01 01 33 B3";
constexpr const char* kShut = "80 01 01 11 91";
constexpr const char* kOpen = "80 01 01 00 80";

CabinetOptions with_seed(std::uint64_t seed) {
  CabinetOptions options;
  options.seed = seed;
  return options;
}

std::vector<DoorNewsKind> kinds(DoorRack& doors) {
  std::vector<DoorNewsKind> all;
  for (const DoorNews& news : doors.take_news()) {
    all.push_back(news.kind);
  }
  return all;
}

TEST(DoorRack, AFrozenDoorComesFreeAfterTwoToFourPulses) {
  std::vector<int> seen(8);
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Bench bench(BoardFamily::kP1, {}, with_seed(seed));
    bench.doors().set_temperature(DoorRack::kSurelyFrozen);
    std::size_t pulses = 0;
    while (!bench.is_open(1) && pulses < 7) {
      bench.ask_sealed(kUnlockFirst);
      ++pulses;
    }
    ++seen[pulses];
    // Not shut again, it does not freeze; shut, it does.
    bench.shut(1);
    bench.ask_sealed(kUnlockFirst);
    EXPECT_FALSE(bench.is_open(1)) << seed;
    bench.doors().set_temperature(0);
    bench.ask_sealed(kUnlockFirst);
    EXPECT_TRUE(bench.is_open(1)) << "the ice has melted";
  }
  EXPECT_EQ(seen[2] + seen[3] + seen[4], 40);
  EXPECT_GT(seen[2], 0);
  EXPECT_GT(seen[3], 0);
  EXPECT_GT(seen[4], 0);
}

TEST(DoorRack, TheColderTheMoreDoorsFreezeAndNoneAboveTenBelow) {
  const auto stuck_at = [](int celsius) {
    int stuck = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
      Bench bench(BoardFamily::kP1, {}, with_seed(seed));
      bench.doors().set_temperature(celsius);
      bench.ask_sealed(kUnlockFirst);
      stuck += bench.is_open(1) ? 0 : 1;
    }
    return stuck;
  };
  EXPECT_EQ(stuck_at(DoorRack::kFrostBelow), 0);
  expect_about(stuck_at(-20), 30, 12);
  EXPECT_EQ(stuck_at(-40), 60);
}

TEST(DoorRack, EachDoorFreezesByItselfAndAMendedOneNotBeforeItIsShut) {
  Bench bench(BoardFamily::kP1);
  bench.doors().set_temperature(-35);
  bench.ask_sealed(kUnlockFirst);
  EXPECT_EQ(kinds(bench.doors()), std::vector{DoorNewsKind::kDidNotMove});
  EXPECT_GT(bench.doors().door(0).ice.value_or(0), 0);
  EXPECT_FALSE(bench.doors().door(1).ice.has_value());
  bench.doors().mend(0, bench.now);
  bench.ask_sealed(kUnlockFirst);
  EXPECT_TRUE(bench.is_open(1));
  bench.ask_sealed("8A 01 02 11");
  EXPECT_FALSE(bench.is_open(2));
}

TEST(DoorRack, ALooseWireSaysTheContraryNowAndThen) {
  std::vector<std::vector<bool>> runs;
  for (const std::uint64_t seed : {3U, 3U, 4U}) {
    Bench bench(BoardFamily::kP1, {}, with_seed(seed));
    bench.doors().set_switch_fault(0, SwitchFault::kIntermittent);
    bench.doors().set_switch_fault(1, SwitchFault::kIntermittent);
    std::vector<bool> readings;
    for (const std::size_t door : {0U, 1U}) {
      for (std::int64_t ms = 0; ms < 100'000; ms += 10) {
        readings.push_back(bench.doors().says_shut(door, Instant{} + Duration::milliseconds(ms)));
      }
    }
    runs.push_back(readings);
  }
  EXPECT_EQ(runs[0], runs[1]) << "a function of seed, door and time";
  EXPECT_NE(runs[0], runs[2]);
  const auto half = runs[0].begin() + 10'000;
  EXPECT_FALSE(std::equal(runs[0].begin(), half, half)) << "doors do not chatter together";
  const auto wrong = std::count(runs[0].begin(), half, false);
  EXPECT_GT(wrong, 600);
  EXPECT_LT(wrong, 1'900);
}

TEST(DoorRack, ALooseWireCanBeReadWrongOverTheLineAndIsMended) {
  Bench bench(BoardFamily::kP1);
  bench.doors().set_switch_fault(0, SwitchFault::kIntermittent);
  int wrong = 0;
  for (int i = 0; i < 200; ++i) {
    wrong += bench.ask(kReadFirst, 97) == kOpen ? 1 : 0;
  }
  EXPECT_GT(wrong, 5);
  EXPECT_LT(wrong, 80);
  bench.doors().mend(0, bench.now);
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(bench.ask(kReadFirst, 97), kShut);
  }
}

TEST(DoorRack, ADrivenLockNeedsALongPulseAndSomebodyWhoPulls) {
  Bench bench(BoardFamily::kP1);
  bench.doors().set_kind(0, LockKind::kDriven, bench.now);
  EXPECT_EQ(bench.doors().pull_open(0, bench.now), Status::kWrongState);
  bench.ask_sealed(kUnlockFirst);  // 300 ms.
  EXPECT_EQ(bench.doors().pull_open(0, bench.now), Status::kWrongState) << "the bolt has begun to move, no more";
  bench.ask_sealed(kUnlockFirst);
  EXPECT_EQ(bench.doors().pull_open(0, bench.now), Status::kWrongState) << "two short pulses are not a long one";
  EXPECT_TRUE(kinds(bench.doors()).empty());

  EXPECT_EQ(bench.ask_sealed("8A 01 01 11 01", 2'000), bench.seal("8A 01 01 11")) << "the switch still says shut";
  EXPECT_EQ(kinds(bench.doors()), std::vector{DoorNewsKind::kLetGo});
  EXPECT_FALSE(bench.is_open(1)) << "it does not spring open";
  bench.wait(60'000);
  EXPECT_EQ(bench.doors().pull_open(0, bench.now), Status::kOk);
  EXPECT_TRUE(bench.is_open(1));
  EXPECT_EQ(bench.doors().pull_open(0, bench.now), Status::kWrongState);
  bench.wait(50);
  EXPECT_EQ(bench.ask(kReadFirst), kOpen);
  bench.shut(1);
  EXPECT_EQ(bench.doors().pull_open(0, bench.now), Status::kWrongState) << "it has locked";
}

TEST(DoorRack, ADrivenLockIsBackAfterSixHundredMillisecondsOfCurrent) {
  for (const std::int64_t pulse_ms : {590, 600}) {
    Bench bench(BoardFamily::kP1, {"pulse_ms=" + std::to_string(pulse_ms)});
    bench.doors().set_kind(0, LockKind::kDriven, bench.now);
    bench.ask_sealed(kUnlockFirst);
    EXPECT_EQ(bench.doors().pull_open(0, bench.now) == Status::kOk, pulse_ms == 600) << pulse_ms;
  }
}

TEST(DoorRack, ADrivenLockThatIsJammedStaysWhereItIs) {
  Bench bench(BoardFamily::kP1, {"pulse_ms=700"});
  bench.doors().set_kind(0, LockKind::kDriven, bench.now);
  bench.jam(1);
  bench.ask_sealed(kUnlockFirst);
  EXPECT_EQ(kinds(bench.doors()), std::vector{DoorNewsKind::kDidNotMove});
  bench.doors().mend(0, bench.now);
  EXPECT_EQ(bench.doors().pull_open(0, bench.now), Status::kWrongState);
}

TEST(DoorRack, SeveralLocksOfOneDoorMustLetGoTogether) {
  Bench bench(BoardFamily::kP1);
  constexpr std::array<std::size_t, 2> kBoth{2, 5};
  ASSERT_EQ(bench.doors().group(kBoth), Status::kOk);
  bench.ask_sealed("8A 01 03 11");
  EXPECT_FALSE(bench.is_open(3)) << "one lock is not enough";
  EXPECT_EQ(kinds(bench.doors()), std::vector{DoorNewsKind::kLetGo});
  bench.wait(1'200);
  bench.ask_sealed("8A 01 06 11");
  EXPECT_FALSE(bench.is_open(3)) << "more than 2 s later the first holds again";
  bench.ask_sealed("8A 01 03 11");
  EXPECT_TRUE(bench.is_open(3));
  EXPECT_EQ(kinds(bench.doors()), (std::vector{DoorNewsKind::kLetGo, DoorNewsKind::kOpened}));
  for (const char* read : {"80 01 03 33", "80 01 06 33"}) {
    EXPECT_EQ(bench.ask_sealed(read), bench.seal(std::string(read).substr(0, 9) + "00")) << "both switches are its";
  }
  EXPECT_EQ(bench.doors().put_item(5), Status::kOk);
  EXPECT_TRUE(bench.doors().holds_item(0, 2, bench.now));
  bench.shut(6);
  EXPECT_EQ(bench.ask_sealed("80 01 03 33"), bench.seal("80 01 03 11"));
  bench.ask_sealed("8A 01 03 11");
  EXPECT_FALSE(bench.is_open(3)) << "shut, all hold again";
}

TEST(DoorRack, AnUnlockOfAllOpensADoorWithManyLocks) {
  Bench bench(BoardFamily::kP1, {"open_all_step_ms=400"});
  constexpr std::array<std::size_t, 4> kFour{0, 1, 2, 3};
  ASSERT_EQ(bench.doors().group(kFour), Status::kOk);
  bench.ask_sealed("8A 01 00 11", 4'000);
  EXPECT_EQ(bench.open_doors(), (std::vector<std::size_t>{1, 5, 6, 7, 8})) << "1 stands for 1 to 4";
  Bench slow(BoardFamily::kP1, {"open_all_step_ms=1000"});
  ASSERT_EQ(slow.doors().group(kFour), Status::kOk);
  slow.ask_sealed("8A 01 00 11", 9'000);
  EXPECT_EQ(slow.open_doors(), (std::vector<std::size_t>{5, 6, 7, 8}))
      << "the first holds again before the last lets go";
}

TEST(DoorRack, ADoorWithDrivenLocksWaitsForAllBoltsAndForAPull) {
  Bench bench(BoardFamily::kP1, {"pulse_ms=700"});
  constexpr std::array<std::size_t, 2> kBoth{0, 1};
  ASSERT_EQ(bench.doors().group(kBoth), Status::kOk);
  bench.doors().set_kind(0, LockKind::kDriven, bench.now);
  bench.doors().set_kind(1, LockKind::kDriven, bench.now);
  bench.ask_sealed(kUnlockFirst);
  EXPECT_EQ(bench.doors().pull_open(1, bench.now), Status::kWrongState);
  bench.wait(10'000);
  bench.ask_sealed("8A 01 02 11");
  EXPECT_EQ(bench.doors().pull_open(1, bench.now), Status::kOk) << "a bolt stays back, however long";
}

TEST(DoorRack, GroupsAreOfDifferentLocksOfShutDoorsAndCanBeParted) {
  Bench bench(BoardFamily::kP1);
  DoorRack& doors = bench.doors();
  EXPECT_EQ(doors.group(std::array<std::size_t, 1>{0}), Status::kBadInput);
  EXPECT_EQ(doors.group(std::array<std::size_t, 2>{0, 0}), Status::kBadInput);
  EXPECT_EQ(doors.group(std::array<std::size_t, 2>{0, 8}), Status::kBadInput);
  EXPECT_EQ(doors.group(std::array<std::size_t, 9>{0, 1, 2, 3, 4, 5, 6, 7, 8}), Status::kBadInput);
  bench.force(1);
  EXPECT_EQ(doors.group(std::array<std::size_t, 2>{0, 1}), Status::kWrongState);
  EXPECT_EQ(doors.ungroup(1), Status::kWrongState);
  ASSERT_EQ(doors.group(std::array<std::size_t, 2>{1, 2}), Status::kOk);
  EXPECT_EQ(doors.group(std::array<std::size_t, 2>{2, 3}), Status::kWrongState);
  EXPECT_EQ(doors.locks_of(2), (std::vector<std::size_t>{1, 2}));
  bench.force(3);
  EXPECT_EQ(doors.ungroup(1), Status::kWrongState);
  bench.shut(2);
  ASSERT_EQ(doors.ungroup(1), Status::kOk);
  bench.ask_sealed("8A 01 03 11");
  EXPECT_EQ(bench.open_doors(), (std::vector<std::size_t>{1, 3}));
}

TEST(DoorRack, ACoilDrawsMoreAtFirst) {
  Bench bench(BoardFamily::kP1);
  DoorRack& doors = bench.doors();
  EXPECT_EQ(doors.current_ma(bench.now), 0U);
  doors.coil(0, 0, true, bench.now);
  EXPECT_EQ(doors.current_ma(bench.now), DoorRack::kInrushMa);
  EXPECT_EQ(doors.current_ma(bench.now + DoorRack::kInrush), DoorRack::kCoilMa);
  const Instant later = bench.now + Duration::milliseconds(100);
  doors.coil(0, 1, true, later);
  EXPECT_EQ(doors.current_ma(later), DoorRack::kCoilMa + DoorRack::kInrushMa);
  doors.coil(0, 0, false, later);
  EXPECT_EQ(doors.current_ma(later), DoorRack::kInrushMa);
}

}  // namespace
}  // namespace cubby::emulator

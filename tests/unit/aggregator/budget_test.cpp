#include "tools/aggregator/core/budget.h"

#include "unit/aggregator/test_station.h"

namespace cubby::aggregator::testing {
namespace {

using Answer = Budget::Answer;
using Verdict = ConnectionProtocol::Verdict;

constexpr Budget::Rates kRates;  // As they are by default.
constexpr std::uint64_t kBurstS = Budget::kBurstUs / 1'000'000;

/// Frames until the first answer that is not kGoOn, and which it was.
std::pair<std::uint64_t, Answer> until_stopped(Budget& budget, std::size_t bytes, std::uint64_t now_ms) {
  for (std::uint64_t count = 1; count < 1'000'000; ++count) {
    if (const Answer answer = budget.charge(kRates, bytes, now_ms); answer != Answer::kGoOn) {
      return {count, answer};
    }
  }
  return {0, Answer::kGoOn};
}

TEST(Budget, IsAFullBurstAfterSilenceThenThePauseThenTheEnd) {
  Budget budget;
  const std::uint64_t burst = kBurstS * kRates.frames_a_second;
  EXPECT_EQ(until_stopped(budget, 1, kNoonUtcMs), std::pair(burst + 1, Answer::kPause));
  EXPECT_EQ(until_stopped(budget, 1, kNoonUtcMs), std::pair(burst, Answer::kClose)) << "told once, then closed";
}

TEST(Budget, CountsBytesAsWellAsFrames) {
  Budget budget;
  const auto [frames, answer] = until_stopped(budget, 16 * 1024, kNoonUtcMs);
  EXPECT_EQ(answer, Answer::kPause);
  EXPECT_EQ(frames, kBurstS * kRates.bytes_a_second / (16 * 1024) + 1);
}

TEST(Budget, LetsAStationThatKeepsToTheRateGoOnForEver) {
  Budget budget;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    ASSERT_EQ(budget.charge(kRates, 1'000, kNoonUtcMs + i * 1'000 / kRates.frames_a_second), Answer::kGoOn);
  }
}

TEST(Budget, IsThereAgainForWhoeverPauses) {
  Budget budget;
  until_stopped(budget, 1, kNoonUtcMs);
  EXPECT_TRUE(budget.is_over(kNoonUtcMs));
  const std::uint32_t wait_s = budget.wait_s(kNoonUtcMs);
  EXPECT_EQ(wait_s, kBurstS / 2 + 1);
  const std::uint64_t later = kNoonUtcMs + wait_s * 1'000;
  EXPECT_FALSE(budget.is_over(later));
  EXPECT_EQ(budget.wait_s(later), 0U);
  EXPECT_GE(until_stopped(budget, 1, later).first, kBurstS * kRates.frames_a_second / 2);
}

TEST(Budget, IsNotHeldAgainstAStationWhoseClockWasAheadOfOurs) {
  Budget budget;
  until_stopped(budget, 1, kNoonUtcMs + 86'400'000);
  EXPECT_FALSE(budget.is_over(kNoonUtcMs));
  EXPECT_EQ(until_stopped(budget, 1, kNoonUtcMs).first, kBurstS * kRates.frames_a_second + 1);
}

struct BudgetOfASession : ::testing::Test {
  Centre centre{test_options()};
  TestJournal journal{"SX-TY-0001"};
  v1::Up ping;

  void SetUp() override {
    journal.open();
    ping.mutable_ping();
  }
  void greet(TestConnection& on) {
    on.greet(1, journal);
    centre.committed();
  }
};

TEST_F(BudgetOfASession, PausesAStormClosesItAndDoesNotStartAnewWithTheNextSession) {
  TestConnection storm(centre);
  greet(storm);
  storm.take();
  std::vector<v1::Down> told;
  Verdict verdict = Verdict::kGoOn;
  for (int frames = 0; frames < 2'000 && verdict == Verdict::kGoOn; ++frames) {
    verdict = storm.send(1, ping);
    for (const TestConnection::Received& answer : storm.take()) {
      told.push_back(answer.down);
    }
  }
  EXPECT_EQ(verdict, Verdict::kClose);
  EXPECT_EQ(centre.counters().pauses, 1U);
  EXPECT_EQ(told.back().refuse().code(), v1::REFUSE_CODE_LIMIT);
  EXPECT_EQ(centre.counters().live_sessions, 0);

  TestConnection again(centre);
  greet(again);
  const v1::Down down = again.take_one();
  EXPECT_GT(down.pause().retry_after_s(), kBurstS / 2) << down.ShortDebugString();
  EXPECT_LE(down.pause().retry_after_s(), 2 * kBurstS);
  EXPECT_EQ(centre.counters().live_sessions, 0);
}

TEST_F(BudgetOfASession, BoundsWhatBelongsToNoSessionToo) {
  const auto frames_until_closed = [&](TestConnection& link, std::uint32_t channel, const v1::Up& up) {
    std::uint64_t frames = 1;
    while (frames < 10'000 && link.send(channel, up) == Verdict::kGoOn) {
      ++frames;
    }
    return frames;
  };
  constexpr std::uint64_t kMost = ConnectionProtocol::kFramesBeforeWelcomeMax;
  TestConnection greeter(centre);
  EXPECT_EQ(frames_until_closed(greeter, 1, journal.hello()), kMost + 1);
  TestConnection refused(centre);
  EXPECT_EQ(frames_until_closed(refused, 1, ping), kMost + 1) << "only the first is answered";
  TestConnection admitted(centre);
  greet(admitted);
  EXPECT_EQ(frames_until_closed(admitted, 2, journal.hello()), 2 * kBurstS * kRates.frames_a_second - 1)
      << "one good session is no licence";
}

TEST_F(BudgetOfASession, IsEachStationsOwn) {
  TestConnection storm(centre);
  greet(storm);
  int frames = 0;
  while (storm.send(1, ping) == Verdict::kGoOn) {
    ASSERT_LT(++frames, 2'000);
  }
  TestJournal other("SX-TY-0002");
  other.open();
  TestConnection honest(centre);
  honest.greet(1, other);
  centre.committed();
  EXPECT_TRUE(honest.take_one().has_welcome());
  honest.send(1, other.batch(1, 3));
  centre.committed();
  EXPECT_EQ(honest.take_one().ack().durable_seq(), 3U);
}

TEST_F(BudgetOfASession, TakesWhatWasOnItsWayWhenThePauseWasSaid) {
  TestConnection link(centre);
  greet(link);
  while (centre.counters().pauses == 0) {
    ASSERT_EQ(link.send(1, ping), Verdict::kGoOn);
  }
  link.take();
  EXPECT_EQ(link.send(1, journal.batch(1, 3)), Verdict::kGoOn);
  centre.committed();
  EXPECT_EQ(link.take_one().ack().durable_seq(), 3U);
}

}  // namespace
}  // namespace cubby::aggregator::testing

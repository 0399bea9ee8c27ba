#include "tools/aggregator/io/group_commit.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <vector>

namespace cubby::aggregator {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kEventBytes = 50;

struct GroupCommitTest : testing::Test {
  boost::asio::io_context io{1};
  GroupCommit::Pending now;
  std::vector<std::size_t> commits;  // Events of each.
  std::vector<Clock::time_point> committed_at;
  GroupCommit group{io,
                    {.events = 10, .interval = milliseconds(20), .events_max = 40, .bytes_max = 3'000},
                    [this] { return now; },
                    [this] { commit(); }};

  void commit() {
    commits.push_back(now.events);
    committed_at.push_back(Clock::now());
    now = {};
    group.on_commit();
  }
  void arrive(std::size_t events, bool at_barrier = false, std::size_t event_bytes = kEventBytes) {
    now.any = true;
    now.events += events;
    now.bytes += events * event_bytes;
    group.on_input(at_barrier);
  }
  /// As a socket that is ready again each time its data was read.
  void arrive_again(std::size_t events, std::size_t times) {
    boost::asio::post(io, [this, events, times] {
      arrive(events);
      if (times > 1) {
        arrive_again(events, times - 1);
      }
    });
  }
};

TEST_F(GroupCommitTest, FewEventsWaitForTheInterval) {
  const auto from = Clock::now();
  arrive(1);
  arrive(2);
  io.run();
  EXPECT_EQ(commits, (std::vector<std::size_t>{3}));
  EXPECT_GE(committed_at.at(0) - from, milliseconds(20));
}

TEST_F(GroupCommitTest, InputThatChangesNothingIsNotCommitted) {
  group.on_input(false);
  group.on_input(true);
  io.run();
  EXPECT_TRUE(commits.empty());
}

TEST_F(GroupCommitTest, ManyEventsAreCommittedOnceTheSocketsAreDrained) {
  arrive_again(9, 3);
  io.run_one();
  io.run_one();
  EXPECT_TRUE(commits.empty());
  while (commits.empty()) {
    ASSERT_EQ(io.poll_one(), 1U) << "waits for nothing that could come";
  }
  EXPECT_EQ(commits, (std::vector<std::size_t>{27}));
}

TEST_F(GroupCommitTest, AGroupIsBoundedInEvents) {
  arrive_again(9, 12);
  io.run();
  EXPECT_EQ(commits, (std::vector<std::size_t>{45, 45, 18}));
}

TEST_F(GroupCommitTest, AGroupIsBoundedInBytes) {
  arrive(9, false, 1'000);
  EXPECT_EQ(commits, (std::vector<std::size_t>{9}));
}

TEST_F(GroupCommitTest, AGroupIsBoundedInTime) {
  GroupCommit::Pending pending;
  std::size_t committed = 0;
  GroupCommit endless(
      io, {.events = 10, .interval = milliseconds(20), .events_max = SIZE_MAX, .bytes_max = SIZE_MAX},
      [&] { return pending; },
      [&] {
        committed = committed == 0 ? pending.events : committed;
        pending = {};
        endless.on_commit();
      });
  const auto from = Clock::now();
  std::function<void()> more = [&] {
    pending.any = true;
    ++pending.events;
    endless.on_input(false);
    if (committed == 0) {
      boost::asio::post(io, more);
    }
  };
  more();
  io.run();
  EXPECT_GE(committed, 10U);
  EXPECT_GE(Clock::now() - from, milliseconds(20));
}

TEST_F(GroupCommitTest, ABarrierWaitsForWhatIsReadyOnly) {
  arrive(1, true);
  boost::asio::post(io, [this] { arrive(1, true); });
  io.poll();
  EXPECT_EQ(commits, (std::vector<std::size_t>{1, 1}));
}

TEST_F(GroupCommitTest, ATimerOfEventsThatAreCommittedCutsNoLaterGroup) {
  const auto from = Clock::now();
  arrive(1);
  commit();
  while (Clock::now() - from < milliseconds(5)) {
  }
  const auto later = Clock::now();
  arrive(2);
  io.run();
  EXPECT_EQ(commits, (std::vector<std::size_t>{1, 2}));
  EXPECT_GE(committed_at.at(1) - later, milliseconds(20));
}

TEST_F(GroupCommitTest, NothingIsCommittedAfterTheEnd) {
  arrive(10);
  arrive(1, true);
  group.cancel();
  io.run();
  EXPECT_TRUE(commits.empty());
}

}  // namespace
}  // namespace cubby::aggregator

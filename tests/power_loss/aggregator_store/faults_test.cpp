// A disk that fails at each read, write and sync of a store's life: it says so, acknowledges nothing, and recovers.
#include <gtest/gtest.h>

#include <cstdio>

#include "power_loss/aggregator_store/campaign.h"

namespace cubby::aggregator_store {
namespace {

/// Lets the fault strike at every place where it can.
void expect_recovery(Fault fault, bool process_dies) {
  Campaign campaign({});
  fault.at = UINT64_MAX;
  const std::uint64_t count = campaign.fail(fault, false).places;
  std::uint64_t said = 0;
  for (fault.at = 0; fault.at < count; ++fault.at) {
    const FaultOutcome outcome = campaign.fail(fault, process_dies);
    said += outcome.errors != 0 ? 1 : 0;
    EXPECT_TRUE(outcome.struck) << fault.at;
    ASSERT_EQ(outcome.failure, "") << "FAILED: at " << fault.at << " of " << count << ": " << outcome.failure;
  }
  std::printf("%llu places, %llu of them said by the store\n", static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(said));
  EXPECT_GT(count, 10U);
  EXPECT_GE(said, count / 4);  // What goes wrong in a merge of the log is put off, not said.
}

TEST(StoreFaults, ASyncThatFailsOnce) {
  expect_recovery({.kind = Fault::Kind::kSync}, false);
}

TEST(StoreFaults, ASyncThatFailsOnceAndForgetsWhatWasWritten) {
  expect_recovery({.kind = Fault::Kind::kSyncForgets}, false);
}

TEST(StoreFaults, ASyncThatForgetsWhatWasWrittenAndAProcessThatDiesOfIt) {
  expect_recovery({.kind = Fault::Kind::kSyncForgets}, true);
}

TEST(StoreFaults, ADiskThatIsFullUntilItIsNot) {
  expect_recovery({.kind = Fault::Kind::kFull, .lasts = true}, false);
}

TEST(StoreFaults, AWriteThatFailsOnce) {
  expect_recovery({.kind = Fault::Kind::kWrite}, false);
}

TEST(StoreFaults, AWriteThatFailsOnceAndAProcessThatDiesOfIt) {
  expect_recovery({.kind = Fault::Kind::kWrite}, true);
}

TEST(StoreFaults, AReadThatFailsOnce) {
  expect_recovery({.kind = Fault::Kind::kRead}, false);
}

}  // namespace
}  // namespace cubby::aggregator_store

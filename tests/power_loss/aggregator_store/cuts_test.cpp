// Cuts the power at every write, truncation and sync of a store's transactions, and again in the recovery.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "power_loss/aggregator_store/campaign.h"
#include "support/arguments.h"

namespace cubby::aggregator_store {
namespace {

using tests::is_set;

Options options_of_run() {
  Options options;
  if (const char* seed = std::getenv("CUBBY_SEED"); seed != nullptr) {
    options.seed = std::strtoull(seed, nullptr, 10);
  }
  if (is_set("CUBBY_NIGHTLY")) {
    options.draws = 8;
    options.second_stride = 43;
    options.second_step = 3;
  } else if (is_set("CUBBY_THOROUGH")) {
    options.draws = 6;
    options.second_stride = 97;
  }
  std::printf("seed=%llu\n", static_cast<unsigned long long>(options.seed));
  return options;
}

void print(const Totals& totals) {
  std::printf(
      "%llu writes, %llu truncations, %llu syncs, %llu files made or deleted; %llu single cuts, %llu double cuts, "
      "%llu failures\n",
      static_cast<unsigned long long>(totals.writes), static_cast<unsigned long long>(totals.truncations),
      static_cast<unsigned long long>(totals.syncs), static_cast<unsigned long long>(totals.names),
      static_cast<unsigned long long>(totals.single_cuts), static_cast<unsigned long long>(totals.double_cuts),
      static_cast<unsigned long long>(totals.failures));
}

TEST(StoreCuts, LoseNothingThatWasAcknowledgedAndLeaveNothingHalf) {
  const Totals totals = Campaign(options_of_run()).cut_everywhere();
  print(totals);
  EXPECT_EQ(totals.failures, 0U) << "FAILED: " << totals.first_failure;
  EXPECT_GT(totals.single_cuts, 2'000U);
  EXPECT_GT(totals.double_cuts, 1'000U);
}

TEST(StoreCuts, FindOutADiskThatOnlySaysThatItHasSynced) {
  Options options = options_of_run();
  options.mistake = Mistake::kSyncsAreIgnored;
  options.second_stride = 0;
  options.failures_max = 1;
  const Totals totals = Campaign(options).cut_everywhere();
  print(totals);
  std::printf("%s\n", totals.first_failure.c_str());
  EXPECT_GT(totals.failures, 0U);
}

TEST(StoreCuts, FindOutACentreThatAcknowledgesBeforeTheTransaction) {
  Options options = options_of_run();
  options.mistake = Mistake::kHasty;
  options.second_stride = 0;
  options.failures_max = 1;
  const Totals totals = Campaign(options).cut_everywhere();
  print(totals);
  std::printf("%s\n", totals.first_failure.c_str());
  EXPECT_GT(totals.failures, 0U);
}

}  // namespace
}  // namespace cubby::aggregator_store

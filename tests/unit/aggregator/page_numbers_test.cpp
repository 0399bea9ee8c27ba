#include <gtest/gtest.h>

#include <set>

#include "firmware/base/prng.h"
#include "tools/aggregator/storage/page_cache.h"

namespace cubby::aggregator {
namespace {

constexpr unsigned kLockPage = 262'145;

TEST(PageNumbers, ForgetTheLockPageWhenNoPageHasItsNumber) {
  PageNumbers numbers(kLockPage);
  EXPECT_FALSE(numbers.may_have(1));
  for (unsigned number = 1; number <= 100; ++number) {
    numbers.add(number);
  }
  numbers.move(40, kLockPage);  // As a split does it: 40 and 41 change places.
  EXPECT_TRUE(numbers.may_have(101)) << "an order to drop it would be for a page that is there";
  numbers.move(41, 40);
  numbers.move(kLockPage, 41);
  EXPECT_TRUE(numbers.may_have(100));
  EXPECT_FALSE(numbers.may_have(101));
}

TEST(PageNumbers, NeverMissAPage) {
  Prng prng(20261127);
  for (int round = 0; round < 200; ++round) {
    PageNumbers numbers(kLockPage);
    std::set<unsigned> pages;
    for (int step = 0; step < 100; ++step) {
      const auto number = [&] { return prng.below(6) == 0 ? kLockPage : 1 + static_cast<unsigned>(prng.below(50)); };
      const unsigned limit = prng.below(6) == 0 ? kLockPage : 1 + static_cast<unsigned>(prng.below(60));
      const std::uint64_t what = prng.below(8);
      if (what < 4) {
        const unsigned added = number();
        numbers.add(added);
        pages.insert(added);
      } else if (what < 7 && !pages.empty()) {
        const unsigned from = *pages.begin();
        const unsigned to = number();
        pages.erase(from);
        pages.insert(to);
        numbers.move(from, to);
      } else if (numbers.may_have(limit)) {
        numbers.drop(limit);
        pages.erase(pages.lower_bound(limit), pages.end());
      }
      const bool there = pages.lower_bound(limit) != pages.end();
      ASSERT_TRUE(numbers.may_have(limit) || !there) << "round " << round << ", step " << step << ", limit " << limit;
    }
  }
}

}  // namespace
}  // namespace cubby::aggregator

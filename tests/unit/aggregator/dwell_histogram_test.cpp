#include "tools/aggregator/core/dwell_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "firmware/base/prng.h"
#include "tools/aggregator/core/statistics_delta.h"

namespace cubby::aggregator {
namespace {

constexpr std::uint64_t kSeed = 20'250'303;

double distance(std::uint64_t a, std::uint64_t b) {
  return static_cast<double>(a > b ? a - b : b - a) / static_cast<double>(b);
}

std::vector<std::byte> packed_of(const std::map<std::uint16_t, std::uint64_t>& counts) {
  std::vector<std::byte> packed;
  DwellPacker packer(packed);
  for (const auto& [bucket, count] : counts) {
    packer.put({.bucket = bucket, .count = count});
  }
  return packed;
}

TEST(DwellHistogram, StandsForEveryTimeWithinTwoPercent) {
  std::uint64_t checked = 0;
  // Every bound of every bucket, and its neighbours, are among these.
  for (std::uint64_t bound = 1'000; bound <= kDwellMsMax; bound += bound / 25) {
    for (const std::uint64_t time : {bound - 1, bound, bound + 1, bound + bound / 50}) {
      if (time >= 1'000 && time <= kDwellMsMax) {
        ASSERT_LE(distance(dwell_of_bucket(dwell_bucket(time)), time), 0.02) << time;
        ++checked;
      }
    }
    ASSERT_EQ(dwell_bucket(bound), dwell_bucket(bound - 1) + 1) << bound;
  }
  EXPECT_GT(checked, 2'000U);
  EXPECT_EQ(dwell_bucket(0), 0);
  EXPECT_EQ(dwell_bucket(999), 0);
  EXPECT_EQ(dwell_bucket(kDwellMsMax), kDwellBuckets - 1);
}

TEST(DwellHistogram, GivesTheQuantilesOfTheSortedTimesToTwoPercent) {
  Prng random(kSeed);
  std::vector<std::uint64_t> times;
  std::map<std::uint16_t, std::uint64_t> counts;
  for (int i = 0; i < 5'000; ++i) {
    // From minutes to weeks, most of them hours.
    times.push_back(60'000 + (random.below(1U << 16) * random.below(1U << 14)));
    ++counts[dwell_bucket(times.back())];
  }
  std::sort(times.begin(), times.end());
  DwellHistogram histogram;
  ASSERT_TRUE(histogram.add(packed_of(counts)));
  ASSERT_EQ(histogram.count(), times.size());
  for (std::uint64_t percent = 1; percent <= 100; ++percent) {
    const std::uint64_t exact = times[(times.size() * percent + 99) / 100 - 1];
    ASSERT_LE(distance(*histogram.quantile_ms(percent, 100), exact), 0.02) << percent << " %, seed " << kSeed;
  }
  EXPECT_FALSE(DwellHistogram().quantile_ms(50, 100).has_value());
}

TEST(DwellHistogram, PacksALoneParcelIntoTwoBytesAndAddsUpInAnyOrder) {
  EXPECT_EQ(packed_of({{dwell_bucket(8 * 3'600'000), 1}}).size(), 2U);
  Prng random(kSeed);
  std::map<std::uint16_t, std::uint64_t> all;
  std::vector<std::byte> forwards;
  std::vector<std::byte> backwards;
  for (int part = 0; part < 50; ++part) {
    std::map<std::uint16_t, std::uint64_t> counts;
    for (std::uint64_t i = random.below(40); i > 0; --i) {
      const auto bucket = static_cast<std::uint16_t>(random.below(kDwellBuckets));
      const std::uint64_t count = random.chance(100'000) ? random.below(1ULL << 40) + 1 : 1 + random.below(3);
      counts[bucket] += count;
      all[bucket] += count;
    }
    std::vector<std::byte> sum;
    ASSERT_TRUE(merge_dwells(forwards, packed_of(counts), sum));
    forwards = sum;
    ASSERT_TRUE(merge_dwells(packed_of(counts), backwards, sum));
    backwards = sum;
  }
  EXPECT_EQ(forwards, packed_of(all));
  EXPECT_EQ(backwards, packed_of(all));
  std::vector<std::byte> same;
  ASSERT_TRUE(merge_dwells(forwards, {}, same));
  EXPECT_EQ(same, forwards);
}

TEST(DwellHistogram, TakesNoBytesThatItWouldNotWrite) {
  const auto malformed = [](std::vector<std::byte> packed) {
    std::vector<std::byte> sum;
    return !DwellHistogram().add(packed) && !merge_dwells(packed, {}, sum) && !merge_dwells({}, packed, sum);
  };
  EXPECT_TRUE(malformed({std::byte{0x80}})) << "cut in the distance";
  EXPECT_TRUE(malformed({std::byte{0x01}})) << "cut before the count";
  EXPECT_TRUE(malformed({std::byte{0xFE}, std::byte{0x7F}})) << "beyond the last bucket";
  EXPECT_TRUE(malformed(std::vector<std::byte>(600, std::byte{0}))) << "more entries than buckets";
  EXPECT_TRUE(malformed(std::vector<std::byte>(12, std::byte{0xFF}))) << "a number without an end";
}

TEST(DwellHistogram, OfARowIsTheSameHoweverManyParcelsItHas) {
  // More than are kept one by one, so that they were packed meanwhile.
  TableDelta delta(Table::kStationDay);
  std::map<std::uint16_t, std::uint64_t> counts;
  Prng random(kSeed);
  const std::size_t row = delta.row(7);
  const std::size_t quiet = delta.row(8);
  delta.add_dwell(quiet, 3);
  for (int i = 0; i < 600'000; ++i) {
    const auto bucket = static_cast<std::uint16_t>(random.below(300));
    delta.add_dwell(row, bucket);
    ++counts[bucket];
  }
  std::vector<std::byte> packed;
  delta.dwells_at(row, packed);
  EXPECT_EQ(packed, packed_of(counts));
  delta.dwells_at(quiet, packed);
  EXPECT_EQ(packed, packed_of({{3, 1}}));
  TableDelta sum(Table::kCityHour);  // With that of another table's rows, one after the other.
  sum.add_dwell(sum.row(1), 3);
  sum.add_row(sum.row(1), delta, row);
  sum.add_row(sum.row(1), delta, quiet);
  sum.dwells_at(sum.row(1), packed);
  counts[3] += 2;
  EXPECT_EQ(packed, packed_of(counts));
  delta.clear();
  delta.dwells_at(delta.row(7), packed);
  EXPECT_TRUE(packed.empty());
}

}  // namespace
}  // namespace cubby::aggregator

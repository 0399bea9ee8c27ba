#include "tools/aggregator/core/row_group.h"

#include <gtest/gtest.h>

#include <array>
#include <map>

#include "firmware/base/prng.h"
#include "tools/aggregator/core/dwell_histogram.h"

namespace cubby::aggregator {
namespace {

constexpr std::size_t kSlots = 39;
struct Row {
  std::array<std::int64_t, kSlots> sums{};
  std::map<std::uint16_t, std::uint64_t> dwells;
  friend bool operator==(const Row&, const Row&) = default;
};
using Rows = std::map<std::uint32_t, Row>;

std::vector<std::byte> packed(const std::map<std::uint16_t, std::uint64_t>& dwells) {
  std::vector<std::byte> out;
  DwellPacker packer(out);
  for (const auto& [bucket, count] : dwells) {
    packer.put({.bucket = bucket, .count = count});
  }
  return out;
}

std::vector<std::byte> encoded(const Rows& rows) {
  std::vector<std::byte> out;
  RowGroupWriter writer(out);
  for (const auto& [member, row] : rows) {
    writer.put(member, row.sums, packed(row.dwells));
  }
  return out;
}

/// False: malformed.
bool decode(Bytes group, Rows& rows) {
  RowGroupReader reader(group);
  while (reader.next()) {
    Row& row = rows[reader.member()];
    RowSums sums(reader.body());
    while (sums.next()) {
      if (sums.slot() >= kSlots) {
        return false;
      }
      row.sums[sums.slot()] = sums.value();
    }
    PackedDwells dwells(sums.dwells());
    DwellCount entry;
    while (dwells.next(entry)) {
      row.dwells[entry.bucket] = entry.count;
    }
    if (sums.malformed() || dwells.malformed()) {
      return false;
    }
  }
  return !reader.malformed();
}

Rows random_rows(Prng& random, std::uint32_t count) {
  Rows rows;
  for (std::uint32_t i = 0; i < count; ++i) {
    Row& row = rows[static_cast<std::uint32_t>(random.below(256))];
    for (int k = 0; k < 6; ++k) {
      const auto magnitude = static_cast<std::int64_t>(random.next() >> random.below(64) >> 3);
      row.sums[random.below(kSlots)] = random.below(2) == 0 ? magnitude : -magnitude;
    }
    row.dwells[static_cast<std::uint16_t>(random.below(kDwellBuckets))] = 1 + random.below(5);
  }
  return rows;
}

TEST(RowGroup, AddsUpMemberByMember) {
  Prng random(11);
  RowGroupAdder adder;
  for (int round = 0; round < 300; ++round) {
    Rows many = random_rows(random, static_cast<std::uint32_t>(random.below(80)));
    const Rows few = random_rows(random, static_cast<std::uint32_t>(random.below(6)));
    std::vector<std::byte> sum;
    ASSERT_TRUE(adder.add(encoded(many), encoded(few), sum));
    for (const auto& [member, row] : few) {
      for (std::size_t slot = 0; slot < kSlots; ++slot) {
        many[member].sums[slot] += row.sums[slot];
      }
      for (const auto& [bucket, count] : row.dwells) {
        many[member].dwells[bucket] += count;
      }
    }
    Rows decoded;
    ASSERT_TRUE(decode(sum, decoded));
    ASSERT_EQ(decoded, many) << "round " << round;
  }
}

TEST(RowGroup, SaysAnEmptyRowAndASumThatBecameZero) {
  Row plus;
  plus.sums[4] = 7;
  Row minus;
  minus.sums[4] = -7;
  std::vector<std::byte> sum;
  ASSERT_TRUE(RowGroupAdder().add(encoded({{3, plus}}), encoded({{3, minus}}), sum));
  Rows decoded;
  ASSERT_TRUE(decode(sum, decoded));
  EXPECT_EQ(decoded, (Rows{{3, Row{}}}));
}

TEST(RowGroup, TakesNoBytesThatItWouldNotWrite) {
  Prng random(12);
  const Rows rows = random_rows(random, 3);
  const std::vector<std::byte> whole = encoded(rows);
  std::size_t cut_between = 0;
  for (std::size_t size = 1; size < whole.size(); ++size) {
    Rows decoded;
    cut_between += decode(Bytes(whole).first(size), decoded) ? 1 : 0;
  }
  EXPECT_EQ(cut_between, rows.size() - 1) << "only between two rows is a part of a group a group";
  const auto bytes = [](std::initializer_list<int> values) {
    std::vector<std::byte> out;
    for (const int value : values) {
      out.push_back(static_cast<std::byte>(value));
    }
    return out;
  };
  Rows decoded;
  EXPECT_TRUE(decode(bytes({1, 1, 0, 2, 1, 0}), decoded));
  EXPECT_FALSE(decode(bytes({2, 1, 0, 1, 1, 0}), decoded)) << "members that descend";
  EXPECT_FALSE(decode(bytes({1, 1, 0, 1, 1, 0}), decoded)) << "a member twice";
  EXPECT_FALSE(decode(bytes({0x80, 2, 1, 0}), decoded)) << "member 256";
  EXPECT_FALSE(decode(bytes({1, 2, 1, 0x80}), decoded)) << "a sum without an end";
  EXPECT_FALSE(decode(bytes({1, 0}), decoded)) << "a row without its slots";
  std::vector<std::byte> sum;
  EXPECT_FALSE(RowGroupAdder().add(bytes({1, 2, 1, 0x80}), bytes({1, 2, 1, 2}), sum));
  EXPECT_FALSE(RowGroupAdder().add(bytes({1, 2, 1, 2}), bytes({1, 9, 1, 2}), sum));
  EXPECT_FALSE(RowGroupAdder().add(bytes({1, 0}), bytes({1, 2, 1, 2}), sum));
  EXPECT_FALSE(RowGroupAdder().add(bytes({1, 2, 1, 2}), bytes({1, 0}), sum));
}

}  // namespace
}  // namespace cubby::aggregator

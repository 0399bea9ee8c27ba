#include "tools/aggregator/core/compartment_day.h"

#include <gtest/gtest.h>

#include <array>
#include <map>

#include "firmware/base/prng.h"

namespace cubby::aggregator {
namespace {

using Sums = std::array<std::int64_t, kColumnCount>;  // By Column.
using Doors = std::map<std::uint32_t, Sums>;

std::vector<std::byte> encoded(Table table, const Doors& doors) {
  std::vector<std::byte> out;
  RowGroupWriter writer(out);
  for (const auto& [door, sums] : doors) {
    std::vector<std::int64_t> row;
    for (const Column column : spec(table).columns) {
      row.push_back(sums[static_cast<std::size_t>(column)]);
    }
    writer.put(door, row, {});
  }
  return out;
}

Doors decoded(Table table, Bytes group) {
  Doors doors;
  RowGroupReader rows(group);
  while (rows.next()) {
    RowSums sums(rows.body());
    while (sums.next()) {
      doors[rows.member()][static_cast<std::size_t>(spec(table).columns[sums.slot()])] = sums.value();
    }
    EXPECT_FALSE(sums.malformed());
    EXPECT_TRUE(sums.dwells().empty());
  }
  EXPECT_FALSE(rows.malformed());
  return doors;
}

/// Some doors with some sums, none of them of a column that the table has not.
Doors draw(Table table, Prng& random) {
  Doors doors;
  for (std::uint64_t i = random.below(20); i > 0; --i) {
    Sums& sums = doors[1 + static_cast<std::uint32_t>(random.below(30))];
    for (const Column column : spec(table).columns) {
      if (random.below(3) == 0) {
        sums[static_cast<std::size_t>(column)] = static_cast<std::int64_t>(random.below(2'000'000)) - 1'000'000;
      }
    }
  }
  std::erase_if(doors, [](const auto& door) { return door.second == Sums{}; });
  return doors;
}

TEST(CompartmentDay, HasEveryColumnOfALifetimeAndTheMoments) {
  for (std::size_t i = 0; i < kColumnCount; ++i) {
    const bool of_lifetime = spec(Table::kCompartment).slot[i] >= 0;
    const bool is_moment = static_cast<Column>(i) == Column::kLevelMomentS;
    EXPECT_EQ(spec(Table::kCompartmentDay).slot[i] >= 0, of_lifetime || is_moment) << to_string(static_cast<Column>(i));
  }
}

TEST(CompartmentDay, AddsToLifetimesColumnByColumn) {
  Prng random{11};
  CompartmentDayAdder adder;
  std::vector<std::byte> sum;
  for (int round = 0; round < 500; ++round) {
    Doors lifetimes = draw(Table::kCompartment, random);
    const Doors day = draw(Table::kCompartmentDay, random);
    ASSERT_TRUE(adder.add(encoded(Table::kCompartment, lifetimes), encoded(Table::kCompartmentDay, day), sum));
    for (const auto& [door, sums] : day) {
      for (std::size_t i = 0; i < kColumnCount; ++i) {
        lifetimes[door][i] += static_cast<Column>(i) == Column::kLevelMomentS ? 0 : sums[i];
      }
    }
    Doors found = decoded(Table::kCompartment, sum);
    for (auto* const doors : {&lifetimes, &found}) {
      std::erase_if(*doors, [](const auto& door) { return door.second == Sums{}; });
    }
    ASSERT_EQ(found, lifetimes) << round;
  }
}

TEST(CompartmentDay, IsRefusedIfItIsMalformed) {
  CompartmentDayAdder adder;
  std::vector<std::byte> out;
  const Doors some = {{1, Sums{1, 2, 3}}, {4, Sums{5}}};
  const std::vector<std::byte> good = encoded(Table::kCompartmentDay, some);
  EXPECT_TRUE(adder.add({}, good, out));
  const Bytes shorter = Bytes(good).first(good.size() - 1);
  EXPECT_FALSE(adder.add({}, shorter, out));
  const std::array<std::int64_t, 25> one_too_many = [] {
    std::array<std::int64_t, 25> sums{};
    sums.back() = 1;
    return sums;
  }();
  ASSERT_EQ(spec(Table::kCompartmentDay).columns.size(), 24U);
  std::vector<std::byte> bad;
  RowGroupWriter(bad).put(1, one_too_many, {});
  EXPECT_FALSE(adder.add({}, bad, out)) << "a column that a day has not";
  const std::vector<std::byte> parcel(1, std::byte{0});
  RowGroupWriter(bad).put(1, std::array<std::int64_t, 1>{1}, parcel);
  EXPECT_FALSE(adder.add({}, bad, out)) << "a histogram that a day has not";
}

}  // namespace
}  // namespace cubby::aggregator

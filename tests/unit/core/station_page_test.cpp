#include "firmware/app/station_page.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace cubby::app {
namespace {

StationPage some_page(Bytes config) {
  StationPage page{.config = config, .announce_new_journal = true};
  page.station_key.fill(std::byte{0x11});
  page.pass_key.fill(std::byte{0x22});
  page.seed.fill(std::byte{0x33});
  return page;
}

std::vector<std::byte> written(const StationPage& page) {
  std::vector<std::byte> bytes(kStationPageSize);
  EXPECT_EQ(write_station_page(page, bytes), Status::kOk);
  return bytes;
}

TEST(StationPage, GivesBackWhatWasWritten) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{300}, limits::kConfigBytesMax}) {
    const std::vector<std::byte> config(size, std::byte{0x5A});
    const auto bytes = written(some_page(config));
    StationPage read;
    ASSERT_EQ(read_station_page(bytes, read), Status::kOk);
    EXPECT_TRUE(std::ranges::equal(read.config, config));
    EXPECT_EQ(read.station_key, some_page(config).station_key);
    EXPECT_EQ(read.pass_key, some_page(config).pass_key);
    EXPECT_EQ(read.seed, some_page(config).seed);
    EXPECT_TRUE(read.announce_new_journal);
  }
}

// Offsets of docs/spec/station-page.md.
TEST(StationPage, HasTheBytesOfTheSpecification) {
  const std::vector<std::byte> config(3, std::byte{0x5A});
  const auto bytes = written(some_page(config));
  EXPECT_TRUE(std::ranges::equal(
      Bytes(bytes).first(12), std::array<std::byte, 12>{std::byte{'C'}, std::byte{'B'}, std::byte{'Y'}, std::byte{'P'},
                                                        std::byte{1}, std::byte{0}, std::byte{3}, std::byte{0},
                                                        std::byte{1}, std::byte{0}, std::byte{0}, std::byte{0}}));
  EXPECT_EQ(bytes[12], std::byte{0x11});
  EXPECT_EQ(bytes[44], std::byte{0x22});
  EXPECT_EQ(bytes[76], std::byte{0x33});
  EXPECT_EQ(bytes[108], std::byte{0});
  EXPECT_EQ(bytes[128], std::byte{0x5A});
  EXPECT_EQ(bytes[131], std::byte{0xFF});
}

TEST(StationPage, EveryBitOfItCounts) {
  const std::vector<std::byte> config(40, std::byte{0x5A});
  const auto bytes = written(some_page(config));
  for (std::size_t bit = 0; bit < (kStationPageHeaderSize + config.size()) * 8; ++bit) {
    auto spoiled = bytes;
    spoiled[bit / 8] ^= std::byte{1} << (bit % 8);
    StationPage read;
    EXPECT_NE(read_station_page(spoiled, read), Status::kOk) << bit;
  }
}

TEST(StationPage, RefusesWhatIsNone) {
  StationPage read;
  std::vector<std::byte> bytes(kStationPageSize, std::byte{0xFF});
  EXPECT_EQ(read_station_page(bytes, read), Status::kBadInput);
  const std::vector<std::byte> config(40, std::byte{0x5A});
  bytes = written(some_page(config));
  EXPECT_EQ(read_station_page(Bytes(bytes).first(kStationPageSize - 1), read), Status::kBadInput);
  bytes[4] = std::byte{2};
  EXPECT_EQ(read_station_page(bytes, read), Status::kVersion);

  EXPECT_EQ(write_station_page(some_page({}), bytes), Status::kBadInput);
  const std::vector<std::byte> long_config(limits::kConfigBytesMax + 1);
  EXPECT_EQ(write_station_page(some_page(long_config), bytes), Status::kBadInput);
  EXPECT_EQ(write_station_page(some_page(config), MutableBytes(bytes).first(kStationPageSize - 1)), Status::kBadInput);
}

}  // namespace
}  // namespace cubby::app

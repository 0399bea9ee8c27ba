#include "firmware/app/station_page.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace cubby::app {
namespace {

StationPage some_page(Bytes config) {
  StationPage page;
  page.config = config;
  page.announce_new_journal = true;
  for (std::uint16_t version = 2; version <= 3; ++version) {
    VersionedKey key{.version = version};
    key.key.fill(std::byte{static_cast<std::uint8_t>(0x0F + version)});
    EXPECT_EQ(page.station_keys.push_back(key), Status::kOk);
  }
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
    ASSERT_EQ(read.station_keys.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(read.station_keys[i].version, some_page(config).station_keys[i].version);
      EXPECT_EQ(read.station_keys[i].key, some_page(config).station_keys[i].key);
    }
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
  EXPECT_EQ(bytes[12], std::byte{0x22});
  EXPECT_EQ(bytes[44], std::byte{0x33});
  EXPECT_EQ(bytes[76], std::byte{2});
  EXPECT_EQ(bytes[80], std::byte{2});
  EXPECT_EQ(bytes[84], std::byte{0x11});
  EXPECT_EQ(bytes[116], std::byte{3});
  EXPECT_EQ(bytes[120], std::byte{0x12});
  EXPECT_EQ(bytes[152], std::byte{0});
  EXPECT_EQ(bytes[256], std::byte{0x5A});
  EXPECT_EQ(bytes[259], std::byte{0xFF});
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
  StationPage keyless = some_page(config);
  keyless.station_keys.clear();
  EXPECT_EQ(write_station_page(keyless, bytes), Status::kBadInput);
  const std::vector<std::byte> long_config(limits::kConfigBytesMax + 1);
  EXPECT_EQ(write_station_page(some_page(long_config), bytes), Status::kBadInput);
  EXPECT_EQ(write_station_page(some_page(config), MutableBytes(bytes).first(kStationPageSize - 1)), Status::kBadInput);
}

}  // namespace
}  // namespace cubby::app

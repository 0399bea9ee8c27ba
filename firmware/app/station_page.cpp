#include "firmware/app/station_page.h"

#include <algorithm>

#include "firmware/base/crc.h"

namespace cubby::app {
namespace {

constexpr std::string_view kMagic = "CBYP";
constexpr std::uint16_t kVersion = 1;
constexpr std::uint32_t kFlagNewJournal = 1;
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kConfigSizeAt = 6;
constexpr std::size_t kFlagsAt = 8;
constexpr std::size_t kStationKeyAt = 12;
constexpr std::size_t kPassKeyAt = 44;
constexpr std::size_t kSeedAt = 76;
constexpr std::size_t kCrcAt = 124;

std::uint32_t crc_of(Bytes page, std::size_t config_size) {
  return crc32c(page.subspan(kStationPageHeaderSize, config_size), crc32c(page.first(kCrcAt)));
}

}  // namespace

Status read_station_page(Bytes page, StationPage& into) {
  if (page.size() < kStationPageSize || !std::ranges::equal(page.first(kMagic.size()), as_bytes(kMagic))) {
    return Status::kBadInput;
  }
  if (load_le<std::uint16_t>(page.subspan(kVersionAt, 2)) != kVersion) {
    return Status::kVersion;
  }
  const std::size_t config_size = load_le<std::uint16_t>(page.subspan(kConfigSizeAt, 2));
  if (config_size == 0 || config_size > limits::kConfigBytesMax) {
    return Status::kBadInput;
  }
  if (load_le<std::uint32_t>(page.subspan(kCrcAt, 4)) != crc_of(page, config_size)) {
    return Status::kCorrupt;
  }
  into.config = page.subspan(kStationPageHeaderSize, config_size);
  std::ranges::copy(page.subspan(kStationKeyAt, into.station_key.size()), into.station_key.begin());
  std::ranges::copy(page.subspan(kPassKeyAt, into.pass_key.size()), into.pass_key.begin());
  std::ranges::copy(page.subspan(kSeedAt, into.seed.size()), into.seed.begin());
  into.announce_new_journal = (load_le<std::uint32_t>(page.subspan(kFlagsAt, 4)) & kFlagNewJournal) != 0;
  return Status::kOk;
}

Status write_station_page(const StationPage& page, MutableBytes into) {
  if (into.size() != kStationPageSize || page.config.empty() || page.config.size() > limits::kConfigBytesMax) {
    return Status::kBadInput;
  }
  std::ranges::fill(into.first(kStationPageHeaderSize), std::byte{});
  std::ranges::fill(into.subspan(kStationPageHeaderSize), std::byte{0xFF});
  std::ranges::copy(as_bytes(kMagic), into.begin());
  store_le<std::uint16_t>(into.subspan(kVersionAt, 2), kVersion);
  store_le<std::uint16_t>(into.subspan(kConfigSizeAt, 2), static_cast<std::uint16_t>(page.config.size()));
  store_le<std::uint32_t>(into.subspan(kFlagsAt, 4), page.announce_new_journal ? kFlagNewJournal : 0);
  std::ranges::copy(page.station_key, into.subspan(kStationKeyAt).begin());
  std::ranges::copy(page.pass_key, into.subspan(kPassKeyAt).begin());
  std::ranges::copy(page.seed, into.subspan(kSeedAt).begin());
  std::ranges::copy(page.config, into.subspan(kStationPageHeaderSize).begin());
  store_le<std::uint32_t>(into.subspan(kCrcAt, 4), crc_of(into, page.config.size()));
  return Status::kOk;
}

}  // namespace cubby::app

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
constexpr std::size_t kPassKeyAt = 12;
constexpr std::size_t kSeedAt = 44;
constexpr std::size_t kKeyCountAt = 76;
constexpr std::size_t kKeysAt = 80;
constexpr std::size_t kKeySize = 36;  // Version, two bytes that are 0, the key.
constexpr std::size_t kCrcAt = 252;
static_assert(kKeysAt + limits::kStationKeysMax * kKeySize <= kCrcAt);

std::uint32_t crc_of(Bytes page, std::size_t config_size) {
  return crc32c(page.subspan(kStationPageHeaderSize, config_size), crc32c(page.first(kCrcAt)));
}

// False: not one key at least, or their versions do not ascend.
bool read_keys(Bytes page, StationKeys& into) {
  const std::size_t count = load_le<std::uint32_t>(page.subspan(kKeyCountAt, 4));
  into.clear();
  for (std::size_t i = 0; i < std::min(count, limits::kStationKeysMax); ++i) {
    const Bytes place = page.subspan(kKeysAt + i * kKeySize, kKeySize);
    VersionedKey key{.version = load_le<std::uint16_t>(place)};
    std::ranges::copy(place.last(key.key.size()), key.key.begin());
    if (key.version <= (into.empty() ? 0 : into[into.size() - 1].version)) {
      return false;
    }
    (void)into.push_back(key);  // Bounded above.
  }
  return !into.empty() && into.size() == count;
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
  if (!read_keys(page, into.station_keys)) {
    return Status::kBadInput;
  }
  into.config = page.subspan(kStationPageHeaderSize, config_size);
  std::ranges::copy(page.subspan(kPassKeyAt, into.pass_key.size()), into.pass_key.begin());
  std::ranges::copy(page.subspan(kSeedAt, into.seed.size()), into.seed.begin());
  into.announce_new_journal = (load_le<std::uint32_t>(page.subspan(kFlagsAt, 4)) & kFlagNewJournal) != 0;
  return Status::kOk;
}

Status write_station_page(const StationPage& page, MutableBytes into) {
  if (into.size() != kStationPageSize || page.station_keys.empty() || page.config.empty() ||
      page.config.size() > limits::kConfigBytesMax) {
    return Status::kBadInput;
  }
  std::ranges::fill(into.first(kStationPageHeaderSize), std::byte{});
  std::ranges::fill(into.subspan(kStationPageHeaderSize), std::byte{0xFF});
  std::ranges::copy(as_bytes(kMagic), into.begin());
  store_le<std::uint16_t>(into.subspan(kVersionAt, 2), kVersion);
  store_le<std::uint16_t>(into.subspan(kConfigSizeAt, 2), static_cast<std::uint16_t>(page.config.size()));
  store_le<std::uint32_t>(into.subspan(kFlagsAt, 4), page.announce_new_journal ? kFlagNewJournal : 0);
  store_le<std::uint32_t>(into.subspan(kKeyCountAt, 4), static_cast<std::uint32_t>(page.station_keys.size()));
  std::size_t key_at = kKeysAt;
  for (const VersionedKey& key : page.station_keys) {
    const MutableBytes place = into.subspan(key_at, kKeySize);
    store_le<std::uint16_t>(place, key.version);
    std::ranges::copy(key.key, place.last(key.key.size()).begin());
    key_at += kKeySize;
  }
  std::ranges::copy(page.pass_key, into.subspan(kPassKeyAt).begin());
  std::ranges::copy(page.seed, into.subspan(kSeedAt).begin());
  std::ranges::copy(page.config, into.subspan(kStationPageHeaderSize).begin());
  store_le<std::uint32_t>(into.subspan(kCrcAt, 4), crc_of(into, page.config.size()));
  return Status::kOk;
}

}  // namespace cubby::app

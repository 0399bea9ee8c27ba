// Images whose checksums hold and that no firmware has written. Found by reading them another way (`cubby flash`).
#include <gtest/gtest.h>

#include <vector>

#include "firmware/store/layout.h"
#include "unit/store/store_world.h"

namespace cubby::store {
namespace {

constexpr std::uint32_t kSectorSize = 4096;

struct Flash {
  emulator::NorFlashDevice flash{kSmall};

  void put_header(std::uint32_t sector, const layout::SectorHeader& header) {
    flash.damage(sector * kSectorSize, layout::encode(header, kSectorSize));
  }
  /// At `at`, which moves on.
  void put_record(std::uint32_t& at, const layout::RecordHeader& record, std::uint64_t serial, std::size_t size) {
    const std::vector<std::byte> payload(size, std::byte{0x5A});
    std::array<std::byte, layout::kEventHeaderSize> head{};
    const auto bytes = MutableBytes(head).first(layout::header_size(record.record_class));
    auto header = record;
    header.payload_size = static_cast<std::uint16_t>(size);
    layout::encode(header, bytes);
    layout::seal(bytes, layout::record_crc(bytes, payload, serial));
    flash.damage(at, bytes);
    flash.damage(at + static_cast<std::uint32_t>(bytes.size()), payload);
    at += static_cast<std::uint32_t>((bytes.size() + size + 3) / 4 * 4);
  }
  Status mount() {
    Journal journal(flash);
    Listing listing;
    MountReport report;
    return journal.mount(listing, report);
  }
};

constexpr layout::SectorHeader header_of(std::uint64_t serial) {
  return {.serial = serial, .first_order = 1, .first_seq = 1, .chain = 0, .boot = 1};
}

// Its copy was written beyond the boot's sector, into the next one. With hardly a sector free the tail is copied whole.
TEST(InventedImage, OfATailWithoutRoomForItsCopyIsRefused) {
  StoreWorld world;
  world.fill();
  layout::SectorHeader newest;
  std::uint32_t place = 0;
  for (std::uint32_t sector = 0; sector < kSmall.sector_count; ++sector) {
    layout::SectorHeaderBytes bytes{};
    layout::SectorHeader header;
    ASSERT_EQ(world.flash.read(sector * kSectorSize, bytes), Status::kOk);
    if (layout::decode(bytes, kSectorSize, header) == layout::HeaderCheck::kOk && header.serial > newest.serial) {
      newest = header;
      place = sector;
    }
  }
  world.flash.damage(place * kSectorSize, std::vector<std::byte>(kSectorSize, std::byte{0xFF}));
  Flash it;
  it.flash = world.flash;
  it.put_header(place, newest);
  std::uint32_t at = place * kSectorSize + 80;
  for (std::uint64_t order = newest.first_order; at + 1004 <= (place + 1) * kSectorSize; ++order) {
    it.put_record(at, {.record_class = 2, .kind = 64, .order = order}, newest.serial, 988);
  }
  ASSERT_GT(at, (place + 1) * kSectorSize - 16);
  EXPECT_EQ(it.mount(), Status::kCorrupt);
}

// The newest sector was left out for its order, and then there was none where the mount looked for the tail.
TEST(InventedImage, OfTheHighestOrderIsMountedOrRefused) {
  Flash it;
  auto header = header_of(5);
  header.first_order = UINT64_MAX;
  it.put_header(0, header);
  const Status status = it.mount();
  EXPECT_TRUE(status == Status::kOk || status == Status::kCorrupt) << to_string(status);
}

// Boot 2 was copied by boot 3, whose sector lies before it and is complete; boot 2's own copy is.
TEST(InventedImage, ASupersededBootSectorStaysOutWhereverItLies) {
  Flash it;
  auto newest = header_of(9);
  newest.role = layout::SectorRole::kBoot;
  newest.supersedes = 7;
  newest.boot = 3;
  it.put_header(0, newest);
  std::uint32_t at = 80;
  it.put_record(at, {.record_class = 2, .kind = 64, .order = 1}, 9, 9);
  it.put_record(at, {.record_class = 2, .kind = 1, .order = 0}, 9, 0);
  auto older = header_of(7);
  older.role = layout::SectorRole::kBoot;
  older.first_order = 0;  // Below the newest's: only that it is superseded keeps it out.
  older.boot = 2;
  it.put_header(4, older);
  at = 4 * kSectorSize + 80;
  it.put_record(at, {.record_class = 2, .kind = 64, .order = 0}, 7, 30);
  it.put_record(at, {.record_class = 2, .kind = 1, .order = 0}, 7, 0);
  Journal journal(it.flash);
  Listing listing;
  MountReport report;
  ASSERT_EQ(journal.mount(listing, report), Status::kOk);
  ASSERT_EQ(listing.lines.size(), 1U);
  EXPECT_EQ(listing.lines[0].size(), std::string("internal 64 ").size() + 9);
}

}  // namespace
}  // namespace cubby::store

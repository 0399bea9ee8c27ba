// A journal of format version 1, as a station of that time left it: 129 events of a day with three power cuts. This
// firmware goes on with it in its own format; the file is never made anew.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "unit/store/store_world.h"

namespace cubby::store {
namespace {

constexpr hal::FlashGeometry kGeometry{.sector_size = 4096, .sector_count = 12, .program_size = 1, .page_size = 256};
constexpr std::uint64_t kEvents = 129;
constexpr Chain kChain = 0xf7fc1c542e727318;
constexpr std::uint32_t kBoots = 4;

std::vector<std::byte> image() {
  std::ifstream file(std::string(CUBBY_TESTS_DIR) + "/golden/flash_version_1.bin", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const Bytes bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

/// The newest version that a sector of the flash has.
int newest_version(hal::NorFlash& flash) {
  int newest = 0;
  for (std::uint32_t sector = 0; sector < kGeometry.sector_count; ++sector) {
    std::array<std::byte, 5> head;
    EXPECT_EQ(flash.read(sector * kGeometry.sector_size, head), Status::kOk);
    if (head[0] == std::byte{'C'}) {
      newest = std::max(newest, std::to_integer<int>(head[4]));
    }
  }
  return newest;
}

struct OldWorld {
  OldWorld() : flash(kGeometry) {
    const std::vector<std::byte> bytes = image();
    for (std::uint32_t at = 0; at < bytes.size(); at += kGeometry.sector_size) {
      flash.damage(at, Bytes(bytes).subspan(at, kGeometry.sector_size));
    }
  }
  Status boot() {
    journal.emplace(flash);
    listing.lines.clear();
    return journal->mount(listing, report);
  }
  void expect_all_there(const std::string& when) {
    EXPECT_EQ(journal->next_seq(), kEvents + 1) << when;
    EXPECT_EQ(journal->last_chain(), kChain) << when;
    EXPECT_EQ(report.damaged, 0U) << when;
    ASSERT_TRUE(journal->last_ack().has_value()) << when;
    EXPECT_EQ(journal->last_ack()->seq, kEvents) << when;
  }
  emulator::NorFlashDevice flash;
  std::optional<Journal> journal;
  Listing listing;
  MountReport report;
};

TEST(OlderVersion, IsReadAndGoneOnWithInThePresentOne) {
  ASSERT_EQ(image().size(), kGeometry.size());
  OldWorld world;
  ASSERT_EQ(newest_version(world.flash), 1);
  EXPECT_EQ(Journal(world.flash).unsettled_boots(), 0U) << "version 1 does not say";
  ASSERT_EQ(world.boot(), Status::kOk);
  world.expect_all_there("at the first boot");
  EXPECT_EQ(world.journal->boot(), kBoots + 1);
  EXPECT_EQ(newest_version(world.flash), 2);
  const std::vector<std::string> lines = world.listing.lines;
  EXPECT_EQ(world.report.records, lines.size());
  ASSERT_EQ(world.boot(), Status::kOk);
  world.expect_all_there("at the second");
  EXPECT_EQ(world.listing.lines, lines);

  // Until nothing of version 1 is left.
  Texts texts({"state"});
  for (std::uint64_t seq = kEvents + 1; seq < 600; ++seq) {
    ASSERT_EQ(world.journal->append_event(bytes_of(200, seq)), Status::kOk) << seq;
    ASSERT_EQ(world.journal->acknowledge(
                  {.seq = seq, .chain = world.journal->last_chain(), .store_uid = {}, .generation = 1}),
              Status::kOk);
    if (world.journal->checkpoint_due()) {
      ASSERT_EQ(world.journal->write_checkpoint(texts), Status::kOk);
    }
  }
  const Chain chain = world.journal->last_chain();
  ASSERT_EQ(world.boot(), Status::kOk);
  EXPECT_EQ(world.journal->last_chain(), chain);
  EXPECT_EQ(world.report.damaged, 0U);
}

// The power goes at each operation of the first boot, in each way.
TEST(OlderVersion, IsReadWhereverItsFirstBootWasCut) {
  std::uint32_t cuts = 0;
  for (std::uint32_t mode = 0; mode < static_cast<std::uint32_t>(emulator::TearMode::kCount); ++mode) {
    for (std::uint64_t operation = 0;; ++operation) {
      OldWorld world;
      world.flash.cut_after(operation, static_cast<emulator::TearMode>(mode));
      const Status status = world.boot();
      if (status == Status::kOk) {
        EXPECT_GE(operation, 10U) << "it was cut at all of them";
        break;
      }
      ++cuts;
      const std::string when = "cut at operation " + std::to_string(operation) + " in way " + std::to_string(mode);
      world.flash.power_on();
      ASSERT_EQ(world.boot(), Status::kOk) << when;
      world.expect_all_there(when);
    }
  }
  EXPECT_GE(cuts, 13U * 10U);
}

}  // namespace
}  // namespace cubby::store

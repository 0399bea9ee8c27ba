#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/base/crc.h"
#include "firmware/store/layout.h"
#include "unit/store/store_world.h"

/// Images that nobody wants to meet: mounted with the loss named, or refused, and never formatted.
namespace cubby::store {
namespace {

using emulator::NorFlashDevice;
using testing::ElementsAre;

Status mount(hal::NorFlash& flash, MountReport& report) {
  Journal journal(flash);
  Listing listing;
  return journal.mount(listing, report);
}

/// Address of the `number`-th occurrence of a text on the flash.
std::optional<std::uint32_t> find(NorFlashDevice& flash, std::string_view text, int number = 1) {
  std::vector<std::byte> all(flash.geometry().size());
  EXPECT_EQ(flash.read(0, all), Status::kOk);
  const Bytes wanted = as_bytes(text);
  auto at = all.begin();
  for (int i = 0; i < number; ++i) {
    at = std::search(i == 0 ? at : at + 1, all.end(), wanted.begin(), wanted.end());
  }
  return at == all.end() ? std::nullopt : std::optional(static_cast<std::uint32_t>(at - all.begin()));
}

void expect_refused_untouched(NorFlashDevice& flash, Status expected) {
  MountReport report;
  EXPECT_EQ(mount(flash, report), expected);
  EXPECT_EQ(flash.counters().operations(), 0U);
}

TEST(FlashImage, BlankIsNotFound) {
  NorFlashDevice flash(kSmall);
  expect_refused_untouched(flash, Status::kNotFound);
}

TEST(FlashImage, OfRandomBytesIsRefused) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    NorFlashDevice flash(kSmall);
    for (std::uint32_t sector = 0; sector < kSmall.sector_count; ++sector) {
      flash.damage(sector * kSmall.sector_size, bytes_of(kSmall.sector_size, seed * 100 + sector));
    }
    expect_refused_untouched(flash, Status::kCorrupt);
  }
}

TEST(FlashImage, OfAllZeroesIsRefused) {
  NorFlashDevice flash(kSmall);
  const std::vector<std::byte> zeroes(kSmall.sector_size);
  for (std::uint32_t sector = 0; sector < kSmall.sector_count; ++sector) {
    flash.damage(sector * kSmall.sector_size, zeroes);
  }
  expect_refused_untouched(flash, Status::kCorrupt);
}

// It was taken for blank, and the controller would have formatted it.
TEST(FlashImage, OfAnotherSectorSizeIsRefused) {
  StoreWorld world;
  ASSERT_EQ(world.event("kept"), Status::kOk);
  hal::FlashGeometry other = kSmall;
  other.sector_size = 8192;
  NorFlashDevice flash(other);
  std::vector<std::byte> first(kSmall.sector_size);
  ASSERT_EQ(world.flash.read(0, first), Status::kOk);
  flash.damage(0, first);
  expect_refused_untouched(flash, Status::kCorrupt);
}

TEST(FlashImage, OfANewerVersionIsRefusedAndNamed) {
  layout::SectorHeaderBytes bytes = layout::encode({.uid = uid_of(3), .serial = 1}, kSmall.sector_size);
  bytes[4] = std::byte{layout::kVersion + 1};
  store_le<std::uint32_t>(MutableBytes(bytes).subspan(76, 4), crc32c(Bytes(bytes).first(76)));
  NorFlashDevice flash(kSmall);
  flash.damage(4 * kSmall.sector_size, bytes);
  expect_refused_untouched(flash, Status::kVersion);
}

TEST(FlashImage, CutShortOrOfAnotherStationKeepsItsIdentity) {
  StoreWorld world;
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(world.event_of(500), Status::kOk);
  }
  std::vector<std::byte> blank(kSmall.sector_size, std::byte{0xFF});
  for (std::uint32_t sector = 2; sector < kSmall.sector_count; ++sector) {
    world.flash.damage(sector * kSmall.sector_size, blank);
  }
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_EQ(world.journal.uid(), uid_of(1));
  EXPECT_EQ(world.listing.lines.size(), world.journal.next_seq() - 1);
}

// The new journal began with serial 1, so that the old one came back at the next boot.
TEST(Format, OutranksAnOlderJournal) {
  StoreWorld world;
  world.fill();
  ASSERT_EQ(world.journal.format(uid_of(2)), Status::kOk);
  ASSERT_EQ(world.event("new"), Status::kOk);
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_EQ(world.journal.uid(), uid_of(2));
  EXPECT_THAT(world.listing.lines, ElementsAre("event 1 new"));
}

TEST(Format, ThatWasCutLeavesAFlashThatCanBeFormatted) {
  for (std::uint64_t operation = 0; operation < 2; ++operation) {
    for (int mode = 0; mode < static_cast<int>(emulator::TearMode::kComplete); ++mode) {
      NorFlashDevice flash(kSmall, operation * 10 + static_cast<unsigned>(mode));
      flash.cut_after(operation, static_cast<emulator::TearMode>(mode));
      Journal journal(flash);
      ASSERT_EQ(journal.format(uid_of(1)), Status::kIo);
      flash.power_on();
      MountReport report;
      EXPECT_EQ(mount(flash, report), Status::kNotFound) << operation << " " << mode;
      EXPECT_EQ(journal.format(uid_of(1)), Status::kOk);
    }
  }
}

// Damage in the newest sector was taken for a power cut: all behind it vanished without a word, and its
// numbers were given to other events.
TEST(Damage, InTheMiddleOfTheNewestSectorIsReportedAndItsNumbersAreNotUsedAgain) {
  StoreWorld world;
  for (const char* text : {"one", "two", "three", "four", "five"}) {
    ASSERT_EQ(world.event(text), Status::kOk);
  }
  flip(world.flash, *find(world.flash, "three"), 0);
  for (int boots = 0; boots < 4; ++boots) {
    ASSERT_EQ(world.reboot(), Status::kOk);
    EXPECT_GE(world.report.damaged, 1U);
    EXPECT_EQ(world.report.events_lost_from, 3U);
    EXPECT_EQ(world.report.events_lost_to, 5U);
    ASSERT_EQ(world.listing.lines.size(), 2U + static_cast<unsigned>(boots));
    EXPECT_EQ(world.listing.lines[1], "event 2 two");
    EXPECT_EQ(world.journal.next_seq(), 6U + static_cast<unsigned>(boots));
    ASSERT_EQ(world.event("after"), Status::kOk);
  }
}

TEST(Damage, LetsTheUplinkPassTheHole) {
  StoreWorld world;
  for (const char* text : {"one", "two", "three", "four", "five"}) {
    ASSERT_EQ(world.event(text), Status::kOk);
  }
  flip(world.flash, *find(world.flash, "three"), 0);
  ASSERT_EQ(world.reboot(), Status::kOk);
  ASSERT_EQ(world.event("six"), Status::kOk);
  EXPECT_EQ(world.journal.oldest_seq(), 1U);
  std::array<std::byte, 64> bytes;
  Chain chain = 0;
  EXPECT_EQ(world.journal.read_event(3, bytes, chain).status(), Status::kNotFound);
  ASSERT_EQ(world.acknowledge(2), Status::kOk);
  EXPECT_EQ(world.journal.oldest_seq(), 6U);  // A Gap from 3 to 5 comes next.
  EXPECT_TRUE(world.journal.chain_at(5).has_value());
  EXPECT_TRUE(world.journal.read_event(6, bytes, chain).ok());
  EXPECT_EQ(world.acknowledge(6), Status::kOk);
}

// A nearly full flash has no room for a damaged tail beside the boot's sector: it is given up. Its checkpoint went with
// it, and then no state at all was handed over, without a word; the next boot had it again. Found by random images.
TEST(Damage, OfATailThatIsGivenUpDoesNotTakeTheStateOfBeforeWithIt) {
  StoreWorld world;
  ASSERT_EQ(world.event("first"), Status::kOk);
  ASSERT_EQ(world.checkpoint(), Status::kOk);
  while (world.journal.sectors_free() > 3) {
    ASSERT_EQ(world.event_of(500), Status::kOk);
  }
  const auto before = world.journal.next_seq();
  ASSERT_EQ(world.checkpoint(), Status::kOk);
  for (const char* text : {"one", "two", "three"}) {
    ASSERT_EQ(world.event(text), Status::kOk);
  }
  flip(world.flash, *find(world.flash, "two"), 0);
  ASSERT_EQ(world.reboot(), Status::kOk);
  ASSERT_GT(world.listing.lines.size(), 10U);
  EXPECT_EQ(world.listing.lines[0], "checkpoint");
  EXPECT_EQ(world.listing.lines[1], "part state");
  EXPECT_EQ(world.report.events_lost_to, before + 2);
  EXPECT_EQ(world.journal.next_seq(), before + 3);
  const auto lines = world.listing.lines;
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_EQ(world.listing.lines, lines);
}

TEST(Damage, InAnOlderSectorLosesThatSectorsRestAndSaysSo) {
  StoreWorld world;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(world.event("event number " + std::to_string(i) + std::string(400, '.')), Status::kOk);
  }
  flip(world.flash, *find(world.flash, "event number 11"), 3);
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_EQ(world.report.damaged, 1U);
  EXPECT_EQ(world.report.events_lost_from, 12U);
  EXPECT_GE(world.report.events_lost_to, 12U);
  EXPECT_EQ(world.journal.next_seq(), 21U);
  EXPECT_EQ(world.listing.lines.size(), 20U - (world.report.events_lost_to - 11));
}

// A bad bit among the copied records of a boot's sector made the copy look unfinished: the sector was
// dropped with all that had been written to it since.
TEST(Damage, InACopiedRecordDoesNotDropTheWholeSector) {
  StoreWorld world;
  ASSERT_EQ(world.event("one"), Status::kOk);
  ASSERT_EQ(world.event("two"), Status::kOk);
  ASSERT_EQ(world.reboot(), Status::kOk);
  ASSERT_EQ(world.event("three"), Status::kOk);
  flip(world.flash, *find(world.flash, "two", 2), 1);
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_GE(world.report.damaged, 1U);
  EXPECT_EQ(world.report.events_lost_from, 2U);
  EXPECT_EQ(world.journal.next_seq(), 4U);
  EXPECT_THAT(world.listing.lines, ElementsAre("event 1 one"));
}

// So did one in the record that says that the copy is done: whatever the boot had written since was forgotten without a
// word, and the next boot erased it.
TEST(Damage, OfACopyDoneDoesNotDropWhatWasWrittenSince) {
  for (unsigned bit = 0; bit < 8; ++bit) {
    StoreWorld world;
    ASSERT_EQ(world.event("one"), Status::kOk);
    ASSERT_EQ(world.reboot(), Status::kOk);
    ASSERT_EQ(world.event("two"), Status::kOk);
    ASSERT_EQ(world.event("three"), Status::kOk);
    const std::uint32_t done = *find(world.flash, "one", 2) + 4;  // The event's last bytes, padded.
    flip(world.flash, done + 4 + bit / 2, bit);                   // In its CRC.
    ASSERT_EQ(world.reboot(), Status::kOk);
    EXPECT_EQ(world.report.events_lost_from, 2U);
    EXPECT_EQ(world.report.events_lost_to, 3U);
    EXPECT_EQ(world.journal.next_seq(), 4U);
    EXPECT_THAT(world.listing.lines, ElementsAre("event 1 one"));
  }
}

// The owner was told only which events are lost, and went on with a state that they were not in.
TEST(Damage, IsToldToTheOwnerUntilACheckpointHoldsTheStateAgain) {
  StoreWorld world;
  for (const char* text : {"one", "two", "three"}) {
    ASSERT_EQ(world.event(text), Status::kOk);
  }
  ASSERT_EQ(world.internal("four"), Status::kOk);
  flip(world.flash, *find(world.flash, "two"), 0);
  for (int boots = 0; boots < 3; ++boots) {
    ASSERT_EQ(world.reboot(), Status::kOk);
    EXPECT_EQ(world.listing.lost, 3U);
    EXPECT_EQ(world.report.records_lost, 3U);
  }
  ASSERT_EQ(world.checkpoint(), Status::kOk);
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_EQ(world.listing.lost, 0U);
  EXPECT_EQ(world.report.records_lost, 0U);
  EXPECT_EQ(world.report.events_lost_from, 2U) << "the centre has still to be told";
}

TEST(Damage, OfTheOnlyCheckpointIsReported) {
  StoreWorld world;
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(world.event_of(500), Status::kOk);
  }
  Texts state({"the state"});
  ASSERT_EQ(world.journal.write_checkpoint(state), Status::kOk);
  ASSERT_EQ(world.acknowledge(30), Status::kOk);
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(world.event_of(500), Status::kOk);
  }
  ASSERT_GT(world.journal.oldest_seq(), 1U);
  flip(world.flash, *find(world.flash, "the state"), 0);
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_GE(world.report.damaged, 1U);
  EXPECT_EQ(world.report.events_lost_from, 1U);
}

TEST(Damage, OfOneBitInASectorHeaderIsPutRight) {
  for (std::uint32_t bit = 0; bit < layout::kSectorHeaderSize * 8; ++bit) {
    StoreWorld world;
    ASSERT_EQ(world.event("kept"), Status::kOk);
    flip(world.flash, bit / 8, bit % 8);
    ASSERT_EQ(world.reboot(), Status::kOk) << bit;
    EXPECT_THAT(world.listing.lines, ElementsAre("event 1 kept"));
  }
}

// One bit anywhere: what can be read is what was written, and what cannot is reported; only the very last
// record cannot be told from one that the power cut.
TEST(Damage, OfOneBitAnywhereLosesNothingInSilence) {
  StoreWorld world;
  for (int i = 0; i < 46; ++i) {
    ASSERT_EQ(world.event_of(300), Status::kOk);
    if (i == 20) {
      ASSERT_EQ(world.checkpoint(), Status::kOk);
      ASSERT_EQ(world.acknowledge(15), Status::kOk);
    }
    if (i % 15 == 14) {
      ASSERT_EQ(world.reboot(), Status::kOk);
    }
  }
  int reported = 0;
  for (std::uint32_t address = 0; address < kSmall.size(); address += 13) {
    NorFlashDevice copy = world.flash;
    flip(copy, address, address % 8);
    const std::uint64_t before = copy.counters().operations();
    const std::uint64_t reads = copy.counters().reads;
    Journal journal(copy);
    Listing listing;
    MountReport report;
    ASSERT_EQ(journal.mount(listing, report), Status::kOk) << address;
    EXPECT_LT(copy.counters().operations() - before, 64U);
    EXPECT_LT(copy.counters().reads - reads, 3000U) << address;
    EXPECT_GE(journal.next_seq(), world.journal.next_seq() - 1) << address;
    std::array<std::byte, 512> bytes;
    for (std::uint64_t seq = journal.oldest_seq(); seq < journal.next_seq(); ++seq) {
      Chain chain = 0;
      const auto size = journal.read_event(seq, bytes, chain);
      if (seq >= report.events_lost_from && seq <= report.events_lost_to) {
        EXPECT_FALSE(size.ok());
      } else {
        const auto expected = bytes_of(300, seq);
        ASSERT_TRUE(size.ok()) << address << " event " << seq;
        EXPECT_TRUE(std::equal(expected.begin(), expected.end(), bytes.begin())) << address;
      }
    }
    reported += report.damaged != 0 ? 1 : 0;
  }
  EXPECT_GT(reported, 100);
}

// What a reclaim had begun to erase was reported as events lost.
TEST(TornErase, OfAnObsoleteSectorIsNoLoss) {
  StoreWorld world;
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(world.event_of(500), Status::kOk);
  }
  ASSERT_EQ(world.checkpoint(), Status::kOk);
  ASSERT_EQ(world.acknowledge(30), Status::kOk);
  std::vector<std::byte> erased(kSmall.sector_size - 256, std::byte{0xFF});
  world.flash.damage(256, erased);
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_EQ(world.report.damaged, 0U);
  EXPECT_EQ(world.report.events_lost_from, 0U);
  // What lies behind it is whole, and is still kept.
  EXPECT_GT(world.journal.oldest_seq(), 1U);
  EXPECT_LT(world.journal.oldest_seq(), 15U);
  std::array<std::byte, limits::kEventBytesMax> bytes;
  for (std::uint64_t seq = world.journal.oldest_seq(); seq <= 30; ++seq) {
    Chain after = 0;
    EXPECT_TRUE(world.journal.read_event(seq, bytes, after).ok()) << seq;
  }
}

}  // namespace
}  // namespace cubby::store

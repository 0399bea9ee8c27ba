#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/store/store_world.h"

namespace cubby::store {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

TEST(Journal, GivesBackAtTheNextBootWhatItWasTold) {
  StoreWorld world;
  EXPECT_EQ(world.event("first"), Status::kOk);
  EXPECT_EQ(world.internal("intent"), Status::kOk);
  EXPECT_EQ(world.event("second"), Status::kOk);
  const Chain chain = world.journal.last_chain();
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_THAT(world.listing.lines, ElementsAre("event 1 first", "internal 64 intent", "event 2 second"));
  EXPECT_EQ(world.journal.uid(), uid_of(1));
  EXPECT_EQ(world.journal.boot(), 2U);
  EXPECT_EQ(world.journal.next_seq(), 3U);
  EXPECT_EQ(world.journal.last_chain(), chain);
  EXPECT_EQ(world.report.records, 3U);
  EXPECT_EQ(world.report.damaged, 0U);
}

TEST(Journal, NumbersAndChainsEventsWithoutGaps) {
  StoreWorld world;
  Chain chain = chain_start(uid_of(1));
  EXPECT_EQ(world.journal.last_chain(), chain);
  for (std::uint64_t seq = 1; seq <= 5; ++seq) {
    EXPECT_EQ(world.journal.next_seq(), seq);
    const auto payload = bytes_of(40 + seq, seq);
    ASSERT_EQ(world.journal.append_event(payload), Status::kOk);
    ASSERT_EQ(world.internal("between"), Status::kOk);
    chain = chain_next(chain, seq, payload);
    EXPECT_EQ(world.journal.last_chain(), chain);
    EXPECT_EQ(world.journal.chain_at(seq), chain);
  }
  EXPECT_EQ(world.journal.chain_at(0), chain_start(uid_of(1)));
  EXPECT_FALSE(world.journal.chain_at(6).has_value());
}

TEST(Journal, ReadsEventsInOrderBackwardsAndAfterABoot) {
  StoreWorld world;
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(world.event_of(300), Status::kOk);
  }
  for (int boots = 0; boots < 3; ++boots) {
    std::array<std::byte, limits::kEventBytesMax> bytes;
    Chain chain = 0;
    for (const std::uint64_t seq : {1U, 2U, 3U, 29U, 30U, 14U, 13U, 12U, 1U}) {
      const auto size = world.journal.read_event(seq, bytes, chain);
      ASSERT_TRUE(size.ok()) << seq;
      const auto expected = bytes_of(300, seq);
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), bytes.begin())) << seq;
      EXPECT_EQ(world.journal.chain_at(seq), chain);
    }
    EXPECT_EQ(world.journal.read_event(31, bytes, chain).status(), Status::kNotFound);
    EXPECT_EQ(world.journal.read_event(0, bytes, chain).status(), Status::kNotFound);
    EXPECT_EQ(world.journal.read_event(3, MutableBytes(bytes).first(10), chain).status(), Status::kNoSpace);
    ASSERT_EQ(world.reboot(), Status::kOk);
  }
}

TEST(Journal, FoldsTheLastCheckpointAndOnlyWhatFollowsIt) {
  StoreWorld world;
  ASSERT_EQ(world.event("old"), Status::kOk);
  Texts old_state({"ignored"});
  ASSERT_EQ(world.journal.write_checkpoint(old_state), Status::kOk);
  ASSERT_EQ(world.event("older than the checkpoint"), Status::kOk);
  Texts state({"part one", "part two"});
  ASSERT_EQ(world.journal.write_checkpoint(state), Status::kOk);
  ASSERT_EQ(world.internal("later"), Status::kOk);
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_THAT(world.listing.lines, ElementsAre("checkpoint", "part part one", "part part two", "internal 64 later"));
  EXPECT_EQ(world.report.records, 1U);
}

TEST(Journal, KeepsTheAcknowledgementOverABoot) {
  StoreWorld world;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(world.event_of(20), Status::kOk);
  }
  EXPECT_FALSE(world.journal.last_ack().has_value());
  const AckMark mark{.seq = 2, .chain = *world.journal.chain_at(2), .store_uid = uid_of(9), .generation = 7};
  ASSERT_EQ(world.journal.acknowledge(mark), Status::kOk);
  for (int boots = 0; boots < 2; ++boots) {
    ASSERT_TRUE(world.journal.last_ack().has_value());
    EXPECT_EQ(world.journal.last_ack()->seq, 2U);
    EXPECT_EQ(world.journal.last_ack()->chain, mark.chain);
    EXPECT_EQ(world.journal.last_ack()->store_uid, mark.store_uid);
    EXPECT_EQ(world.journal.last_ack()->generation, 7U);
    ASSERT_EQ(world.reboot(), Status::kOk);
  }
}

TEST(Journal, RefusesAnAcknowledgementOfAnotherHistory) {
  StoreWorld world;
  ASSERT_EQ(world.event("one"), Status::kOk);
  EXPECT_EQ(world.journal.acknowledge({.seq = 1, .chain = 1, .store_uid = {}, .generation = 1}), Status::kBadInput);
  EXPECT_EQ(world.acknowledge(2), Status::kBadInput);
  EXPECT_FALSE(world.journal.last_ack().has_value());
}

TEST(Journal, DiscardsOnlyWhatIsAcknowledgedAndOnlyWhenSpaceIsNeeded) {
  StoreWorld world;
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(world.event_of(500), Status::kOk);
  }
  ASSERT_EQ(world.checkpoint(), Status::kOk);
  ASSERT_EQ(world.acknowledge(20), Status::kOk);
  EXPECT_EQ(world.journal.oldest_seq(), 1U);
  EXPECT_GT(world.fill(), 0U);
  EXPECT_GT(world.journal.oldest_seq(), 1U);
  EXPECT_LE(world.journal.oldest_seq(), 21U);
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_LE(world.journal.oldest_seq(), 21U);
}

// An owner writes a checkpoint before a journal has gone round, so that no life of a station would show it.
TEST(Journal, DiscardsNothingThatNoCheckpointHolds) {
  StoreWorld world;
  ASSERT_EQ(world.internal("what the owner needs"), Status::kOk);
  std::uint64_t count = 0;
  while (count < 200 && world.event_of(500) == Status::kOk) {
    ++count;
    EXPECT_EQ(world.acknowledge(count), Status::kOk);
  }
  EXPECT_GT(count, 40U);
  EXPECT_LT(count, 200U) << "it discards what only its records say";
  EXPECT_EQ(world.journal.oldest_seq(), 1U);
  ASSERT_EQ(world.reboot(), Status::kOk);
  ASSERT_FALSE(world.listing.lines.empty());
  EXPECT_EQ(world.listing.lines.front(), "internal 64 what the owner needs");
  EXPECT_EQ(world.listing.lost, 0U);
}

// A boot gave up all that was acknowledged and behind a checkpoint, though most of the flash was blank. A centre that
// was restored from a backup then asked in vain for what nobody had needed the room of.
TEST(Journal, KeepsWhatIsObsoleteOverABootUntilItsSectorIsNeeded) {
  StoreWorld world;
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(world.event_of(500), Status::kOk);
  }
  ASSERT_EQ(world.checkpoint(), Status::kOk);
  ASSERT_EQ(world.acknowledge(30), Status::kOk);
  const std::optional<Chain> chain = world.journal.chain_at(1);
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_EQ(world.journal.oldest_seq(), 1U);
  ASSERT_EQ(world.journal.chain_at(1), chain);
  ASSERT_EQ(world.journal.acknowledge({.seq = 1, .chain = *chain, .store_uid = {}, .generation = 2}), Status::kOk);
  ASSERT_EQ(world.reboot(), Status::kOk);
  std::array<std::byte, limits::kEventBytesMax> bytes;
  for (std::uint64_t seq = 1; seq <= 30; ++seq) {
    Chain after = 0;
    const auto size = world.journal.read_event(seq, bytes, after);
    ASSERT_TRUE(size.ok()) << seq;
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.begin() + 500, bytes_of(500, seq).begin())) << seq;
  }
  ASSERT_TRUE(world.acknowledge(30) == Status::kOk && world.reboot() == Status::kOk);
  world.fill();
  EXPECT_GT(world.journal.oldest_seq(), 20U) << "and gives it up when it is";
}

// Counted up to what is asked for, and once whole. Acknowledged sectors behind a checkpoint are free too.
TEST(Journal, HasRoomForDepositsWhileMoreIsFreeThanTheReserve) {
  StoreWorld world;
  for (int i = 0; i < 120; ++i) {
    ASSERT_EQ(world.event_of(500), Status::kOk);
    EXPECT_EQ(world.journal.room_for_deposits(), world.journal.sectors_free() > 2 + limits::kSectorsReserve) << i;
    const auto before = world.journal.sectors_free();
    if (i % 50 == 49) {
      ASSERT_EQ(world.checkpoint(), Status::kOk);
      ASSERT_EQ(world.acknowledge(world.journal.next_seq() - 1), Status::kOk);
      EXPECT_GT(world.journal.sectors_free(), before);
    }
  }
  while (world.journal.room_for_deposits()) {
    EXPECT_GT(world.journal.sectors_free(), 2 + limits::kSectorsReserve);
    ASSERT_EQ(world.event_of(500), Status::kOk);
  }
  EXPECT_EQ(world.journal.sectors_free(), 2 + limits::kSectorsReserve);
}

TEST(Journal, KeepsAReserveWhenOffline) {
  StoreWorld world;
  std::uint64_t deposits = 0;
  while (world.journal.room_for_deposits()) {
    ASSERT_EQ(world.event_of(500), Status::kOk);
    ++deposits;
  }
  EXPECT_GT(deposits, 7U);
  EXPECT_GE(world.fill(), 7U * limits::kSectorsReserve);
  EXPECT_EQ(world.event_of(500), Status::kNoSpace);
  EXPECT_EQ(world.journal.oldest_seq(), 1U);
}

TEST(Journal, IsNotUsedUpByBootsWhenFull) {
  StoreWorld world;
  world.fill();
  const std::uint64_t next = world.journal.next_seq();
  for (int boots = 0; boots < 30; ++boots) {
    ASSERT_EQ(world.reboot(), Status::kOk) << boots;
    EXPECT_EQ(world.journal.next_seq(), next);
    EXPECT_EQ(world.listing.lines.size(), next - 1);
  }
}

// A mark found no room in a full journal, so it was taken in memory only, and a full sector was erased
// because of it: cut there, the next boot knew neither.
TEST(Journal, TakesAnAcknowledgementDurablyWhenFull) {
  StoreWorld world;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(world.event_of(500), Status::kOk);
  }
  ASSERT_EQ(world.checkpoint(), Status::kOk);
  world.fill();
  ASSERT_EQ(world.reboot(), Status::kOk);
  ASSERT_EQ(world.acknowledge(2), Status::kOk);  // Frees nothing.
  ASSERT_EQ(world.acknowledge(15), Status::kOk);
  ASSERT_EQ(world.reboot(), Status::kOk);
  ASSERT_TRUE(world.journal.last_ack().has_value());
  EXPECT_EQ(world.journal.last_ack()->seq, 15U);
  EXPECT_EQ(world.event_of(500), Status::kOk);
}

// A centre restored from a backup takes its mark back. That mark was written into the last room, where the one that
// frees a sector belongs, or gave up for its own sake what the centre lacks: the journal stayed full for ever.
TEST(Journal, TakesAMarkThatWentBackAndForthWhereverItsSectorEnds) {
  StoreWorld world;
  const auto circulate = [&world](std::size_t size) {
    ASSERT_EQ(world.event_of(size), Status::kOk);
    ASSERT_EQ(world.acknowledge(world.journal.next_seq() - 1), Status::kOk);
    if (world.journal.checkpoint_due()) {
      ASSERT_EQ(world.checkpoint(), Status::kOk);
    }
  };
  for (int i = 0; i < 200; ++i) {
    circulate(400);
  }
  for (std::size_t i = 0; i < 1'200; ++i) {
    circulate(4 + i % 37);
    const std::uint64_t oldest = world.journal.oldest_seq();
    ASSERT_EQ(world.acknowledge(oldest - 1), Status::kOk) << i;
    ASSERT_EQ(world.journal.oldest_seq(), oldest) << i << ": discarded what the centre has taken back";
    ASSERT_EQ(world.acknowledge(world.journal.next_seq() - 1), Status::kOk) << i;
    ASSERT_EQ(world.event_of(4), Status::kOk) << i << ": all is acknowledged, and there is no room";
  }
}

// The append erased the boot's spare sector and left the one that it had given up full of old history: no
// sector was free at the next boot.
TEST(Journal, LeavesRoomForTheNextBootAfterEachRecord) {
  StoreWorld world;
  for (int i = 0; i < 400; ++i) {
    const Status status = world.event_of(400);
    ASSERT_TRUE(status == Status::kOk || status == Status::kNoSpace) << i;
    if (i % 5 == 0) {
      ASSERT_EQ(world.acknowledge(world.journal.next_seq() - 1), Status::kOk);
    }
    if (world.journal.checkpoint_due()) {
      ASSERT_EQ(world.checkpoint(), Status::kOk);
    }
    if (i % 11 == 0) {
      ASSERT_EQ(world.reboot(), Status::kOk) << i;
    }
    emulator::NorFlashDevice copy = world.flash;
    Journal other(copy);
    Listing listing;
    MountReport report;
    ASSERT_EQ(other.mount(listing, report), Status::kOk) << i;
    EXPECT_EQ(report.damaged, 0U) << i;
  }
}

TEST(Journal, ErasesAtMostOneSectorAtABoot) {
  StoreWorld world;
  for (int i = 0; i < 60; ++i) {
    ASSERT_EQ(world.event_of(200), Status::kOk);
    const std::uint64_t erases = world.flash.counters().erases;
    ASSERT_EQ(world.reboot(), Status::kOk);
    EXPECT_LE(world.flash.counters().erases, erases + 1);
  }
}

TEST(Journal, TakesNoMoreAfterTheFlashFailed) {
  StoreWorld world;
  ASSERT_EQ(world.event("kept"), Status::kOk);
  world.flash.fail_writes(true);
  EXPECT_EQ(world.event("lost"), Status::kIo);
  world.flash.fail_writes(false);
  EXPECT_EQ(world.event("refused"), Status::kIo);
  EXPECT_FALSE(world.journal.room_for_deposits());
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_THAT(world.listing.lines, ElementsAre("event 1 kept"));
  EXPECT_EQ(world.event("taken again"), Status::kOk);
}

// A part whose protection bits are set says "done"; so does one that is not there and reads 00.
TEST(Journal, BelievesNoProgramThatDoesNotReadBack) {
  StoreWorld world;
  ASSERT_EQ(world.event("kept"), Status::kOk);
  world.flash.write_protect();
  EXPECT_EQ(world.event("lost"), Status::kIo);
  EXPECT_EQ(world.journal.next_seq(), 2U);
  EXPECT_EQ(world.reboot(), Status::kIo) << "its sector cannot be opened";
  world.flash.mended();
  world.flash.make_absent(emulator::AbsentReads::kZeros);
  EXPECT_EQ(world.journal.format(uid_of(2)), Status::kIo);
  world.flash.mended();
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_THAT(world.listing.lines, ElementsAre("event 1 kept"));
  EXPECT_EQ(world.report.damaged, 0U);
  EXPECT_EQ(world.journal.uid(), uid_of(1));
}

TEST(Journal, PutsElsewhereWhatMetAStuckBit) {
  StoreWorld world;
  const std::string text(300, '\x7F');
  ASSERT_EQ(world.event("kept"), Status::kOk);
  world.flash.stick(150, std::byte{0x01}, std::byte{0});
  EXPECT_EQ(world.event(text), Status::kOk);
  EXPECT_EQ(world.journal.sectors_retired(), 1U);
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_EQ(world.report.damaged, 0U);
  EXPECT_THAT(world.listing.lines, ElementsAre("event 1 kept", "event 2 " + text));
}

TEST(Journal, SaysThatTheFlashDoesNotAnswer) {
  StoreWorld world;
  world.flash.cut_after(0, emulator::TearMode::kNothing);
  EXPECT_EQ(world.event("lost"), Status::kIo);
  EXPECT_EQ(world.reboot(), Status::kIo);
}

TEST(Journal, WorksWithLargeProgramUnitsAndLargeSectors) {
  for (const hal::FlashGeometry& geometry :
       {hal::FlashGeometry{.sector_size = 4096, .sector_count = 8, .program_size = 32, .page_size = 256},
        hal::FlashGeometry{.sector_size = 65536, .sector_count = 8, .program_size = 8, .page_size = 128}}) {
    StoreWorld world(geometry);
    ASSERT_EQ(world.event("odd"), Status::kOk);
    ASSERT_EQ(world.event_of(limits::kEventBytesMax), Status::kOk);
    ASSERT_EQ(world.internal(""), Status::kOk);
    ASSERT_EQ(world.reboot(), Status::kOk);
    ASSERT_EQ(world.listing.lines.size(), 3U);
    EXPECT_THAT(world.listing.lines[1], StartsWith("event 2 "));
  }
}

}  // namespace
}  // namespace cubby::store

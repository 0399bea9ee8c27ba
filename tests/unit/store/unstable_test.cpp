#include <gtest/gtest.h>

#include "power_loss/cut_flash.h"
#include "unit/store/store_world.h"

/// Cells that a power cut left half-way: they read differently each time until their sector is erased.
namespace cubby::store {
namespace {

using emulator::NorFlashDevice;

struct UnstableWorld {
  explicit UnstableWorld(std::uint64_t seed) : device(kSmall, seed) {
    flash.attach(device);
    journal.emplace(flash);
    CUBBY_ASSERT(journal->format(uid_of(1)) == Status::kOk);
  }
  /// The power will go after so many flash operations and leave that one complete, but for unstable bits.
  void cut_after(std::uint64_t operations, std::uint64_t seed) {
    flash.leave_unstable_bits(true, seed);
    device.cut_after(operations, emulator::TearMode::kComplete);
  }
  Status boot() {
    if (device.is_cut()) {
      device.power_on();
    }
    journal.emplace(flash);
    listing.lines.clear();
    return journal->mount(listing, report);
  }
  /// Events until nothing fits, then smaller ones into what is left.
  void fill() {
    for (const std::size_t size : {500U, 60U, 1U}) {
      while (journal->append_event(bytes_of(size, 5)) == Status::kOk) {
      }
    }
  }

  NorFlashDevice device;
  power_loss::CutFlash flash{kSmall};
  std::optional<Journal> journal;
  Listing listing;
  MountReport report;
};

// The copy of the tail's last record was left out when that record read badly the second time, yet its
// number counted as used.
TEST(UnstableTail, IsEitherWholeOrAbsentForEver) {
  int absent = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    NorFlashDevice device(kSmall, seed);
    power_loss::CutFlash flash(kSmall);
    flash.attach(device);
    std::optional<Journal> journal(std::in_place, flash);
    ASSERT_EQ(journal->format(uid_of(1)), Status::kOk);
    for (int i = 0; i < 1 + static_cast<int>(seed % 14); ++i) {
      ASSERT_EQ(journal->append_event(bytes_of(240, 1)), Status::kOk);
    }
    const std::uint64_t completed = journal->next_seq();
    flash.leave_unstable_bits(true, seed);
    device.cut_after(0, emulator::TearMode::kComplete);
    ASSERT_EQ(journal->append_event(bytes_of(100, 2)), Status::kIo);
    device.power_on();
    std::optional<std::uint64_t> next;
    for (int boots = 0; boots < 4; ++boots) {
      journal.emplace(flash);
      Listing listing;
      MountReport report;
      ASSERT_EQ(journal->mount(listing, report), Status::kOk) << seed;
      EXPECT_EQ(report.damaged, 0U);
      EXPECT_EQ(listing.lines.size(), journal->next_seq() - 1);
      EXPECT_GE(journal->next_seq(), completed);
      EXPECT_EQ(journal->next_seq(), next.value_or(journal->next_seq())) << seed;
      next = journal->next_seq();
    }
    absent += *next == completed ? 1 : 0;
  }
  EXPECT_GT(absent, 20);
  EXPECT_LT(absent, 200);
}

// The copy looked finished, so its original was erased; then it looked unfinished.
TEST(UnstableCopyDone, DoesNotCostTheOriginal) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    UnstableWorld world(seed);
    world.fill();
    const std::uint64_t next = world.journal->next_seq();
    const std::uint64_t before = world.device.counters().operations();
    ASSERT_EQ(world.boot(), Status::kOk);
    const std::uint64_t operations = world.device.counters().operations() - before;
    world.cut_after(operations - 1, seed);
    ASSERT_EQ(world.boot(), Status::kIo);
    world.device.power_on();
    world.device.cut_after(seed % operations, emulator::TearMode::kComplete);
    ASSERT_EQ(world.boot(), Status::kIo);
    for (int boots = 0; boots < 3; ++boots) {
      ASSERT_EQ(world.boot(), Status::kOk) << seed;
      EXPECT_EQ(world.journal->next_seq(), next) << seed;
      EXPECT_EQ(world.report.damaged, 0U) << seed;
    }
  }
}

// The next sector got the serial of one whose header could not be read just then; later both had it.
TEST(UnstableHeader, OfASectorOpenedInVainIsNotTakenForHistory) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    UnstableWorld world(seed);
    for (int i = 0; i < 20; ++i) {
      ASSERT_EQ(world.journal->append_event(bytes_of(500, 1)), Status::kOk);
    }
    Texts texts({"state"});
    ASSERT_EQ(world.journal->write_checkpoint(texts), Status::kOk);
    world.fill();
    const std::optional<Chain> chain = world.journal->chain_at(18);
    ASSERT_EQ(world.journal->acknowledge({.seq = 18, .chain = *chain, .store_uid = {}, .generation = 1}), Status::kOk);
    const std::uint64_t next = world.journal->next_seq();
    world.cut_after(1, seed);  // An erase, then the header.
    ASSERT_EQ(world.journal->append_event(bytes_of(500, 2)), Status::kIo);
    for (int boots = 0; boots < 5; ++boots) {
      ASSERT_EQ(world.boot(), Status::kOk) << seed;
      EXPECT_EQ(world.report.damaged, 0U) << seed;
      EXPECT_EQ(world.report.events_lost_from, 0U) << seed;
      EXPECT_EQ(world.journal->next_seq(), next + static_cast<unsigned>(boots)) << seed;
      ASSERT_EQ(world.journal->append_event(bytes_of(500, 3)), Status::kOk) << seed;
    }
  }
}

// In a full journal the mark was kept in memory only, and a sector erased because of it.
TEST(TornErase, BecauseOfAnAcknowledgementInAFullJournalIsNoLoss) {
  UnstableWorld world(1);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(world.journal->append_event(bytes_of(500, 1)), Status::kOk);
  }
  Texts texts({"state"});
  ASSERT_EQ(world.journal->write_checkpoint(texts), Status::kOk);
  world.fill();
  const std::optional<Chain> chain = world.journal->chain_at(18);
  world.device.cut_after(1, emulator::TearMode::kSuffix);
  const Status marked = world.journal->acknowledge({.seq = 18, .chain = *chain, .store_uid = {}, .generation = 1});
  EXPECT_EQ(marked, Status::kOk);
  EXPECT_EQ(world.journal->append_event(bytes_of(500, 2)), Status::kIo);
  ASSERT_EQ(world.boot(), Status::kOk);
  EXPECT_EQ(world.report.damaged, 0U);
  EXPECT_EQ(world.report.events_lost_from, 0U);
  ASSERT_TRUE(world.journal->last_ack().has_value());
  EXPECT_EQ(world.journal->last_ack()->seq, 18U);
}

}  // namespace
}  // namespace cubby::store

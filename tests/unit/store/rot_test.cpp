#include <gtest/gtest.h>

#include "unit/store/store_world.h"

/// Rot that is found when an event's turn comes, long after the boot: the journal goes on behind it without another
/// one.
namespace cubby::store {
namespace {

constexpr std::size_t kEventSize = 300;

/// Address of the first byte of an event of kEventSize.
std::uint32_t find_event(emulator::NorFlashDevice& flash, std::uint64_t seq) {
  std::vector<std::byte> all(flash.geometry().size());
  EXPECT_EQ(flash.read(0, all), Status::kOk);
  const std::vector<std::byte> wanted = bytes_of(kEventSize, seq);
  const auto at = std::search(all.begin(), all.end(), wanted.begin(), wanted.end());
  EXPECT_NE(at, all.end()) << seq;
  return static_cast<std::uint32_t>(at - all.begin());
}

Status read(const Journal& journal, std::uint64_t seq) {
  std::array<std::byte, limits::kEventBytesMax> bytes;
  Chain chain = 0;
  const auto size = journal.read_event(seq, bytes, chain);
  if (!size.ok()) {
    return size.status();
  }
  const std::vector<std::byte> expected = bytes_of(kEventSize, seq);
  EXPECT_TRUE(size.value() == kEventSize && std::equal(expected.begin(), expected.end(), bytes.begin())) << seq;
  EXPECT_EQ(journal.chain_at(seq), chain) << seq;
  return Status::kOk;
}

/// As an uplink does, one after the other.
Status read_next(const Journal& journal, std::uint64_t seq) {
  std::array<std::byte, limits::kEventBytesMax> bytes;
  Chain chain = 0;
  return journal.read_event(seq, bytes, chain).status();
}

/// Does what an uplink does to send all that there is, to a centre that has nothing yet. The events that were lost.
std::uint64_t send_all(StoreWorld& world) {
  std::uint64_t lost = 0;
  for (std::uint64_t seq = world.journal.oldest_seq(0); seq < world.journal.next_seq(); ++seq) {
    Status status = read(world.journal, seq);
    if (status == Status::kCorrupt) {
      status = world.journal.give_up_from(seq);
      EXPECT_EQ(status, Status::kOk) << seq;
      EXPECT_EQ(read(world.journal, seq), Status::kNotFound) << seq;
    }
    if (status != Status::kOk || read(world.journal, seq) != Status::kOk) {
      const std::uint64_t next = world.journal.oldest_seq(seq - 1);
      EXPECT_GT(next, seq);
      EXPECT_TRUE(world.journal.chain_at(next - 1).has_value()) << "a Gap has to name it";
      lost += next - seq;
      seq = next - 1;
    }
  }
  EXPECT_EQ(world.acknowledge(world.journal.next_seq() - 1), Status::kOk);
  return lost;
}

void append(StoreWorld& world, int count) {
  for (int i = 0; i < count; ++i) {
    ASSERT_EQ(world.event_of(kEventSize), Status::kOk);
  }
}

TEST(Rot, InTheSectorThatIsWrittenIsPassedAndNothingFollowsItThere) {
  StoreWorld world;
  append(world, 5);
  EXPECT_EQ(world.journal.give_up_from(3), Status::kNotFound) << "it reads well";
  EXPECT_EQ(world.journal.give_up_from(6), Status::kNotFound) << "it is not there yet";
  flip(world.flash, find_event(world.flash, 3), 0);
  EXPECT_EQ(read(world.journal, 3), Status::kCorrupt);
  ASSERT_EQ(world.journal.give_up_from(3), Status::kOk);
  append(world, 1);
  EXPECT_EQ(read(world.journal, 2), Status::kOk);
  EXPECT_EQ(world.journal.oldest_seq(1), 1U) << "to whom events before the hole are missing, those are sent first";
  EXPECT_EQ(world.journal.oldest_seq(2), 6U);
  EXPECT_EQ(world.journal.oldest_seq(4), 6U) << "a centre may hold some of it";
  EXPECT_EQ(read(world.journal, 6), Status::kOk);
  ASSERT_EQ(world.acknowledge(5), Status::kOk);
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_EQ(world.report.events_lost_from, 3U);
  EXPECT_EQ(world.report.events_lost_to, 5U);
  EXPECT_EQ(world.journal.next_seq(), 7U);
  EXPECT_EQ(read(world.journal, 6), Status::kOk);
}

TEST(Rot, IsNoLossOfStateWhenACheckpointFollows) {
  StoreWorld world;
  append(world, 5);
  ASSERT_EQ(world.checkpoint(), Status::kOk);
  append(world, 5);
  EXPECT_FALSE(world.journal.checkpoint_due());
  flip(world.flash, find_event(world.flash, 8), 0);
  EXPECT_EQ(send_all(world), 3U);
  ASSERT_TRUE(world.journal.checkpoint_due()) << "the next mount would not have what stood behind the rot";
  ASSERT_EQ(world.checkpoint(), Status::kOk);
  EXPECT_FALSE(world.journal.checkpoint_due());
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_EQ(world.report.records_lost, 0U);
  EXPECT_EQ(world.listing.lost, 0U);
  EXPECT_EQ(world.report.events_lost_from, 0U) << "the centre knows";
}

TEST(Rot, InTwoSectorsIsTwoHolesWithWhatIsGoodBetweenThem) {
  StoreWorld world;
  append(world, 46);
  flip(world.flash, find_event(world.flash, 3), 0);
  flip(world.flash, find_event(world.flash, 30), 0);
  std::uint64_t held = 2;
  ASSERT_EQ(world.journal.give_up_from(3), Status::kOk);
  const std::uint64_t behind = world.journal.oldest_seq(held);
  ASSERT_LT(behind, 20U);
  ASSERT_EQ(world.acknowledge(behind - 1), Status::kOk);
  for (held = behind; held < 30; ++held) {
    ASSERT_EQ(read(world.journal, held), Status::kOk);
  }
  ASSERT_EQ(world.journal.give_up_from(30), Status::kOk);
  EXPECT_EQ(read(world.journal, 29), Status::kOk) << "the first hole is behind the mark, and is not stretched to here";
  EXPECT_GT(world.journal.oldest_seq(29), 30U);
  // A centre that went back to its backup comes upon the first one again.
  EXPECT_EQ(read(world.journal, 3), Status::kCorrupt);
  ASSERT_EQ(world.acknowledge(2), Status::kOk);
  ASSERT_EQ(world.journal.give_up_from(3), Status::kOk);
  EXPECT_EQ(world.journal.oldest_seq(2), behind) << "what is good between the two holes is not given up";
  EXPECT_EQ(read(world.journal, behind), Status::kOk);
}

TEST(Rot, OfAHoleThatTheMountFoundAndOneBeforeItLeaveWhatIsBetween) {
  StoreWorld world;
  append(world, 46);
  flip(world.flash, find_event(world.flash, 30), 0);
  ASSERT_EQ(world.reboot(), Status::kOk);
  ASSERT_EQ(world.report.events_lost_from, 30U);
  flip(world.flash, find_event(world.flash, 5), 0);
  ASSERT_EQ(world.acknowledge(4), Status::kOk);
  ASSERT_EQ(world.journal.give_up_from(5), Status::kOk);
  EXPECT_LT(world.journal.oldest_seq(4), 20U);
  EXPECT_EQ(read(world.journal, 20), Status::kOk);
  EXPECT_EQ(read(world.journal, 30), Status::kCorrupt) << "it is found again when its turn comes";
}

// A chain that had rotted was compared with the centre's, and a good station was quarantined.
TEST(Rot, OfAChainIsNotTakenForAnotherHistory) {
  StoreWorld world;
  append(world, 5);
  const Chain chain = *world.journal.chain_at(3);
  flip(world.flash, find_event(world.flash, 3) - 1, 0);
  EXPECT_FALSE(world.journal.chain_at(3).has_value());
  EXPECT_EQ(world.journal.acknowledge({.seq = 3, .chain = chain, .store_uid = {}, .generation = 1}), Status::kCorrupt);
  EXPECT_EQ(world.journal.acknowledge({.seq = 4, .chain = chain, .store_uid = {}, .generation = 1}), Status::kBadInput);
}

// Reading goes on from where it was; an Ack looks the event up from the beginning of its sector.
TEST(Rot, BehindTheReaderIsNoOtherHistoryEither) {
  StoreWorld world;
  append(world, 5);
  const Chain chain = *world.journal.chain_at(4);
  ASSERT_EQ(read_next(world.journal, 3), Status::kOk);
  flip(world.flash, find_event(world.flash, 2) - 9, 7);  // Its seq.
  EXPECT_EQ(read_next(world.journal, 4), Status::kOk);
  EXPECT_EQ(world.journal.acknowledge({.seq = 4, .chain = chain, .store_uid = {}, .generation = 1}), Status::kCorrupt);
  EXPECT_EQ(world.journal.give_up_from(4), Status::kOk);
}

TEST(Rot, IsNotPassedWhereTheNewestSectorHasNoSuccessor) {
  StoreWorld world;
  const std::uint64_t last = world.fill();
  std::array<std::byte, limits::kEventBytesMax> bytes;
  Chain chain = 0;
  ASSERT_TRUE(world.journal.read_event(last, bytes, chain).ok());
  std::vector<std::byte> all(world.flash.geometry().size());
  ASSERT_EQ(world.flash.read(0, all), Status::kOk);
  const std::vector<std::byte> wanted = bytes_of(500, last);
  const auto at = std::search(all.begin(), all.end(), wanted.begin(), wanted.end());
  flip(world.flash, static_cast<std::uint32_t>(at - all.begin()), 0);
  EXPECT_EQ(world.journal.give_up_from(last), Status::kNoSpace);
  EXPECT_EQ(world.journal.oldest_seq(last - 1), 1U);
}

bool is_written(emulator::NorFlashDevice& flash, std::uint32_t address) {
  std::array<std::byte, 1> cell;
  return flash.read(address, cell) == Status::kOk && cell[0] != std::byte{0xFF};
}

// Wherever a bit goes of what is written: what can be read is what was written, all else is passed, and the journal
// goes on.
TEST(Rot, OfOneBitAnywhereIsPassedWithoutABoot) {
  std::uint64_t losses = 0;
  for (std::uint32_t address = 0; address < kSmall.size(); address += 53) {
    StoreWorld world;
    append(world, 20);
    ASSERT_EQ(world.checkpoint(), Status::kOk);
    append(world, 26);
    if (!is_written(world.flash, address)) {
      continue;
    }
    flip(world.flash, address, address % 8);
    SCOPED_TRACE(address);
    const std::uint64_t lost = send_all(world);
    losses += lost != 0 ? 1 : 0;
    append(world, 1);
    EXPECT_EQ(read(world.journal, 47), Status::kOk);
    if (world.journal.checkpoint_due()) {
      ASSERT_EQ(world.checkpoint(), Status::kOk);
    }
    ASSERT_EQ(world.acknowledge(47), Status::kOk);
    ASSERT_EQ(world.reboot(), Status::kOk);
    EXPECT_EQ(world.journal.next_seq(), 48U);
    if (lost != 0) {
      EXPECT_EQ(world.report.records_lost, 0U);
    }
  }
  EXPECT_GT(losses, 100U);
}

}  // namespace
}  // namespace cubby::store

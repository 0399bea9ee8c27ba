// Sectors that wear out (F6), and boots that do not last (F11).
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "unit/store/store_world.h"

namespace cubby::store {
namespace {

/// A station's life in small: events and internal records, what the centre confirms, checkpoints, a boot now and then.
/// After each boot all that is not yet acknowledged has to be there.
struct WearingWorld : StoreWorld {
  using StoreWorld::StoreWorld;

  /// False: it did not fit. Any other failure is a failure of the test.
  bool live(std::uint32_t step) {
    const Status status = step % 3 == 2 ? internal("an internal record of a usual size") : event_of(60 + step % 200);
    EXPECT_TRUE(status == Status::kOk || status == Status::kNoSpace) << to_string(status) << " at step " << step;
    if (step % 5 == 0 && journal.next_seq() > 3) {
      EXPECT_EQ(acknowledge(journal.next_seq() - 3), Status::kOk) << step;
    }
    if (journal.checkpoint_due()) {
      const Status written = checkpoint();
      EXPECT_TRUE(written == Status::kOk || written == Status::kNoSpace) << to_string(written);
    }
    return status == Status::kOk;
  }

  void expect_nothing_lost_by_a_boot(const std::string& when) {
    const std::uint64_t next = journal.next_seq();
    const Chain chain = journal.last_chain();
    ASSERT_EQ(reboot(), Status::kOk) << when;
    EXPECT_EQ(journal.next_seq(), next) << when;
    EXPECT_EQ(journal.last_chain(), chain) << when;
    EXPECT_EQ(report.damaged, 0U) << when;
    EXPECT_EQ(report.events_lost_from, 0U) << when;
    const std::uint64_t acked = journal.last_ack().has_value() ? journal.last_ack()->seq : 0;
    for (std::uint64_t seq = acked + 1; seq < next; ++seq) {
      std::array<std::byte, 512> into;
      Chain after = 0;
      EXPECT_TRUE(journal.read_event(seq, into, after).ok()) << when << ", event " << seq;
    }
  }
};

using WornParameters = std::tuple<std::uint32_t, bool, bool>;

class WornSector : public testing::TestWithParam<WornParameters> {};

// At each step of a life, each of the three next sectors stops to be erased or programmed, says so or does not.
TEST_P(WornSector, IsLeftForAnotherAndNothingIsLost) {
  const auto [sector, programs, silently] = GetParam();
  constexpr std::uint32_t kSteps = 420;
  std::uint32_t retired_runs = 0;
  for (std::uint32_t worn_at = 0; worn_at < kSteps; worn_at += 7) {
    WearingWorld world;
    for (std::uint32_t step = 0; step < kSteps; ++step) {
      if (step == worn_at) {
        world.flash.wear_out(sector, programs, !programs, silently);
      }
      EXPECT_TRUE(world.live(step)) << "worn at " << worn_at << ", step " << step;
      if (step % 61 == 60) {
        const std::uint32_t retired = world.journal.sectors_retired();
        const std::uint32_t erases = world.flash.erases_of(sector);
        world.expect_nothing_lost_by_a_boot("worn at " + std::to_string(worn_at) + ", step " + std::to_string(step));
        EXPECT_GE(world.journal.sectors_retired(), retired) << "a boot remembers";
        EXPECT_TRUE(retired == 0 || world.flash.erases_of(sector) == erases) << "it is not tried again";
      }
      if (HasFailure()) {
        return;
      }
    }
    retired_runs += world.journal.sectors_retired() == 1 ? 1 : 0;
    EXPECT_LE(world.journal.sectors_retired(), 1U);
  }
  EXPECT_GE(retired_runs, 20U) << "the sector was met";
}

INSTANTIATE_TEST_SUITE_P(AtEachStep, WornSector,
                         testing::Combine(testing::Values(0U, 1U, 4U), testing::Bool(), testing::Bool()));

/// Until the journal is full; one of its sectors wears out on the way, or later.
void fill_while_one_wears(WearingWorld& world, Prng& dice) {
  const std::uint64_t worn_at = dice.below(600);
  for (std::uint64_t step = 0; step < 600; ++step) {
    if (step == worn_at) {
      world.flash.wear_out(static_cast<std::uint32_t>(dice.below(kSmall.sector_count)), dice.chance(500'000),
                           dice.chance(500'000), dice.chance(500'000));
    }
    if (world.event_of(4 + dice.below(120)) != Status::kOk && world.event_of(4) != Status::kOk) {
      return;
    }
    if (world.journal.checkpoint_due()) {
      (void)world.checkpoint();
    }
  }
}

// A program that fails where no other sector is left stops the journal until the next boot.
bool acknowledges(WearingWorld& world, std::uint64_t seq) {
  const Status status = world.acknowledge(seq);
  return status == Status::kOk ||
         (status == Status::kIo && world.reboot() == Status::kOk && world.acknowledge(seq) == Status::kOk);
}

// What frees a worn sector frees nothing: the last room of a full journal was given to such a mark, or to one before
// the sector behind it wore out, and none that came later could be written. All was acknowledged, and the journal full.
TEST(WornSectors, InAFullJournalAllThatIsAcknowledgedMakesRoom) {
  constexpr std::uint64_t kSeed = 20261126;
  std::uint32_t full_and_worn = 0;
  for (std::uint64_t round = 0; round < 3'000; ++round) {
    Prng dice(kSeed + round);
    WearingWorld world;
    fill_while_one_wears(world, dice);
    full_and_worn += world.journal.sectors_retired();
    for (std::uint64_t seq = 0; seq + 1 < world.journal.next_seq();) {
      seq = std::min(world.journal.next_seq() - 1, seq + 1 + dice.below(60));
      ASSERT_TRUE(acknowledges(world, seq)) << "round " << round;
      if (dice.chance(200'000)) {
        (void)world.event_of(4 + dice.below(60));
      }
      if (dice.chance(50'000)) {
        ASSERT_EQ(world.reboot(), Status::kOk) << "round " << round;
      }
    }
    ASSERT_TRUE(acknowledges(world, world.journal.next_seq() - 1)) << "round " << round;
    const bool takes =
        world.event_of(60) == Status::kOk || (world.reboot() == Status::kOk && world.event_of(60) == Status::kOk);
    ASSERT_TRUE(takes) << "round " << round << ": all is acknowledged, and there is no room";
    world.expect_nothing_lost_by_a_boot("round " + std::to_string(round));
    ASSERT_EQ(world.event_of(60), Status::kOk) << "round " << round << ", after a boot";
  }
  EXPECT_GE(full_and_worn, 400U);
}

TEST(WornSectors, LeaveTheJournalSmallerUntilItTakesNoMoreAndKeepWhatItHas) {
  WearingWorld world({.sector_size = 4096, .sector_count = 16, .program_size = 1, .page_size = 256});
  EXPECT_EQ(world.journal.spare_percent(), 100U);
  std::uint32_t step = 0;
  std::set<std::uint32_t> percents;
  for (std::uint32_t sector = 0; sector < 15; ++sector) {
    world.flash.wear_out(sector, sector % 2 == 0, sector % 2 != 0, sector % 3 == 0);
    for (std::uint32_t i = 0; i < 200; ++i) {
      (void)world.live(step++);
    }
    world.expect_nothing_lost_by_a_boot("with " + std::to_string(sector + 1) + " sectors worn");
    percents.insert(world.journal.spare_percent());
    if (HasFailure() || !world.journal.room_for_deposits()) {
      break;
    }
  }
  EXPECT_EQ(percents.count(0), 1U);
  EXPECT_GE(percents.size(), 6U) << "it falls sector by sector";
  EXPECT_FALSE(world.journal.room_for_deposits());
  EXPECT_GE(world.journal.sectors_retired(), 8U);
}

// Each sector lasts 25 erases. Wear is spread, so they end together, and the last of them is used up.
TEST(WornSectors, AreWornByTheWholeLifeOfThePart) {
  constexpr std::uint32_t kEndurance = 25;
  WearingWorld world;
  std::uint32_t step = 0;
  for (; step < 200'000 && world.live(step); ++step) {
    for (std::uint32_t sector = 0; sector < kSmall.sector_count; ++sector) {
      if (world.flash.erases_of(sector) == kEndurance) {
        world.flash.wear_out(sector, false, true, step % 2 == 0);
      }
    }
    if (step % 500 == 499) {
      world.expect_nothing_lost_by_a_boot("step " + std::to_string(step));
    }
    if (HasFailure()) {
      return;
    }
  }
  std::uint32_t erases = 0;
  for (std::uint32_t sector = 0; sector < kSmall.sector_count; ++sector) {
    erases += world.flash.erases_of(sector);
  }
  EXPECT_LT(step, 200'000U) << "it ends";
  EXPECT_GE(erases, kSmall.sector_count * kEndurance * 8 / 10) << "what the part was good for was used";
  world.expect_nothing_lost_by_a_boot("at the end");
}

TEST(WornSectors, AreRememberedWhenAllSectorsOfThatTimeAreGone) {
  WearingWorld world;
  world.flash.wear_out(3, false, true);
  std::uint32_t step = 0;
  while (world.journal.sectors_retired() == 0 && step < 2'000) {
    (void)world.live(step++);
  }
  ASSERT_EQ(world.journal.sectors_retired(), 1U);
  const std::uint32_t erases = world.flash.erases_of(3);
  for (std::uint32_t i = 0; i < 1'500; ++i) {
    ASSERT_TRUE(world.live(step++));
  }
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_EQ(world.journal.sectors_retired(), 1U);
  EXPECT_EQ(world.flash.erases_of(3), erases);
}

TEST(WornSectors, AreNoneWhenThePartDoesNotAnswer) {
  WearingWorld world;
  ASSERT_EQ(world.event_of(100), Status::kOk);
  world.flash.fail_writes(true);
  EXPECT_EQ(world.event_of(100), Status::kIo);
  EXPECT_EQ(world.event_of(100), Status::kIo) << "until it is mounted again";
  EXPECT_EQ(world.reboot(), Status::kIo);
  world.flash.fail_writes(false);
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_EQ(world.journal.sectors_retired(), 0U);
  EXPECT_EQ(world.journal.next_seq(), 2U);
}

TEST(WornSectors, DoNotKeepABootFromItsSector) {
  for (const bool silently : {false, true}) {
    for (const bool programs : {false, true}) {
      WearingWorld world;
      ASSERT_EQ(world.event_of(100), Status::kOk);
      for (const std::uint32_t sector : {1U, 2U}) {
        world.flash.damage(sector * 4096, std::vector<std::byte>(4096));  // An erase has something to do.
      }
      world.flash.wear_out(1, programs, !programs, silently);
      world.flash.wear_out(2, programs, !programs, silently);
      world.expect_nothing_lost_by_a_boot("two sectors");
      EXPECT_EQ(world.journal.sectors_retired(), 2U);
      world.expect_nothing_lost_by_a_boot("once more");
      EXPECT_EQ(world.journal.sectors_retired(), 2U);
    }
  }
}

TEST(Boots, ThatDoNotLastAreCounted) {
  StoreWorld world;
  const auto unsettled = [&] { return Journal(world.flash).unsettled_boots(); };
  EXPECT_EQ(unsettled(), 1U) << "the one that formatted";
  for (std::uint32_t boots = 2; boots < 6; ++boots) {
    ASSERT_EQ(world.reboot(), Status::kOk);
    EXPECT_FALSE(world.journal.settled());
    EXPECT_EQ(unsettled(), boots);
  }
  ASSERT_EQ(world.journal.settle(), Status::kOk);
  EXPECT_TRUE(world.journal.settled());
  EXPECT_EQ(unsettled(), 0U);
  const std::uint64_t operations = world.flash.counters().operations();
  ASSERT_EQ(world.journal.settle(), Status::kOk);
  EXPECT_EQ(world.flash.counters().operations(), operations) << "once a boot";
  ASSERT_EQ(world.reboot(), Status::kOk);
  EXPECT_EQ(unsettled(), 1U) << "what an earlier boot said is copied with the tail and does not count";
  EXPECT_FALSE(world.journal.settled());
}

TEST(Boots, ThatLastedAreKnownWhenTheSectorThatSaysSoIsGone) {
  WearingWorld world;
  ASSERT_EQ(world.journal.settle(), Status::kOk);
  for (std::uint32_t step = 0; step < 1'500; ++step) {
    ASSERT_TRUE(world.live(step));
  }
  EXPECT_EQ(Journal(world.flash).unsettled_boots(), 0U);
}

// Each boot is cut at its very first operations, over and over.
TEST(Boots, ThatAreCutBeforeTheyAreCompleteAreCountedToo) {
  WearingWorld world;
  ASSERT_EQ(world.event_of(100), Status::kOk);
  ASSERT_EQ(world.journal.settle(), Status::kOk);
  for (std::uint32_t boots = 1; boots < 5; ++boots) {
    world.flash.cut_after(2, emulator::TearMode::kComplete);  // Erase, header, then the power goes in the copy.
    ASSERT_EQ(world.reboot(), Status::kIo);
    world.flash.power_on();
    EXPECT_EQ(Journal(world.flash).unsettled_boots(), boots);
  }
}

}  // namespace
}  // namespace cubby::store

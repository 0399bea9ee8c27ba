// `cubby flash` reads images that the firmware has written, whole, cut and damaged; its own reading and the firmware's
// mount must say the same.
#include <gtest/gtest.h>

#include "firmware/base/crc.h"
#include "unit/tools/flash_images.h"

namespace cubby::tools {
namespace {

namespace layout = store::layout;
using store::StoreWorld;

TEST(FlashReading, FindsAllOfAJournalThatIsWell) {
  StoreWorld world;
  live_a_while(world);
  const std::uint64_t next_seq = world.journal.next_seq();
  const FlashReading reading = reading_of(image_of(world.flash));
  EXPECT_EQ(all_of(reading.faults), "");
  EXPECT_EQ(notes_of(reading), "");
  EXPECT_TRUE(reading.image.sector_size_found);
  EXPECT_EQ(reading.image.sector_size, 4096U);
  EXPECT_EQ(reading.image.unit, 4U);
  const FlashHistory& history = reading.history;
  EXPECT_EQ(history.uid, store::uid_of(1));
  EXPECT_EQ(history.first_seq, 1U);
  EXPECT_EQ(history.next_seq, next_seq);
  EXPECT_EQ(history.chain, world.journal.last_chain());
  EXPECT_EQ(history.boot, 2U);
  EXPECT_NE(history.checkpoint_begin, 0U);
  EXPECT_EQ(history.checkpoint_end, history.checkpoint_begin + 2);
  ASSERT_TRUE(history.ack.has_value());
  EXPECT_EQ(history.ack->seq, next_seq - 3);
  EXPECT_EQ(count_of(reading, SectorStanding::kTail), 1U);
  EXPECT_GE(count_of(reading, SectorStanding::kObsolete), 1U);
  std::uint64_t order = 1;
  std::uint64_t seq = 1;
  for (const HistoryRecord& entry : history.records) {
    EXPECT_EQ(entry.record.header.order, order++);
    if (entry.record.is_event()) {
      EXPECT_EQ(entry.record.header.seq, seq);
      const auto payload = store::bytes_of(300, seq++);
      EXPECT_TRUE(std::equal(payload.begin(), payload.end(), entry.record.payload.begin(), entry.record.payload.end()));
    }
  }
  EXPECT_EQ(seq, next_seq);
}

TEST(FlashReading, FindsOtherSectorsAndUnits) {
  for (const std::uint32_t sector_size : {4096U, 8192U, 65536U}) {
    for (const std::uint32_t unit : {1U, 8U, 32U, 256U}) {
      StoreWorld world({.sector_size = sector_size, .sector_count = 8, .program_size = unit, .page_size = 256});
      for (int i = 0; i < 3; ++i) {
        (void)world.event("odd");
        (void)world.internal("state!");
      }
      const FlashReading reading = reading_of(image_of(world.flash));
      EXPECT_EQ(all_of(reading.faults), "") << sector_size << " " << unit;
      EXPECT_EQ(reading.image.sector_size, sector_size);
      EXPECT_EQ(reading.image.unit, std::max(4U, unit));
      EXPECT_EQ(reading.history.next_seq, 4U);
    }
  }
}

/// Every cut of a workload with a boot in it: nothing of it may look like damage, and nothing accepted may be missing.
TEST(FlashReading, TakesNoPowerCutForDamage) {
  StoreWorld clean;
  const auto before = clean.flash.counters().operations();
  live_a_while(clean);
  const auto operations = clean.flash.counters().operations() - before;
  ASSERT_GT(operations, 60U);
  std::size_t torn = 0;
  std::size_t unfinished = 0;
  std::size_t open_checkpoints = 0;
  for (std::uint64_t cut = 0; cut < operations; ++cut) {
    for (int mode = 0; mode < static_cast<int>(emulator::TearMode::kCount); ++mode) {
      StoreWorld world;
      world.flash.cut_after(cut, static_cast<emulator::TearMode>(mode));
      std::uint64_t accepted = 0;
      for (int i = 0; i < 60 && !world.flash.is_cut(); ++i) {
        accepted += world.event_of(300) == Status::kOk ? 1 : 0;
        if (!world.flash.is_cut() && i % 7 == 6) {
          (void)world.acknowledge(world.journal.next_seq() - 3);
          (void)(i % 14 == 13 ? world.checkpoint() : Status::kOk);
        }
        if (!world.flash.is_cut() && i % 10 == 9) {
          (void)world.reboot();
        }
      }
      const FlashReading reading = reading_of(image_of(world.flash));
      EXPECT_EQ(all_of(reading.faults), "") << "cut " << cut << " mode " << mode;
      EXPECT_GE(reading.history.next_seq, accepted + 1);
      EXPECT_LE(reading.history.next_seq, accepted + 2);
      torn += notes_of(reading).find("in flight") != std::string::npos ? 1 : 0;
      open_checkpoints += notes_of(reading).find("never completed") != std::string::npos ? 1 : 0;
      unfinished += count_of(reading, SectorStanding::kUnfinishedBoot);
    }
  }
  EXPECT_GT(torn, 20U) << "no torn record was ever explained";
  EXPECT_GT(open_checkpoints, 2U) << "no checkpoint that was cut was ever explained";
  EXPECT_GT(unfinished, 5U) << "no unfinished boot was ever explained";
}

struct Rot : ::testing::Test {
  Rot() {
    live_a_while(world);
    image = image_of(world.flash);
    whole = reading_of(image);
  }
  void turn(std::size_t at, unsigned bits = 1) { image[at] ^= static_cast<std::byte>(bits); }

  StoreWorld world;
  Image image;
  FlashReading whole;
};

TEST_F(Rot, OneBitOfAHeaderIsPutRightAndMentioned) {
  for (const std::uint32_t sector : whole.history.in_order) {
    const std::size_t at = std::size_t{sector} * 4096 + 30;
    turn(at);
    const FlashReading reading = reading_of(image);
    EXPECT_EQ(all_of(reading.faults), "");
    EXPECT_NE(notes_of(reading).find("sector " + std::to_string(sector)), std::string::npos) << notes_of(reading);
    EXPECT_TRUE(reading.history.sectors[sector].header_repaired);
    turn(at);
  }
}

TEST_F(Rot, AHeaderThatIsGoneCostsItsSector) {
  const auto& live = whole.history.in_order;
  ASSERT_GE(live.size(), 4U);
  const std::uint32_t sector = live[live.size() - 3];
  turn(std::size_t{sector} * 4096 + 20, 0xFF);
  const FlashReading reading = reading_of(image);
  EXPECT_NE(all_of(reading.faults).find(" lost"), std::string::npos) << all_of(reading.faults);
  EXPECT_EQ(reading.history.sectors[sector].standing, SectorStanding::kNoHeader);
  EXPECT_NE(notes_of(reading).find("no header verifies"), std::string::npos);
}

// In a sector that is needed and is not the newest: the record's place and the events that go with it are named.
TEST_F(Rot, ABadRecordIsNamedByItsAddressAndTheEventsByTheirNumbers) {
  const auto& live = whole.history.in_order;
  const std::uint32_t sector = live[live.size() - 2];
  ASSERT_EQ(whole.history.sectors[sector].standing, SectorStanding::kHistory);
  const std::uint64_t seq = whole.history.sectors[sector].header.first_seq + 1;
  const std::uint64_t last = whole.history.sectors[live.back()].header.first_seq - 1;
  const std::size_t place = place_of(whole, seq);
  for (const std::size_t part : {0U, 4U, 9U, 25U, 60U}) {  // Class, CRC, order, chain, payload.
    turn(place + part, 4);
    const FlashReading reading = reading_of(image);
    const std::string faults = all_of(reading.faults);
    EXPECT_NE(faults.find(address_text(place)), std::string::npos) << faults;
    EXPECT_NE(faults.find("events " + std::to_string(seq) + " to " + std::to_string(last)), std::string::npos)
        << faults;
    EXPECT_EQ(faults.find("disagree"), std::string::npos) << faults;
    EXPECT_EQ(reading.history.next_seq, whole.history.next_seq);
    EXPECT_NE(notes_of(reading).find("behind what does not"), std::string::npos) << notes_of(reading);
    turn(place + part, 4);
  }
}

TEST_F(Rot, GoodRecordsBehindABadOneInTheTailAreNoPowerCut) {
  const std::uint64_t seq = whole.history.next_seq - 3;
  const std::size_t place = place_of(whole, seq);
  ASSERT_EQ(place / 4096, whole.history.in_order.back());
  turn(place + 40);
  const FlashReading reading = reading_of(image);
  const std::string faults = all_of(reading.faults);
  EXPECT_NE(faults.find(address_text(place)), std::string::npos) << faults;
  EXPECT_NE(faults.find("no power cut"), std::string::npos) << faults;
  EXPECT_TRUE(reading.history.tail_damaged);
  EXPECT_EQ(reading.history.next_seq, seq);
}

// The two readings were written apart; whatever stands there, they must count the same.
TEST_F(Rot, ManyMutationsNeverMakeTheTwoReadingsDisagree) {
  Prng random(7);
  std::size_t faulty = 0;
  for (int round = 0; round < 4000; ++round) {
    Image mutated = image;
    for (std::uint64_t i = 0, count = 1 + random.below(4); i < count; ++i) {
      const std::size_t at = random.below(mutated.size());
      switch (random.below(4)) {
        case 0:
          mutated[at] ^= static_cast<std::byte>(1U << random.below(8));
          break;
        case 1:
          std::fill_n(mutated.begin() + static_cast<std::ptrdiff_t>(at),
                      std::min<std::size_t>(mutated.size() - at, 600), static_cast<std::byte>(random.below(2) * 255));
          break;
        case 2:  // A sector as it was in another one.
          std::copy_n(mutated.begin() + static_cast<std::ptrdiff_t>(random.below(10) * 4096), 4096,
                      mutated.begin() + static_cast<std::ptrdiff_t>(random.below(10) * 4096));
          break;
        default:  // Where something is written.
          mutated[random.below(10) * 4096 + random.below(200)] ^= static_cast<std::byte>(random.next());
      }
    }
    const FlashReading reading = reading_of(std::move(mutated));
    const std::string faults = all_of(reading.faults);
    EXPECT_EQ(faults.find("disagree"), std::string::npos) << "round " << round << ": " << faults;
    faulty += faults.empty() ? 0 : 1;
  }
  EXPECT_GT(faulty, 800U);
}

TEST(FlashReading, SaysThatABlankFlashHasNoJournal) {
  const FlashReading reading = reading_of(Image(32 * 4096, std::byte{0xFF}));
  EXPECT_EQ(all_of(reading.faults), "there is no journal: all is blank; a controller would make a new one\n");
  EXPECT_EQ(count_of(reading, SectorStanding::kBlank), 32U);
  EXPECT_FALSE(reading.image.sector_size_found);
}

TEST(FlashReading, TakesAnyBytesOfAnySize) {
  for (const std::size_t size : {0U, 1U, 79U, 80U, 4095U, 4096U, 4097U, 32768U, 131072U, 257U * 4096U}) {
    for (const std::uint32_t sector_size : {0U, 4096U, 65536U}) {
      const FlashReading reading = reading_of(store::bytes_of(size, size), {.sector_size = sector_size});
      EXPECT_FALSE(reading.faults.empty());
      EXPECT_TRUE(reading.history.records.empty());
      std::ostringstream out;
      print_flash(reading, true, out);
      print_flash_json(reading, true, out);
      EXPECT_NE(out.str().find(std::to_string(size)), std::string::npos);
    }
  }
}

TEST(FlashReading, SaysWhatATruncatedImageStillHas) {
  StoreWorld world;
  live_a_while(world);
  Image image = image_of(world.flash);
  image.resize(image.size() - 100);
  const FlashReading reading = reading_of(image);
  EXPECT_NE(all_of(reading.faults).find("40860 bytes: 3996 more than 9 sectors of 4096"), std::string::npos)
      << all_of(reading.faults);
  EXPECT_EQ(reading.history.next_seq, world.journal.next_seq());
  image.resize(7 * 4096);
  const FlashReading few = reading_of(image);
  EXPECT_FALSE(few.verdict.tried);
  EXPECT_NE(all_of(few.faults).find("a journal has 8 to 256"), std::string::npos) << all_of(few.faults);
}

TEST(FlashReading, NamesANewerVersionAndOtherSectors) {
  StoreWorld world;
  live_a_while(world);
  Image image = image_of(world.flash);
  const FlashReading other = reading_of(image, {.sector_size = 8192});
  EXPECT_NE(notes_of(other).find("with other sectors than 8192 bytes"), std::string::npos) << notes_of(other);
  EXPECT_FALSE(other.faults.empty());
  image[4] = std::byte{3};
  store_le<std::uint32_t>(MutableBytes(image).subspan(76, 4), crc32c(Bytes(image).first(76)));
  const FlashReading newer = reading_of(image);
  EXPECT_EQ(all_of(newer.faults),
            "sector 0, 0x000000: format version 3; this program knows versions 1 and 2: a newer firmware wrote it\n"
            "a mount refuses the image: a newer firmware wrote it\n");
}

/// Puts a record of that payload behind the others.
void put(Image& image, std::uint32_t& at, layout::RecordHeader header, std::uint64_t serial, std::size_t size) {
  header.payload_size = static_cast<std::uint16_t>(size);
  const std::size_t head_size = layout::header_size(header.record_class);
  const MutableBytes head = MutableBytes(image).subspan(at, head_size);
  std::fill_n(image.begin() + at, head_size + size, std::byte{0});
  layout::encode(header, head);
  layout::seal(head, layout::record_crc(head, Bytes(image).subspan(at + head_size, size), serial));
  at += static_cast<std::uint32_t>(head_size + size + 3) / 4 * 4;
}

Image image_with_header(const layout::SectorHeader& header) {
  Image image(8 * 4096, std::byte{0xFF});
  const layout::SectorHeaderBytes bytes = layout::encode(header, 4096);
  std::copy(bytes.begin(), bytes.end(), image.begin());
  return image;
}

constexpr layout::SectorHeader kFirst{.serial = 5, .first_order = 1, .first_seq = 1, .chain = 0, .boot = 1};

// No firmware leaves such a sector; a mount that copied it would write beyond the flash.
TEST(FlashReading, KeepsAMountFromASectorWithoutRoomForItsCopy) {
  Image image = image_with_header(kFirst);
  std::uint32_t at = 80;
  for (std::uint64_t order = 1; at + 1004 <= 4096; ++order) {
    put(image, at, {.record_class = 2, .kind = 64, .order = order}, 5, 988);
  }
  EXPECT_GT(at, 4080U);
  const FlashReading reading = reading_of(image);
  EXPECT_FALSE(reading.verdict.tried);
  EXPECT_NE(all_of(reading.faults).find("no room left for a kCopyDone"), std::string::npos) << all_of(reading.faults);
}

// Such a sector is left out even if it is the only one.
TEST(FlashReading, KeepsAMountFromTheHighestOrder) {
  layout::SectorHeader header = kFirst;
  header.first_order = UINT64_MAX;
  const FlashReading reading = reading_of(image_with_header(header));
  EXPECT_FALSE(reading.verdict.tried);
  EXPECT_EQ(all_of(reading.faults),
            "sector 0, 0x000028: begins with order 18446744073709551615, which none can have\n");
}

// What a boot copied, whose own sector a later boot has copied and another one has erased.
TEST(FlashReading, KnowsASectorThatALaterOneRepeats) {
  Image image = image_with_header(kFirst);
  std::uint32_t at = 80;
  put(image, at, {.record_class = 2, .kind = 64, .order = 1}, 5, 9);
  layout::SectorHeader boot = kFirst;
  boot.role = layout::SectorRole::kBoot;
  boot.serial = 9;
  boot.supersedes = 7;
  boot.boot = 3;
  const layout::SectorHeaderBytes header = layout::encode(boot, 4096);
  std::copy(header.begin(), header.end(), image.begin() + 4096);
  at = 4096 + 80;
  put(image, at, {.record_class = 2, .kind = 64, .order = 1}, 9, 9);
  put(image, at, {.record_class = 2, .kind = 1}, 9, 0);
  const FlashReading reading = reading_of(image);
  EXPECT_EQ(all_of(reading.faults), "");
  EXPECT_EQ(reading.history.sectors[0].standing, SectorStanding::kRepeated);
  EXPECT_EQ(reading.history.sectors[1].standing, SectorStanding::kTail);
  EXPECT_EQ(reading.history.records.size(), 1U);
}

TEST(FlashReading, EndsWhereARecordVerifiesAndDoesNotGoOn) {
  const std::array<std::byte, 4> payload{};
  for (const auto& [order, seq, chain] : {std::tuple{1U, 1U, chain_next(0, 1, payload)},
                                          {1U, 2U, chain_next(0, 2, payload)},
                                          {2U, 1U, chain_next(0, 1, payload)},
                                          {1U, 1U, Chain{0}}}) {
    Image image = image_with_header(kFirst);
    std::uint32_t at = 80;
    put(image, at, {.record_class = 1, .order = order, .seq = seq, .chain = chain}, 5, payload.size());
    const bool good = order == 1 && seq == 1 && chain != 0;
    const FlashReading reading = reading_of(image);
    EXPECT_EQ(reading.history.records.size(), good ? 1U : 0U);
    EXPECT_EQ(notes_of(reading).find("the history ends here") == std::string::npos, good);
  }
}

/// Sectors in which every checksum holds and the rest is anything, near enough to a history to be taken for one. What
/// is superseded lies before what supersedes it: the other way round the mount goes by the orders, which are invented.
Image invented_image(Prng& random) {
  Image image(8 * 4096, std::byte{0xFF});
  std::vector<std::uint64_t> serials{500};
  const auto extreme = [&random](std::uint64_t value) { return random.below(40) == 0 ? UINT64_MAX - value : value; };
  for (std::uint32_t sector = 0, count = 1 + static_cast<std::uint32_t>(random.below(8)); sector < count; ++sector) {
    layout::SectorHeader header{.role = static_cast<layout::SectorRole>(random.below(4)),
                                .serial = extreme(random.below(12) * 8 + sector),
                                .supersedes = random.below(3) == 0 ? serials[random.below(serials.size())] : 0,
                                .first_order = extreme(random.below(12)),
                                .first_seq = extreme(random.below(4)),
                                .chain = 0,
                                .boot = static_cast<std::uint32_t>(random.next())};
    serials.push_back(header.serial);
    const layout::SectorHeaderBytes bytes = layout::encode(header, 4096);
    std::copy(bytes.begin(), bytes.end(), image.begin() + sector * 4096);
    std::uint32_t at = sector * 4096 + 80;
    std::uint64_t order = header.first_order;
    std::uint64_t seq = header.first_seq;
    Chain chain = 0;
    while (random.below(12) != 0) {
      const std::size_t size = random.below(4) == 0 ? random.below(2000) : random.below(2) == 0 ? 40 : 8;
      if (at + 40 + size > (sector + 1) * 4096) {
        break;
      }
      if (random.below(2) == 0) {
        chain = chain_next(chain, seq, Image(size));
        put(image, at, {.record_class = 1, .order = order++, .seq = seq++, .chain = chain}, header.serial, size);
      } else {
        const auto kind = static_cast<std::uint8_t>(random.below(6) + (random.below(3) == 0 ? 62 : 0));
        put(image, at, {.record_class = 2, .kind = kind, .order = kind == 1 ? 0 : order++}, header.serial, size);
      }
      at += random.below(30) == 0 ? 4 : 0;  // A hole.
      order += random.below(30) == 0 ? 1 : 0;
    }
  }
  return image;
}

TEST(FlashReading, TakesInventionsWhoseChecksumsHold) {
  Prng random(11);
  std::size_t mounted = 0;
  for (int round = 0; round < 8000; ++round) {
    const FlashReading reading = reading_of(invented_image(random), {.sector_size = 4096, .unit = 4});
    EXPECT_EQ(all_of(reading.faults).find("disagree"), std::string::npos)
        << "round " << round << ": " << all_of(reading.faults);
    mounted += reading.verdict.tried && reading.verdict.status == Status::kOk ? 1 : 0;
    std::ostringstream out;
    print_flash_json(reading, true, out);
    print_flash_events(reading, out);
    EXPECT_FALSE(out.str().empty());
  }
  EXPECT_GT(mounted, 1000U);
}

TEST(FlashReading, FindsRecordsThatVerifyAndAreWrong) {
  Image image = image_with_header(kFirst);
  std::uint32_t at = 80;
  put(image, at, {.record_class = 2, .kind = 8, .order = 1}, 5, 4);
  const std::uint32_t begin = at;
  put(image, at, {.record_class = 2, .kind = 2, .order = 2}, 5, 8);
  put(image, at, {.record_class = 2, .kind = 64, .order = 3}, 5, 1025);
  put(image, at, {.record_class = 2, .kind = 5, .order = 4}, 5, 12);
  const std::uint32_t retired = at;
  put(image, at, {.record_class = 2, .kind = 6, .order = 5}, 5, 40);
  const std::uint32_t settled = at;
  put(image, at, {.record_class = 2, .kind = 7, .order = 6}, 5, 8);
  EXPECT_EQ(all_of(reading_of(image).faults),
            "sector 0, 0x000050: kind 8 is none of the journal's own\n"
            "sector 0, " +
                address_text(begin) +
                ": a checkpoint's begin that does not hold its own order\n"
                "sector 0, 0x00007c: an internal record of 1025 bytes\n"
                "sector 0, 0x000490: an acknowledgement mark of 12 bytes\n"
                "sector 0, " +
                address_text(retired) + ": a list of worn sectors of 40 bytes\nsector 0, " + address_text(settled) +
                ": the number of a boot of 8 bytes\n");
}

TEST(FlashReading, FindsAnAcknowledgementOfAnotherHistory) {
  StoreWorld world;
  (void)world.event("one");
  ASSERT_EQ(world.acknowledge(1), Status::kOk);
  Image image = image_of(world.flash);
  const FlashReading whole = reading_of(image);
  ASSERT_EQ(all_of(whole.faults), "");
  const auto at = static_cast<std::uint32_t>(whole.history.records.back().record.offset);
  const auto seal_with = [&](std::uint64_t seq, std::uint8_t chain_byte) {
    Image changed = image;
    store_le<std::uint64_t>(MutableBytes(changed).subspan(at + 16, 8), seq);
    changed[at + 24] ^= static_cast<std::byte>(chain_byte);
    const MutableBytes head = MutableBytes(changed).subspan(at, 16);
    layout::seal(head, layout::record_crc(head, Bytes(changed).subspan(at + 16, 40), 1));
    return all_of(reading_of(changed).faults);
  };
  EXPECT_EQ(seal_with(1, 0), "");
  EXPECT_EQ(seal_with(1, 1), "the acknowledgement mark has another chain than event 1\n");
  EXPECT_EQ(seal_with(2, 0),
            "event 2 is acknowledged, and the history ends with event 1: events that the centre has are lost here\n");
}

}  // namespace
}  // namespace cubby::tools

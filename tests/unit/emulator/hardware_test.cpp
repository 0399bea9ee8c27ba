// The parts of a station, each by itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <set>
#include <string>
#include <vector>

#include "emulator/hardware/door.h"
#include "emulator/hardware/modbus_segment.h"
#include "emulator/hardware/network_pipe.h"
#include "emulator/hardware/nor_flash_device.h"
#include "emulator/world/event_queue.h"
#include "firmware/base/crc.h"

namespace cubby::emulator {
namespace {

class Wiring final : public BoardWiring {
 public:
  bool input(std::uint8_t, std::uint8_t channel, Instant) override { return (inputs >> channel & 1) != 0; }
  void coil_on(std::uint8_t, std::uint8_t channel, Instant from, Duration length) override {
    pulses.push_back({channel, from, length});
  }
  struct Pulse {
    std::uint8_t channel;
    Instant from;
    Duration length;
  };
  unsigned inputs = 0;
  std::vector<Pulse> pulses;
};

struct Board : ::testing::Test {
  std::string ask(const std::string& request, Instant now = {}) {
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i + 1 < request.size(); i += 3) {
      bytes.push_back(static_cast<std::byte>(std::stoul(request.substr(i, 2), nullptr, 16)));
    }
    return ask(bytes, now);
  }
  std::string ask(const std::vector<std::byte>& request, Instant now = {}) {
    std::array<std::byte, ModbusBoard::kReplyMax> reply{};
    const std::size_t size = board.on_frame(request, now, reply);
    std::string text;
    for (std::size_t i = 0; i < size; ++i) {
      char two[4];
      std::snprintf(two, sizeof two, "%02X", std::to_integer<unsigned>(reply[i]));
      text += (i == 0 ? "" : " ") + std::string(two);
    }
    return text;
  }
  static std::vector<std::byte> with_crc(std::vector<std::uint8_t> body) {
    std::vector<std::byte> bytes;
    for (const std::uint8_t value : body) {
      bytes.push_back(std::byte{value});
    }
    const std::uint16_t crc = crc16_modbus(bytes);
    bytes.push_back(static_cast<std::byte>(crc));
    bytes.push_back(static_cast<std::byte>(crc >> 8));
    return bytes;
  }
  Wiring wiring;
  ModbusBoard board{wiring, 0, 1};
};

// The frames of tests/vectors/lock_boards.json, dialect P5, and of the maker's manual.
TEST_F(Board, AnswersTheGoldenFrames) {
  EXPECT_EQ(ask("01 01 00 00 00 08 3D CC"), "01 01 01 00 51 88");
  EXPECT_EQ(ask("01 02 00 00 00 08 79 CC"), "01 02 01 00 A1 88");
  for (const char* echoed :
       {"01 05 00 00 FF 00 8C 3A", "01 05 00 00 55 00 F2 9A", "01 05 00 00 00 00 CD CA", "01 05 00 FF FF 00 BC 0A",
        "01 05 02 00 00 07 8D B0", "01 05 02 01 00 02 1C 73", "01 05 04 00 00 07 8D 38"}) {
    EXPECT_EQ(ask(echoed), echoed);
  }
  EXPECT_EQ(ask("01 0F 00 00 00 08 01 FF BE D5"), "01 0F 00 00 00 08 54 0D");
  EXPECT_TRUE(ask("01 03 10 00 00 08 40 CC").starts_with("01 03 10"));
}

TEST_F(Board, RefusesAValueThatIsNoneOfItsOwn) {
  const std::vector<std::byte> half_on = with_crc({0x01, 0x05, 0x00, 0x00, 0x12, 0x34});
  EXPECT_EQ(ask(half_on), "01 85 03 02 91");
  EXPECT_TRUE(wiring.pulses.empty());
}

TEST_F(Board, IsSilentForOthersAndForBrokenFrames) {
  EXPECT_EQ(ask(with_crc({0x02, 0x01, 0x00, 0x00, 0x00, 0x08})), "");
  const std::vector<std::byte> good = with_crc({0x01, 0x05, 0x02, 0x00, 0x00, 0x07});
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::vector<std::byte> bad = good;
      bad[i] ^= static_cast<std::byte>(1 << bit);
      EXPECT_EQ(ask(bad), "") << "byte " << i << " bit " << bit;
    }
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(ask(std::vector<std::byte>(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))), "") << size;
  }
  EXPECT_TRUE(wiring.pulses.empty());
}

// S10: what unlocks a door ends by itself, whatever becomes of the controller.
TEST_F(Board, AFlashEndsByItself) {
  const Instant now = Instant{} + Duration::seconds(10);
  ask("01 05 02 01 00 02 1C 73", now);
  ASSERT_EQ(wiring.pulses.size(), 1U);
  EXPECT_EQ(wiring.pulses[0].channel, 1);
  EXPECT_EQ(wiring.pulses[0].length.ms(), 200);
  EXPECT_EQ(board.relays(now + Duration::milliseconds(100)), 0b10);
  EXPECT_EQ(board.relays(now + Duration::milliseconds(201)), 0);
}

TEST_F(Board, ForgetsEverythingWithoutItsSupply) {
  ask("01 05 00 00 FF 00 8C 3A");
  EXPECT_EQ(board.relays({}), 1);
  board.power_cycle();
  EXPECT_EQ(board.relays({}), 0);
}

TEST_F(Board, RefusesControlModesThatNobodyWouldLookAfter) {
  EXPECT_EQ(ask(with_crc({0x01, 0x06, 0x10, 0x00, 0x00, 0x01})).substr(0, 8), "01 86 03");
  EXPECT_EQ(ask(with_crc({0x01, 0x06, 0x10, 0x00, 0x00, 0x00})).substr(0, 5), "01 06");
}

TEST_F(Board, ReportsItsInputs) {
  wiring.inputs = 0b1010'0101;
  EXPECT_EQ(ask("01 02 00 00 00 08 79 CC").substr(0, 11), "01 02 01 A5");
}

// 8 bytes of request, silence and the board's own time, then a byte every 1042 us.
TEST(Segment, BytesComeAtTheirTimes) {
  TraceHash hash;
  Wiring wiring;
  ModbusSegment segment(hash, wiring);
  segment.add_board(1);
  segment.attach({});
  const std::vector<std::byte> request = Board::with_crc({0x01, 0x02, 0x00, 0x00, 0x00, 0x08});
  hal::SerialBus& bus = segment;
  ASSERT_EQ(bus.send(request, {}, false), Status::kOk);
  const std::int64_t begins_us = 8 * ModbusSegment::kByteTimeUs + ModbusSegment::kReplyDelayUs;
  std::array<std::byte, 32> into{};
  EXPECT_EQ(bus.next_arrival(), Instant{begins_us + 6 * ModbusSegment::kByteTimeUs}) << "when all of it is there";
  EXPECT_EQ(bus.receive(into, Instant{begins_us}), 0U);
  for (std::size_t bytes = 1; bytes <= 6; ++bytes) {
    const Instant complete{begins_us + static_cast<std::int64_t>(bytes) * ModbusSegment::kByteTimeUs};
    EXPECT_EQ(bus.receive(into, Instant{complete.us - 1}), 0U) << bytes;
    EXPECT_EQ(bus.receive(into, complete), 1U) << bytes;
  }
  EXPECT_EQ(bus.next_arrival(), Instant::max());
}

TEST(Doors, ChatterAFewMillisecondsThenSayTheTruth) {
  Door door;
  door.shut = false;
  door.bounce_until = Instant{} + Duration::milliseconds(20);
  int shut = 0;
  for (int ms = 0; ms < 20; ++ms) {
    shut += door.switch_shut(Instant{} + Duration::milliseconds(ms)) ? 1 : 0;
  }
  EXPECT_GT(shut, 0);
  EXPECT_LT(shut, 20);
  EXPECT_FALSE(door.switch_shut(door.bounce_until));
}

TEST(Queue, SoonestFirstAndInOrderOfScheduling) {
  EventQueue queue;
  EXPECT_EQ(queue.next_time(), Instant::max());
  for (std::uint64_t i = 0; i < 100; ++i) {
    queue.schedule(Instant{static_cast<std::int64_t>(i * 7919 % 10)}, 1, 0, i);
  }
  WorldEvent before{};
  for (int i = 0; i < 100; ++i) {
    const WorldEvent event = queue.pop();
    if (i > 0) {
      EXPECT_TRUE(before.at < event.at || (before.at == event.at && before.argument < event.argument));
    }
    before = event;
  }
}

TEST(Queue, AnAlarmTakesThePlaceOfTheOneBeforeIt) {
  EventQueue queue;
  queue.set_alarm(Instant{10}, 1, 0);
  queue.schedule(Instant{30}, 2, 0, 1);
  queue.set_alarm(Instant{30}, 1, 2);  // Was set after the event at the same time, and so comes after it.
  queue.schedule(Instant{30}, 2, 0, 3);
  EXPECT_EQ(queue.next_time(), Instant{30});
  EventQueue restored;
  restored.restore(queue.events(), queue.next_order());
  for (EventQueue* it : {&queue, &restored}) {
    for (std::uint64_t i = 1; i <= 3; ++i) {
      EXPECT_EQ(it->pop().argument, i);
    }
    EXPECT_EQ(it->next_time(), Instant::max());
    it->set_alarm(Instant{40}, 1, 4);
    it->forget_alarm();
    EXPECT_EQ(it->next_time(), Instant::max());
  }
  restored.set_alarm(Instant{40}, 1, 4);
  EventQueue again;
  again.restore(restored.events(), restored.next_order());
  again.set_alarm(Instant{50}, 1, 5);
  EXPECT_EQ(again.pop().argument, 5U);
  EXPECT_EQ(again.next_time(), Instant::max());
}

TEST(Pipe, LosingTheNetworkLosesWhatIsUnderWay) {
  NetworkPipe pipe;
  hal::NetworkLink& link = pipe;
  ASSERT_EQ(link.connect(), Status::kOk);
  EXPECT_TRUE(pipe.wants_connection());
  pipe.connected();
  ASSERT_EQ(link.send(as_bytes("hello")), Status::kOk);
  EXPECT_EQ(pipe.outgoing().size(), 5U);
  pipe.consume_outgoing(2);
  EXPECT_EQ(pipe.outgoing().size(), 3U);
  pipe.deliver(as_bytes("answer"));
  std::array<std::byte, 4> into{};
  EXPECT_EQ(link.receive(into), 4U);
  pipe.set_reachable(false);
  EXPECT_FALSE(pipe.is_up());
  EXPECT_TRUE(pipe.outgoing().empty());
  EXPECT_EQ(link.receive(into), 0U);
}

struct Flash : ::testing::Test {
  static std::vector<std::byte> pattern(std::size_t size) { return std::vector<std::byte>(size, std::byte{0x5A}); }
  std::vector<std::byte> read(std::uint32_t address, std::size_t size) {
    std::vector<std::byte> bytes(size);
    EXPECT_EQ(flash().read(address, bytes), Status::kOk);
    return bytes;
  }
  hal::NorFlash& flash() { return device; }
  NorFlashDevice device{hal::FlashGeometry{}};
};

TEST_F(Flash, ProgramsAndErases) {
  ASSERT_EQ(flash().program(0, pattern(16)), Status::kOk);
  EXPECT_EQ(read(0, 16), pattern(16));
  ASSERT_EQ(flash().erase(0), Status::kOk);
  EXPECT_EQ(read(0, 16), std::vector<std::byte>(16, std::byte{0xFF}));
  EXPECT_EQ(device.erases_of(0), 1U);
}

TEST_F(Flash, ATornProgramLeavesWhatItsModeSays) {
  const std::vector<std::byte> blank(16, std::byte{0xFF});
  for (int mode = 0; mode < static_cast<int>(TearMode::kCount); ++mode) {
    SCOPED_TRACE(mode);
    NorFlashDevice torn{hal::FlashGeometry{}};
    hal::NorFlash& under_test = torn;
    torn.cut_after(0, static_cast<TearMode>(mode));
    EXPECT_EQ(under_test.program(0, pattern(16)), Status::kIo);
    EXPECT_TRUE(torn.is_cut());
    EXPECT_EQ(under_test.program(16, pattern(16)), Status::kIo) << "there is no power";
    torn.power_on();
    std::vector<std::byte> bytes(16);
    ASSERT_EQ(under_test.read(0, bytes), Status::kOk);
    switch (static_cast<TearMode>(mode)) {
      case TearMode::kNothing:
        EXPECT_EQ(bytes, blank);
        break;
      case TearMode::kComplete:
        EXPECT_EQ(bytes, pattern(16));
        break;
      case TearMode::kUnstable: {
        EXPECT_GE(torn.unstable_bits(), 1U);
        EXPECT_LE(torn.unstable_bits(), 4U);
        std::set<std::vector<std::byte>> readings;
        for (int i = 0; i < 50; ++i) {
          ASSERT_EQ(under_test.read(0, bytes), Status::kOk);
          readings.insert(bytes);
        }
        EXPECT_GT(readings.size(), 1U) << "it reads the same each time";
        EXPECT_LE(readings.size(), 16U);
        ASSERT_EQ(under_test.erase(0), Status::kOk);
        EXPECT_EQ(torn.unstable_bits(), 0U);
        break;
      }
      default:
        EXPECT_NE(bytes, blank) << mode;
        EXPECT_NE(bytes, pattern(16)) << mode;
        for (const std::byte value : bytes) {
          EXPECT_EQ(value & std::byte{0x5A}, std::byte{0x5A}) << "a bit fell that was not to fall";
        }
        break;
    }
  }
}

// What is torn off is what the mode says, at both ends, and the program's pattern is all zeros: each bit tells.
TEST_F(Flash, ATornProgramReachesTheBitsThatItsModeNames) {
  const std::vector<std::byte> zeros(64, std::byte{0});
  const auto torn = [&](TearMode mode, std::uint64_t seed) {
    NorFlashDevice part{hal::FlashGeometry{}};
    part.seed_chance(seed);
    part.cut_after(0, mode);
    EXPECT_EQ(static_cast<hal::NorFlash&>(part).program(0, zeros), Status::kIo);
    part.power_on();
    std::vector<std::byte> bytes(64);
    EXPECT_EQ(static_cast<hal::NorFlash&>(part).read(0, bytes), Status::kOk);
    return bytes;
  };
  const auto bits_done = [](const std::vector<std::byte>& bytes) {
    int done = 0;
    for (const std::byte value : bytes) {
      done += 8 - std::popcount(std::to_integer<unsigned>(value));
    }
    return done;
  };
  std::set<int> edges;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const auto bits = torn(TearMode::kPrefixBits, seed);
    const int done = bits_done(bits);
    for (int bit = 0; bit < 64 * 8; ++bit) {
      const bool fell =
          (bits[static_cast<std::size_t>(bit / 8)] & static_cast<std::byte>(1U << (bit % 8))) == std::byte{0};
      ASSERT_EQ(fell, bit < done) << "bit " << bit << " of seed " << seed;
    }
    edges.insert(done % 8);
    EXPECT_EQ(bits_done(torn(TearMode::kPrefixBits, seed)) + bits_done(torn(TearMode::kSuffixBits, seed)), 64 * 8);
    EXPECT_EQ(bits_done(torn(TearMode::kPrefix, seed)) % 8, 0);
    EXPECT_LT(bits_done(torn(TearMode::kFewBits, seed)), 64 * 8 / 3);
    EXPECT_GT(bits_done(torn(TearMode::kMostBits, seed)), 64 * 8 * 2 / 3);
  }
  EXPECT_GE(edges.size(), 6U) << "the edge is always at the same place in a byte";
  EXPECT_EQ(torn(TearMode::kHighNibbles, 1), std::vector<std::byte>(64, std::byte{0x0F}));
  EXPECT_EQ(torn(TearMode::kLowNibbles, 1), std::vector<std::byte>(64, std::byte{0xF0}));
  const auto interleaved = torn(TearMode::kInterleaved, 1);
  EXPECT_EQ(interleaved[0], std::byte{0});
  EXPECT_EQ(interleaved[1], std::byte{0xFF});
  EXPECT_EQ(bits_done(interleaved), 64 * 8 / 2);
}

TEST_F(Flash, ATornEraseLeavesWhatItsModeSays) {
  constexpr std::size_t kSize = 4096;
  std::set<std::vector<std::byte>> images;
  for (int mode = 0; mode < static_cast<int>(TearMode::kCount); ++mode) {
    SCOPED_TRACE(mode);
    NorFlashDevice torn{hal::FlashGeometry{}};
    hal::NorFlash& under_test = torn;
    for (std::uint32_t page = 0; page < kSize; page += 256) {
      ASSERT_EQ(under_test.program(page, std::vector<std::byte>(256, std::byte{0})), Status::kOk);
    }
    torn.cut_after(0, static_cast<TearMode>(mode));
    EXPECT_EQ(under_test.erase(0), Status::kIo);
    torn.power_on();
    const auto unstable = torn.unstable_bits();
    torn.mended();  // To see the cells.
    std::vector<std::byte> bytes(kSize);
    ASSERT_EQ(under_test.read(0, bytes), Status::kOk);
    const auto erased = std::count(bytes.begin(), bytes.end(), std::byte{0xFF});
    switch (static_cast<TearMode>(mode)) {
      case TearMode::kNothing:
        EXPECT_EQ(erased, 0);
        break;
      case TearMode::kPrefix:
        EXPECT_EQ(erased, static_cast<std::ptrdiff_t>(kSize - 256));
        EXPECT_EQ(bytes[255], std::byte{0});
        break;
      case TearMode::kSuffix:
      case TearMode::kInterleaved:
        EXPECT_EQ(erased, static_cast<std::ptrdiff_t>(kSize / 2));
        break;
      case TearMode::kComplete:
        EXPECT_EQ(erased, static_cast<std::ptrdiff_t>(kSize));
        break;
      case TearMode::kUnstable:
        EXPECT_EQ(erased, static_cast<std::ptrdiff_t>(kSize));
        EXPECT_GE(unstable, 1U);
        break;
      default:
        EXPECT_LT(erased, static_cast<std::ptrdiff_t>(kSize));
        EXPECT_NE(bytes, std::vector<std::byte>(kSize, std::byte{0}));
        break;
    }
    images.insert(bytes);
  }
  EXPECT_EQ(images.size(), static_cast<std::size_t>(TearMode::kCount) - 1)
      << "two modes leave the same";  // Unstable: as complete.
}

TEST_F(Flash, AHostileTearHitsWhatWasThereBefore) {
  ASSERT_EQ(flash().program(0, pattern(16)), Status::kOk);
  ASSERT_EQ(flash().program(256, pattern(16)), Status::kOk);
  bool hit = false;
  for (std::uint64_t seed = 1; seed <= 200 && !hit; ++seed) {
    NorFlashDevice torn = device;
    torn.seed_chance(seed);
    torn.cut_after(0, TearMode::kNeighbours);
    ASSERT_EQ(static_cast<hal::NorFlash&>(torn).program(16, pattern(16)), Status::kIo);
    torn.power_on();
    std::vector<std::byte> before(16);
    ASSERT_EQ(static_cast<hal::NorFlash&>(torn).read(0, before), Status::kOk);
    hit = before != pattern(16);
    ASSERT_EQ(static_cast<hal::NorFlash&>(torn).read(256, before), Status::kOk);
    EXPECT_EQ(before, pattern(16)) << "of another page";
  }
  EXPECT_TRUE(hit);
  EXPECT_EQ(read(0, 16), pattern(16)) << "a copy shares what is written to it";
}

TEST_F(Flash, StuckBitsStayAsTheyAre) {
  device.stick(3, std::byte{0x11}, std::byte{0x10});
  EXPECT_EQ(read(3, 1)[0], std::byte{0xFE});
  ASSERT_EQ(flash().program(0, std::vector<std::byte>(16, std::byte{0})), Status::kOk);
  EXPECT_EQ(read(3, 1)[0], std::byte{0x10});
  ASSERT_EQ(flash().erase(0), Status::kOk);
  EXPECT_EQ(read(3, 1)[0], std::byte{0xFE});
  device.mended();
  ASSERT_EQ(flash().erase(0), Status::kOk);
  EXPECT_EQ(read(3, 1)[0], std::byte{0xFF});
}

TEST_F(Flash, ReadsDisturbTheirSectorAndRotHitsWhatIsWritten) {
  EXPECT_EQ(device.rot(3), 0U) << "nothing is written";
  ASSERT_EQ(flash().program(0, std::vector<std::byte>(256, std::byte{0xFF})), Status::kOk);
  device.disturb_reads(10);
  const auto disturbed = [&] {
    std::vector<std::byte> bytes(4096);
    EXPECT_EQ(flash().read(0, bytes), Status::kOk);
    int bits = 0;
    for (const std::byte value : bytes) {
      bits += std::popcount(0xFF ^ std::to_integer<unsigned>(value));
    }
    return bits;
  };
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(disturbed(), 0);
  }
  (void)disturbed();
  EXPECT_EQ(disturbed(), 1);
  device.mended();
  EXPECT_EQ(device.rot(1), 1U);
  EXPECT_EQ(disturbed() % 2, 0) << "one bit more or one less";
  ASSERT_EQ(flash().erase(0), Status::kOk);
  EXPECT_EQ(disturbed(), 0);
}

TEST_F(Flash, AWornSectorFailsAndTheOthersDoNot) {
  ASSERT_EQ(flash().program(0, pattern(16)), Status::kOk);
  device.wear_out(0, false, true);
  device.wear_out(1, true, false);
  EXPECT_EQ(flash().erase(0), Status::kIo);
  EXPECT_EQ(flash().program(256, pattern(16)), Status::kOk);
  EXPECT_EQ(flash().erase(1), Status::kOk);
  EXPECT_EQ(flash().program(4096, pattern(16)), Status::kIo);
  EXPECT_NE(read(4096, 16), pattern(16));
  EXPECT_EQ(flash().erase(2), Status::kOk);
  EXPECT_EQ(flash().program(8192, pattern(16)), Status::kOk);
  EXPECT_EQ(read(8192, 16), pattern(16));
}

TEST_F(Flash, AnAbsentPartReadsAsItsLine) {
  ASSERT_EQ(flash().program(0, pattern(16)), Status::kOk);
  device.make_absent(emulator::AbsentReads::kOnes);
  EXPECT_EQ(read(0, 16), std::vector<std::byte>(16, std::byte{0xFF}));
  EXPECT_EQ(flash().program(16, pattern(16)), Status::kIo);
  EXPECT_EQ(flash().erase(0), Status::kIo);
  device.make_absent(emulator::AbsentReads::kZeros);
  EXPECT_EQ(read(0, 16), std::vector<std::byte>(16, std::byte{0}));
  EXPECT_EQ(flash().program(16, pattern(16)), Status::kOk);
  EXPECT_EQ(flash().erase(0), Status::kOk);
  device.mended();
  EXPECT_EQ(read(0, 16), pattern(16)) << "nothing reached it";
}

TEST_F(Flash, AWriteProtectedPartSaysThatItWritesAndDoesNot) {
  ASSERT_EQ(flash().program(0, pattern(16)), Status::kOk);
  device.write_protect();
  EXPECT_EQ(flash().program(16, pattern(16)), Status::kOk);
  EXPECT_EQ(flash().erase(0), Status::kOk);
  EXPECT_EQ(read(0, 16), pattern(16));
  EXPECT_EQ(read(16, 16), std::vector<std::byte>(16, std::byte{0xFF}));
  device.mended();
  EXPECT_EQ(flash().program(16, pattern(16)), Status::kOk);
  EXPECT_EQ(read(16, 16), pattern(16));
}

TEST_F(Flash, AnImageComesBack) {
  ASSERT_EQ(flash().program(4096, pattern(32)), Status::kOk);
  std::vector<std::byte> blob;
  device.save(blob);
  NorFlashDevice other{hal::FlashGeometry{}};
  Bytes rest(blob);
  ASSERT_TRUE(other.load(rest));
  EXPECT_TRUE(rest.empty());
  std::vector<std::byte> bytes(32);
  hal::NorFlash& loaded = other;
  ASSERT_EQ(loaded.read(4096, bytes), Status::kOk);
  EXPECT_EQ(bytes, pattern(32));
  for (std::size_t size = 0; size < blob.size(); size += 97) {
    Bytes part = Bytes(blob).first(size);
    NorFlashDevice cut{hal::FlashGeometry{}};
    EXPECT_FALSE(cut.load(part)) << size;
  }
}

}  // namespace
}  // namespace cubby::emulator

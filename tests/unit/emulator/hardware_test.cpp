// The parts of a station, each by itself.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "emulator/hardware/door.h"
#include "emulator/hardware/network_pipe.h"
#include "emulator/hardware/nor_flash_device.h"
#include "emulator/hardware/serial_segment.h"
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
  SerialSegment segment(hash, wiring);
  segment.add_board(1);
  segment.attach({});
  const std::vector<std::byte> request = Board::with_crc({0x01, 0x02, 0x00, 0x00, 0x00, 0x08});
  hal::SerialBus& bus = segment;
  ASSERT_EQ(bus.send(request, {}, false), Status::kOk);
  const std::int64_t begins_us = 8 * SerialSegment::kByteTimeUs + SerialSegment::kReplyDelayUs;
  std::array<std::byte, 32> into{};
  EXPECT_EQ(bus.next_arrival(), Instant{begins_us + 6 * SerialSegment::kByteTimeUs}) << "when all of it is there";
  EXPECT_EQ(bus.receive(into, Instant{begins_us}), 0U);
  for (std::size_t bytes = 1; bytes <= 6; ++bytes) {
    const Instant complete{begins_us + static_cast<std::int64_t>(bytes) * SerialSegment::kByteTimeUs};
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

// P5, the Modbus RTU board at its wires: silence that ends frames, control modes, coils that follow relays. What the
// frames say is tested in tests/unit/emulator/hardware_test.cpp too.
#include <gtest/gtest.h>

#include "emulator/hardware/modbus_board.h"
#include "unit/boards/bench.h"

namespace cubby::emulator {
namespace {

constexpr BoardFamily kP5 = BoardFamily::kP5;
using Doors = std::vector<std::size_t>;

TEST(BoardP5, RepliesAfterThreeAndAHalfCharactersAndItsOwnTime) {
  const std::vector<std::pair<std::string, std::int64_t>> rates{{"9600", 6'010}, {"19200", 4'005}, {"57600", 3'750}};
  for (const auto& [baud, after_us] : rates) {
    Bench bench(kP5, {"baud=" + baud});
    expect_about(bench.answer_after_us("01 01 00 00 00 08"), after_us, 10);
  }
}

TEST(BoardP5, SilenceAloneEndsAFrame) {
  Bench bench(kP5);
  const std::string good = "01 01 00 00 00 08 3D CC";
  EXPECT_EQ(bench.ask(good + " " + good), "") << "two frames glued together are none";
  EXPECT_EQ(bench.ask("01 " + good), "");
  bench.ask("01 05 00", 8);
  EXPECT_EQ(bench.ask(good), "01 01 01 00 51 88") << "what was begun before the silence is gone";
  EXPECT_EQ(bench.ask(Bytes(std::vector<std::byte>(300, std::byte{1}))), "");
  EXPECT_EQ(bench.ask(good), "01 01 01 00 51 88");
}

TEST(BoardP5, ReadsItsDoorSwitchesAsTheyAreWired) {
  Bench one(kP5, {"closed_bit=1"});
  Bench zero(kP5, {"closed_bit=0"});
  for (Bench* bench : {&one, &zero}) {
    bench->force(3);
  }
  EXPECT_EQ(one.ask_sealed("01 02 00 00 00 08"), one.seal("01 02 01 FB"));
  EXPECT_EQ(zero.ask_sealed("01 02 00 00 00 08"), zero.seal("01 02 01 04"));
  EXPECT_EQ(one.ask_sealed("01 02 00 02 00 02"), one.seal("01 02 01 02"));
}

TEST(BoardP5, ARelayThatIsOnHeatsItsCoilUntilItIsSwitchedOff) {
  Bench bench(kP5);
  bench.ask_sealed("01 05 00 01 FF 00", 5'000);
  EXPECT_EQ(bench.doors().coils_on(), 1U);
  EXPECT_EQ(bench.open_doors(), Doors{2});
  bench.ask_sealed("01 05 00 01 00 00", 50);
  EXPECT_EQ(bench.doors().coils_on(), 0U);
  bench.ask_sealed("01 05 00 01 55 00", 30'000);
  EXPECT_TRUE(bench.doors().door(1).burnt);
}

TEST(BoardP5, AFlashEndsByItself) {
  Bench bench(kP5);
  bench.ask_sealed("01 05 02 04 00 07", 690);
  EXPECT_EQ(bench.doors().coils_on(), 1U);
  bench.wait(50);
  EXPECT_EQ(bench.doors().coils_on(), 0U);
  EXPECT_EQ(bench.open_doors(), Doors{5});
}

TEST(BoardP5, AFlashOffSwitchesOffForItsTimeOnly) {
  Bench bench(kP5);
  bench.ask_sealed("01 05 00 00 FF 00", 100);
  bench.ask_sealed("01 05 04 00 00 03", 200);
  EXPECT_EQ(bench.doors().coils_on(), 0U);
  EXPECT_EQ(bench.ask_sealed("01 01 00 00 00 08", 50), bench.seal("01 01 01 00"));
  bench.wait(200);
  EXPECT_EQ(bench.doors().coils_on(), 1U);
  EXPECT_EQ(bench.ask_sealed("01 01 00 00 00 08", 50), bench.seal("01 01 01 01"));
}

TEST(BoardP5, SwitchesAllAndSeveralAtOnce) {
  Bench bench(kP5);
  bench.ask_sealed("01 05 00 FF FF 00", 100);
  EXPECT_EQ(bench.doors().coils_on(), 8U);
  bench.ask_sealed("01 05 00 FF 55 00", 100);
  EXPECT_EQ(bench.doors().coils_on(), 0U);
  bench.ask_sealed("01 0F 00 00 00 08 01 A5", 100);
  EXPECT_EQ(bench.ask_sealed("01 01 00 00 00 08", 100), bench.seal("01 01 01 A5"));
  bench.ask_sealed("01 0F 00 02 00 02 01 03", 100);
  EXPECT_EQ(bench.ask_sealed("01 01 00 00 00 08", 100), bench.seal("01 01 01 AD"));
  bench.ask_sealed("01 05 00 FF 00 00", 100);
  EXPECT_EQ(bench.doors().coils_on(), 0U);
}

TEST(BoardP5, ALinkedRelayFollowsItsInput) {
  Bench bench(kP5, {"closed_bit=0"});
  EXPECT_EQ(bench.ask_sealed("01 06 10 03 00 01", 100), bench.seal("01 06 10 03 00 01"));
  EXPECT_EQ(bench.ask_sealed("01 01 00 00 00 08", 100), bench.seal("01 01 01 00"));
  bench.force(4);
  EXPECT_EQ(bench.ask_sealed("01 01 00 00 00 08", 100), bench.seal("01 01 01 08")) << "its input is 1 while it is open";
  EXPECT_EQ(bench.doors().coils_on(), 1U);
  bench.ask_sealed("01 05 00 03 00 00", 100);
  EXPECT_EQ(bench.ask_sealed("01 01 00 00 00 08", 100), bench.seal("01 01 01 08")) << "the input wins";
}

// 8 ms of chatter are seen by a board that looks every 10 ms at most once; the door's own test covers longer ones.
TEST(BoardP5, AToggledRelayFlipsWhenItsInputRisesAndAnEdgeOneAtEveryChange) {
  for (const char* mode : {"02", "03"}) {
    Probe probe(kP5);
    EXPECT_EQ(to_hex(probe.feed(sealed(kP5, "01 06 10 00 00 " + std::string(mode)))),
              sealed_text(kP5, "01 06 10 00 00 " + std::string(mode)));
    EXPECT_TRUE(probe.pulses.empty()) << "setting a mode is no edge";
  }
  class Input final : public BoardWiring {
   public:
    bool input(std::uint8_t, std::uint8_t, Instant) override { return level; }
    void coil_on(std::uint8_t, std::uint8_t, Instant, Duration) override {}
    bool level = false;
  };
  const std::vector<std::pair<std::string, std::vector<int>>> modes{{"02", {1, 1, 0}}, {"03", {1, 0, 1}}};
  for (const auto& [mode, relays] : modes) {
    Input wires;
    ModbusBoard board(wires, 0, 1);
    board.support_control_modes();
    std::array<std::byte, ModbusBoard::kReplyMax> reply{};
    ASSERT_NE(board.on_frame(sealed(kP5, "01 06 10 00 00 " + mode), {}, reply), 0U);
    for (const int relay : relays) {
      wires.level = !wires.level;
      board.sample_inputs({});
      board.sample_inputs({});
      EXPECT_EQ(board.relays({}) & 1, relay) << "mode " << mode;
    }
  }
}

TEST(BoardP5, ControlModesAreReadBackAndLostWithThePower) {
  Bench bench(kP5);
  EXPECT_EQ(bench.ask_sealed("01 10 10 00 00 02 04 00 01 00 03"), bench.seal("01 10 10 00 00 02"));
  EXPECT_EQ(bench.ask_sealed("01 03 10 00 00 03"), bench.seal("01 03 06 00 01 00 03 00 00"));
  bench.cabinet.power_cycle(bench.now);
  bench.wait(300);
  EXPECT_EQ(bench.ask_sealed("01 03 10 00 00 03"), bench.seal("01 03 06 00 00 00 00 00 00"));
  EXPECT_EQ(bench.doors().coils_on(), 0U);
}

TEST(BoardP5, RefusesWhatARealOneRefuses) {
  Bench bench(kP5);
  const std::vector<std::pair<const char*, const char*>> refusals{
      {"01 04 00 00 00 01", "01 84 01"},                 // A function it does not have.
      {"01 01 00 08 00 01", "01 81 02"},                 // Relays are 0 to 7.
      {"01 02 00 01 00 08", "01 82 02"},                 //
      {"01 01 00 00 00 00", "01 81 03"},                 // Nothing asked for.
      {"01 05 00 08 FF 00", "01 85 02"},                 //
      {"01 05 00 00 12 34", "01 85 03"},                 //
      {"01 05 02 00 80 00", "01 85 03"},                 // 7FFF is the longest flash.
      {"01 0F 00 04 00 08 01 FF", "01 8F 02"},           //
      {"01 0F 00 00 00 09 02 FF 01", "01 8F 02"},        // Nine relays are a good question to a larger board.
      {"01 0F 00 00 00 08 02 FF 01", "01 8F 03"},        // Bytes do not fit the count.
      {"01 0F 00 00 00 09 01 FF", "01 8F 03"},           //
      {"01 0F 00 00 00 08 01 FF 01", "01 8F 03"},        // Bytes do not fit the frame.
      {"01 0F 00 00 00 00 00", "01 8F 03"},              //
      {"01 0F 00 00 00 00 01 FF", "01 8F 03"},           //
      {"01 03 20 00 00 01", "01 83 02"},                 // No such register.
      {"01 06 10 00 00 04", "01 86 03"},                 // No fourth mode.
      {"01 06 10 08 00 01", "01 86 02"},                 //
      {"01 10 10 00 00 02 04 00 01 00 04", "01 90 03"},  // Then the first is not set either.
      {"01 10 10 07 00 02 04 00 01 00 01", "01 90 02"},  //
      {"01 10 10 00 00 02 03 00 01 00", "01 90 03"},     // Bytes do not fit the count.
  };
  for (const auto& [request, reply] : refusals) {
    EXPECT_EQ(bench.ask_sealed(request), bench.seal(reply)) << request;
  }
  for (const auto& [count, code] : {std::pair{0x7B0, "02"}, std::pair{0x7B1, "03"}}) {
    const int size = (count + 7) / 8;
    std::string request = "01 0F 00 00 " + to_hex(frame_of(count >> 8, count & 0xFF, size));
    for (int i = 0; i < size; ++i) {
      request += " FF";
    }
    EXPECT_EQ(bench.ask_sealed(request), bench.seal("01 8F " + std::string(code))) << count << " relays";
  }
  EXPECT_EQ(bench.ask_sealed("01 03 10 00 00 01"), bench.seal("01 03 02 00 00"));
  EXPECT_TRUE(bench.open_doors().empty());
}

TEST(BoardP5, ObeysABroadcastWithoutAWord) {
  Bench bench(kP5, {"address=9"});
  EXPECT_EQ(bench.ask_sealed("00 05 02 00 00 03"), "");
  EXPECT_EQ(bench.open_doors(), Doors{1});
  EXPECT_EQ(bench.ask_sealed("01 05 02 01 00 03"), "") << "another address";
  EXPECT_EQ(bench.open_doors(), Doors{1});
  EXPECT_NE(bench.ask_sealed("09 01 00 00 00 08"), "");
}

TEST(BoardP5, EchoGarbageAndBusyAreAsTheProfileSays) {
  Bench echoing(kP5, {"local_echo=on"});
  EXPECT_EQ(echoing.ask("01 01 00 00 00 08 3D CC"), "01 01 00 00 00 08 3D CC 01 01 01 00 51 88");
  Bench dirty(kP5, {"garbage_prefix=on"});
  EXPECT_EQ(dirty.ask("01 01 00 00 00 08 3D CC"), "FA FD 99 99 01 01 01 00 51 88");
  Bench busy(kP5, {"busy_after_unlock_ms=200"});
  EXPECT_EQ(busy.ask_sealed("01 05 02 00 00 01", 50), "") << "the echo waits too";
  EXPECT_EQ(busy.ask("01 01 00 00 00 08 3D CC", 100), "");
  EXPECT_EQ(busy.hears(100), busy.seal("01 05 02 00 00 01"));
  EXPECT_NE(busy.ask("01 01 00 00 00 08 3D CC", 100), "");
}

TEST(BoardP5, NoiseNeverUnlocks) {
  Probe probe(kP5);
  Prng prng(99);
  for (int frame = 0; frame < 20'000; ++frame) {
    std::vector<std::byte> bytes = sealed(kP5, "01 05 02 00 00 07");
    // A burst of up to 16 bits, which a CRC-16 always sees.
    const std::size_t at = prng.below(bytes.size() - 1);
    const std::uint64_t flips = 1 + prng.below(0xFFFF);
    bytes[at] ^= static_cast<std::byte>(flips & 0xFF);
    bytes[at + 1] ^= static_cast<std::byte>(flips >> 8);
    ASSERT_TRUE(probe.feed(bytes, 20).empty()) << to_hex(bytes);
  }
  EXPECT_TRUE(probe.pulses.empty());
}

}  // namespace
}  // namespace cubby::emulator

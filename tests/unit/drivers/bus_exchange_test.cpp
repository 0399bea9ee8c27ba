#include "firmware/drivers/bus_exchange.h"

#include <gtest/gtest.h>

#include <string>

#include "support/fake_bus.h"

namespace cubby::drivers {
namespace {

using tests::FakeBus;

std::string hex(const std::vector<std::byte>& bytes) {
  std::string text;
  for (const std::byte value : bytes) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    text += text.empty() ? "" : " ";
    text += kDigits[std::to_integer<unsigned>(value) >> 4];
    text += kDigits[std::to_integer<unsigned>(value) & 15];
  }
  return text;
}

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) {
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

struct World {
  FakeBus bus;
  BusExchange exchange{bus};
  BoardSettings board;
  Instant now{1'000'000};

  explicit World(std::uint8_t channels = 8, Duration pulse = Duration::milliseconds(200)) {
    bus.add_board(1, channels);
    board.channels = channels;
    board.pulse_ms = static_cast<std::uint16_t>(pulse.ms());
  }
  Status all_off() { return exchange.start(board, {.kind = Request::Kind::kAllOff}, now, false); }
  Status read() { return exchange.start(board, {.kind = Request::Kind::kRead}, now, true); }
  Status unlock(std::uint8_t channel) {
    return exchange.start(board, {.kind = Request::Kind::kUnlock, .channel = channel}, now, false);
  }
  Exchange finish() {
    Exchange outcome = exchange.tick(now);
    while (outcome == Exchange::kWaiting) {
      now = exchange.wake();
      outcome = exchange.tick(now);
    }
    return outcome;
  }
};

// Frames of tests/vectors/lock_boards.json, dialect P5.
TEST(BusExchange, SendsTheUnlockOfTheGoldenVector) {
  World world;
  ASSERT_EQ(world.unlock(1), Status::kOk);
  EXPECT_EQ(hex(world.bus.frames().back().bytes), "01 05 02 01 00 02 1C 73");
  EXPECT_EQ(world.finish(), Exchange::kDone);
}

TEST(BusExchange, SendsTheUnlockOfTheManual) {
  World world(8, Duration::milliseconds(700));
  ASSERT_EQ(world.unlock(0), Status::kOk);
  EXPECT_EQ(hex(world.bus.frames().back().bytes), "01 05 02 00 00 07 8D B0");
}

TEST(BusExchange, SendsTheReadAndTheAllOffOfTheManual) {
  World world;
  ASSERT_EQ(world.read(), Status::kOk);
  EXPECT_EQ(hex(world.bus.frames().back().bytes), "01 02 00 00 00 08 79 CC");
  EXPECT_TRUE(world.bus.frames().back().idle);
  EXPECT_EQ(world.finish(), Exchange::kDone);
  world.now = world.now + Duration::seconds(1);
  ASSERT_EQ(world.all_off(), Status::kOk);
  EXPECT_EQ(hex(world.bus.frames().back().bytes).substr(0, 17), "01 05 00 FF 00 00");
  EXPECT_EQ(world.finish(), Exchange::kDone);
  EXPECT_EQ(world.bus.board(1).all_off, 1);
}

TEST(BusExchange, ReadsEverySwitchOfAWideBoard) {
  World world(50);
  world.bus.move_door(1, 0, false, Instant{});
  world.bus.move_door(1, 33, false, Instant{});
  world.bus.move_door(1, 49, false, Instant{});
  ASSERT_EQ(world.read(), Status::kOk);
  ASSERT_EQ(world.finish(), Exchange::kDone);
  const auto all = (std::uint64_t{1} << 50) - 1;
  EXPECT_EQ(world.exchange.inputs(), all & ~(std::uint64_t{1} | std::uint64_t{1} << 33 | std::uint64_t{1} << 49));
}

TEST(BusExchange, SaysRefusedWhenTheBoardAnswersWithAnException) {
  World world;
  world.bus.board(1).refuses = true;
  ASSERT_EQ(world.unlock(0), Status::kOk);
  EXPECT_EQ(world.finish(), Exchange::kRefused);
}

TEST(BusExchange, TakesTheExceptionOfTheGoldenVector) {
  World world;
  world.bus.board(1).silent = true;
  ASSERT_EQ(world.unlock(0), Status::kOk);
  world.bus.babble(bytes_of({0x01, 0x85, 0x03, 0x02, 0x91}), world.now + Duration::milliseconds(15));
  EXPECT_EQ(world.finish(), Exchange::kRefused);
}

TEST(BusExchange, TellsNotSentFromUnknown) {
  World world;
  world.bus.fail_next_send(Status::kNotSent);
  EXPECT_EQ(world.unlock(0), Status::kNotSent);
  EXPECT_EQ(world.exchange.tick(world.now), Exchange::kNone);
  world.bus.board(1).silent = true;
  ASSERT_EQ(world.unlock(0), Status::kOk);
  EXPECT_EQ(world.finish(), Exchange::kUnknown);
  EXPECT_EQ(world.bus.unlocks().size(), 1U);  // Never again by itself.
}

TEST(BusExchange, NeverTakesALateReplyForTheNextAnswer) {
  World world;
  world.bus.delay_replies(Duration::milliseconds(60));
  ASSERT_EQ(world.read(), Status::kOk);
  ASSERT_EQ(world.finish(), Exchange::kUnknown);
  // The late reply ("all shut") is in the receiver; the board is silent from now on.
  world.bus.board(1).silent = true;
  world.now = world.now + Duration::milliseconds(60);
  ASSERT_EQ(world.read(), Status::kOk);
  EXPECT_EQ(world.finish(), Exchange::kUnknown);
}

TEST(BusExchange, NeverTakesAForeignReply) {
  World world;
  world.bus.board(1).silent = true;
  ASSERT_EQ(world.unlock(3), Status::kOk);
  // A read's answer, another board's echo, another channel's echo, each with a true checksum.
  world.bus.babble(bytes_of({0x01, 0x02, 0x01, 0x00, 0xA1, 0x88}), world.now + Duration::milliseconds(10));
  world.bus.babble(bytes_of({0x01, 0x05, 0x02, 0x01, 0x00, 0x02, 0x1C, 0x73}), world.now + Duration::milliseconds(17));
  EXPECT_EQ(world.finish(), Exchange::kUnknown);
}

TEST(BusExchange, FindsTheReplyBehindGarbage) {
  World world;
  ASSERT_EQ(world.read(), Status::kOk);
  std::vector<std::byte> noise(40, std::byte{0x01});
  world.bus.board(1).silent = true;
  world.bus.babble(noise, world.now + Duration::milliseconds(1));
  world.bus.babble(bytes_of({0x01, 0x02, 0x01, 0xFE, 0x20, 0x08}), world.now + Duration::milliseconds(43));
  const auto outcome = world.finish();
  EXPECT_EQ(outcome, Exchange::kDone);
}

TEST(BusExchange, TakesNoReplyWithAFlippedBit) {
  World world;
  world.bus.spoil_next_reply();
  ASSERT_EQ(world.read(), Status::kOk);
  EXPECT_EQ(world.finish(), Exchange::kUnknown);
}

}  // namespace
}  // namespace cubby::drivers

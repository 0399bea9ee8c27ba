// The wire between a host and its boards, and what goes wrong on it.
#include <gtest/gtest.h>

#include <bit>

#include "unit/boards/line_bench.h"

namespace cubby::emulator {
namespace {

TEST(SerialLine, BoardsMoveTheCoilsOfTheWiringThatTheyWereGiven) {
  SerialLine line({});
  Wires left;
  Wires right;
  ASSERT_EQ(line.add_board(kP1, left), "");
  ASSERT_EQ(line.add_board(profile_of(BoardFamily::kP1, {"address=2"}), right), "");
  line.host_sends(sealed(BoardFamily::kP1, "8A 02 03 11"), Instant{});
  line.advance(Instant{} + Duration::seconds(1));
  EXPECT_TRUE(left.changes.empty());
  ASSERT_EQ(right.changes.size(), 2U);
  EXPECT_EQ(right.changes[0].board, 1);
  EXPECT_EQ(right.changes[0].channel, 2);
  EXPECT_EQ((right.changes[1].at - right.changes[0].at).ms(), 300);
}

TEST(SerialLine, SaysWhenTheLastByteThatIsUnderWayWillBeThere) {
  LineBench bench({kP1});
  EXPECT_EQ(bench.line.host_last_arrival(), Instant::max());
  bench.line.host_sends(from_hex(kAsk), bench.now);
  const Instant end = bench.now + Duration::microseconds(10 * 1042 + 10'000);
  bench.line.advance(bench.now + Duration::microseconds(5 * 1042));
  EXPECT_EQ(bench.line.host_last_arrival(), Instant::max()) << "the board thinks, nothing is under way";
  bench.line.advance(end - Duration::milliseconds(3));
  EXPECT_EQ(bench.line.host_last_arrival(), end);
  bench.line.advance(end);
  EXPECT_EQ(bench.line.host_last_arrival(), end) << "it is there and was not taken";
  EXPECT_EQ(to_hex(bench.line.host_hears(end)), kAnswer);
  EXPECT_EQ(bench.line.host_last_arrival(), Instant::max());
}

TEST(SerialLine, AnEchoCanBeSwitchedOnAndIsUnderWayLikeAnAnswer) {
  LineBench bench({kP1});
  bench.line.set_local_echo(true);
  bench.line.host_sends(from_hex(kNobody), bench.now);
  EXPECT_EQ(bench.line.host_last_arrival(), bench.now + Duration::microseconds(5 * 1042));
  bench.wait(100);
  EXPECT_EQ(to_hex(bench.line.host_hears(bench.now)), kNobody);
  bench.line.set_local_echo(false);
  EXPECT_EQ(bench.ask(kNobody), "");
}

TEST(SerialLine, KeepsNoBurstsForNobody) {
  SerialLineOptions options;
  options.keeps_bursts = false;
  LineBench bench({kP1}, options);
  EXPECT_EQ(bench.ask(kAsk), kAnswer);
  EXPECT_TRUE(bench.line.take_bursts().empty());
}

TEST(SerialLine, NoiseIsReadFromWordsAndRefusedWithWhatIsAllowed) {
  NoiseRates rates;
  EXPECT_EQ(to_string(rates), "off");
  EXPECT_EQ(apply_noise(rates, "1000"), "");
  EXPECT_EQ(to_string(rates), "flip=1000");
  EXPECT_EQ(apply_noise(rates, "drop=500,glue=1000000"), "");
  EXPECT_EQ(apply_noise(rates, "double=1,burst=2,drop=0"), "");
  EXPECT_EQ(to_string(rates), "flip=1000,burst=2,double=1,glue=1000000");
  for (const char* wrong : {"", "flip", "flip=", "flip=-1", "flip=1e3", "flip=1000001", "flip=1,", ",flip=1", "hum=1",
                            "=1", "flip=1 ", "1000001", "flip=1,off"}) {
    EXPECT_NE(apply_noise(rates, wrong), "") << wrong;
  }
  EXPECT_EQ(apply_noise(rates, "hum=1"),
            "'hum=1' is not kind=rate; noise has flip, burst, drop, double and glue, or is off");
  EXPECT_EQ(apply_noise(rates, "drop=3,flip=x"), "flip=x: noise takes a whole number from 0 to 1000000");
  EXPECT_EQ(apply_noise(rates, "1000001"), "1000001: noise takes a whole number from 0 to 1000000");
  EXPECT_EQ(to_string(rates), "flip=1000,burst=2,double=1,glue=1000000") << "nothing was changed";
  EXPECT_EQ(apply_noise(rates, "off"), "");
  EXPECT_EQ(to_string(rates), "off");
}

/// Bytes of talks as they were heard, beside what was said.
struct Wrong {
  std::size_t talks = 0;
  std::size_t bytes = 0;  // That were changed.
  std::size_t bits = 0;
  std::size_t longest = 0;  // Changed ones in a row.
};

Wrong compare(const std::vector<Burst>& bursts, bool from_host, const std::string& said) {
  const std::vector<std::byte> bytes = from_hex(said);
  Wrong wrong;
  std::size_t row = 0;
  for (const Burst& burst : bursts) {
    if ((burst.who == kHostTalks) != from_host || burst.bytes.size() != bytes.size()) {
      continue;
    }
    ++wrong.talks;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const auto changed = static_cast<unsigned>(burst.bytes[i] ^ bytes[i]);
      row = changed != 0 ? row + 1 : 0;
      wrong.longest = std::max(wrong.longest, row);
      wrong.bytes += changed != 0 ? 1 : 0;
      wrong.bits += static_cast<std::size_t>(std::popcount(changed));
      EXPECT_TRUE(changed == 0 || burst.spoiled);
    }
  }
  return wrong;
}

TEST(SerialLine, FlipsOneBitOfAsManyBytesAsTheRateSaysBothWays) {
  LineBench bench({kP1});
  bench.set("flip=10000");
  for (int i = 0; i < 2'000; ++i) {
    bench.ask(kAsk, 50);
  }
  const std::vector<Burst> bursts = bench.line.take_bursts();
  const Wrong host = compare(bursts, true, kAsk);
  const Wrong board = compare(bursts, false, kAnswer);
  expect_about(static_cast<std::int64_t>(host.bytes), 100, 40);
  expect_about(static_cast<std::int64_t>(board.bytes), 95, 40);
  EXPECT_EQ(host.bits + board.bits, host.bytes + board.bytes);
  EXPECT_EQ(bench.line.counts().of(NoiseKind::kFlip), host.bytes + board.bytes);
  EXPECT_LT(board.talks, 1'995U) << "a board does not answer a spoiled question";
  bench.set("flip=1000000");
  bench.ask(kNobody);
  EXPECT_EQ(compare(bench.line.take_bursts(), true, kNobody).bytes, 5U) << "every byte";
  bench.set("off");
  EXPECT_EQ(bench.ask(kAsk), kAnswer);
}

TEST(SerialLine, ABurstSpoilsAFewBytesInARow) {
  LineBench bench({kP1});
  bench.set("burst=2000");
  for (int i = 0; i < 2'000; ++i) {
    bench.ask(kNobody, 20);
  }
  const Wrong wrong = compare(bench.line.take_bursts(), true, kNobody);
  const std::uint64_t bursts = bench.line.counts().of(NoiseKind::kBurst);
  expect_about(static_cast<std::int64_t>(bursts), 20, 14);
  EXPECT_GT(wrong.bytes, bursts);
  EXPECT_LE(wrong.bytes, 4 * bursts);
  EXPECT_GT(wrong.bits, 2 * wrong.bytes) << "more than a bit of each";
  EXPECT_GE(wrong.longest, 3U);
}

TEST(SerialLine, ADroppedByteIsHeardByNobody) {
  LineBench bench({kP1});
  bench.set("drop=1000000");
  EXPECT_EQ(bench.ask(kAsk), "");
  EXPECT_TRUE(bench.line.take_bursts().empty()) << "a talk of which nothing was heard is none";
  EXPECT_EQ(bench.line.counts().of(NoiseKind::kDrop), 5U) << "no answer either";
  bench.set("drop=100000");
  std::size_t heard = 0;
  for (int i = 0; i < 400; ++i) {
    bench.ask(kNobody, 20);
  }
  for (const Burst& burst : bench.line.take_bursts()) {
    heard += burst.bytes.size();
  }
  EXPECT_EQ(heard, 2'005U - bench.line.counts().of(NoiseKind::kDrop));
  expect_about(static_cast<std::int64_t>(heard), 1'800, 60);
}

TEST(SerialLine, ADroppedByteOfAnAnswerIsMissingAtTheHost) {
  LineBench bench({kP1});
  bench.line.host_sends(from_hex(kAsk), bench.now);
  bench.wait(12);
  bench.set("drop=1000000");
  bench.wait(5);
  bench.set("off");
  bench.wait(100);
  const std::string heard = to_hex(bench.line.host_hears(bench.now));
  EXPECT_LT(heard.size(), std::string(kAnswer).size());
  EXPECT_TRUE(std::string(kAnswer).ends_with(heard)) << heard;
}

TEST(SerialLine, ADoubledByteIsHeardTwice) {
  LineBench bench({kP1});
  bench.line.set_local_echo(true);
  bench.set("double=1000000");
  EXPECT_EQ(bench.ask(kNobody), "80 80 1F 1F 01 01 33 33 AD AD");
  EXPECT_EQ(bench.line.counts().of(NoiseKind::kDouble), 5U);
  EXPECT_EQ(bench.ask(kAsk, 1'000).size(), std::string("80 80 01 01 01 01 33 33 B3 B3").size())
      << "no question, no answer";
}

TEST(SerialLine, OneKindOfNoiseDoesNotShiftTheOthers) {
  std::vector<std::uint64_t> flips;
  for (const char* noise : {"flip=50000", "flip=50000,burst=30000,drop=70000,double=90000"}) {
    LineBench bench({kP1});
    bench.set(noise);
    for (int i = 0; i < 400; ++i) {
      bench.ask(kNobody, 20);
    }
    flips.push_back(bench.line.counts().of(NoiseKind::kFlip));
  }
  EXPECT_EQ(flips[0], flips[1]);
  EXPECT_GT(flips[0], 50U);
}

TEST(SerialLine, GluedTalksOfTheHostArriveWithoutThePauseBetween) {
  LineBench modbus({profile_of(BoardFamily::kP5)});
  modbus.set("glue=1000000");
  const std::string read = "01 02 00 00 00 08 79 CC";
  EXPECT_EQ(modbus.ask(read), "");
  EXPECT_EQ(modbus.ask(read), "") << "two frames without silence between are none";
  EXPECT_EQ(modbus.line.counts().of(NoiseKind::kGlue), 1U);
  const std::vector<Burst> bursts = modbus.line.take_bursts();
  ASSERT_EQ(bursts.size(), 1U);
  EXPECT_EQ(to_hex(bursts[0].bytes), read + " " + read);

  LineBench bench({kP1});
  bench.set("glue=1000000");
  bench.ask(sealed_text(BoardFamily::kP1, "8A 01 02 11"), 5'000);
  EXPECT_EQ(bench.pulses(0), 0U) << "nothing has arrived";
  bench.ask(kNobody);
  EXPECT_EQ(bench.pulses(0), 1U) << "five seconds late";
}

TEST(SerialLine, AnAnswerThatIsGluedComesBeforeTheNextOne) {
  LineBench bench({kP1});
  const std::string second = sealed_text(BoardFamily::kP1, "80 01 02 33");
  bench.line.host_sends(from_hex(kAsk), bench.now);
  bench.wait(8);
  bench.set("glue=1000000");
  bench.wait(100);
  EXPECT_EQ(to_hex(bench.line.host_hears(bench.now)), "");
  EXPECT_EQ(bench.line.counts().of(NoiseKind::kGlue), 1U);
  EXPECT_EQ(bench.ask(second), "") << "the host's own talk is kept back too";
  EXPECT_EQ(bench.ask(kNobody), std::string(kAnswer) + " " + sealed_text(BoardFamily::kP1, "80 01 02 11"));
}

TEST(SerialLine, WhatGlueKeptBackComesWhenItEnds) {
  LineBench bench({kP1});
  bench.set("glue=1000000");
  EXPECT_EQ(bench.ask(kAsk), "");
  bench.set("off");
  bench.wait(100);
  EXPECT_EQ(to_hex(bench.line.host_hears(bench.now)), kAnswer) << "the question";
  bench.line.host_sends(from_hex(kAsk), bench.now);
  bench.wait(8);
  bench.set("glue=1000000");
  bench.wait(100);
  EXPECT_EQ(to_hex(bench.line.host_hears(bench.now)), "");
  bench.set("off");
  EXPECT_EQ(to_hex(bench.line.host_hears(bench.now)), kAnswer) << "the answer";
}

TEST(SerialLine, PiecesOfOneTalkAreKeptBackTogether) {
  LineBench bench({kP1});
  bench.set("glue=1000000");
  bench.line.host_sends(from_hex("80 01 01"), bench.now);
  bench.wait(5);
  bench.line.host_sends(from_hex("33 B3"), bench.now);
  bench.wait(500);
  EXPECT_TRUE(bench.line.take_bursts().empty());
  bench.ask(kNobody);
  EXPECT_EQ(to_hex(bench.line.take_bursts().at(0).bytes), std::string(kAsk) + " " + kNobody);
}

TEST(SerialLine, DuringABreakNobodyHearsMoreThanOneZero) {
  LineBench bench({kP1});
  bench.line.hold_low(bench.now, bench.now + Duration::seconds(2));
  EXPECT_TRUE(bench.line.held_low(bench.now));
  EXPECT_EQ(bench.ask(kAsk), "00");
  EXPECT_EQ(bench.ask(kAsk, 500), "") << "the break goes on";
  EXPECT_TRUE(bench.line.take_bursts().empty());
  bench.wait(500);
  EXPECT_FALSE(bench.line.held_low(bench.now));
  EXPECT_EQ(bench.ask(kAsk), kAnswer);
  EXPECT_EQ(bench.line.counts().breaks, 1U);
}

TEST(SerialLine, ABreakSpoilsTheByteThatItMeetsAndLosesTheRest) {
  LineBench bench({kP1});
  bench.line.host_sends(from_hex(kAsk), bench.now);
  bench.wait(17);  // One byte of the answer is there, the second is under way.
  bench.line.hold_low(bench.now, bench.now + Duration::milliseconds(100));
  bench.wait(200);
  const std::vector<std::byte> heard = bench.line.host_hears(bench.now);
  ASSERT_EQ(heard.size(), 3U);
  EXPECT_EQ(heard[0], std::byte{0x80});
  EXPECT_NE(heard[1], std::byte{0x01});
  EXPECT_EQ(heard[2], std::byte{0x00});
  bench.line.hold_low(bench.now, bench.now + Duration::hours(1));
  bench.wait(100);
  bench.line.hold_low(bench.now, bench.now);
  bench.line.host_hears(bench.now);
  EXPECT_EQ(bench.ask(kAsk), kAnswer) << "it was ended before its time";
  bench.line.host_sends(from_hex(kAsk), bench.now);
  bench.wait(2);
  bench.line.hold_low(bench.now, bench.now);
  bench.wait(100);
  EXPECT_EQ(to_hex(bench.line.host_hears(bench.now)), kAnswer) << "where there is no break none ends";
}

TEST(SerialLine, HealingEndsEveryFault) {
  LineBench bench({kP1, profile_of(BoardFamily::kP1, {"address=2"})});
  bench.set("flip=1000000,burst=1000,drop=1000,double=1000,glue=1000000");
  bench.line.hold_low(bench.now, Instant::max());
  bench.line.hold_line(1, bench.now, Instant::max());
  bench.line.babble(1, 6'000, bench.now);
  bench.line.reboot_in_next_command(0);
  bench.line.reboot_at(0, bench.now + Duration::seconds(5));
  bench.ask(kAsk);
  bench.line.heal(bench.now);
  bench.wait(1'000);
  bench.line.host_hears(bench.now);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(bench.ask(kAsk, 500), kAnswer) << i;
  }
  EXPECT_EQ(bench.line.counts().reboots, 0U);
  EXPECT_EQ(to_string(bench.line.noise()), "off");
}

TEST(SerialLine, WithEveryFaultTheSameSeedGivesTheSameBytesAtTheSameTimes) {
  std::vector<std::string> runs;
  for (const std::uint64_t seed : {9U, 9U, 10U}) {
    LineBench bench({kP1, profile_of(BoardFamily::kP5, {"address=2"})}, with_seed(seed));
    bench.set("flip=10000,burst=3000,drop=3000,double=3000,glue=50000");
    bench.line.babble(1, 200, bench.now);
    std::string all;
    for (int i = 0; i < 300; ++i) {
      bench.line.reboot_in_next_command(static_cast<std::size_t>(i % 2));
      all += bench.ask(i % 3 == 0 ? "02 02 00 00 00 08 79 FF" : kAsk, 60) + "/";
    }
    for (const Burst& burst : bench.line.take_bursts()) {
      all += std::to_string(burst.begin.us) + ":" + std::to_string(burst.who) + to_hex(burst.bytes);
    }
    runs.push_back(all);
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_NE(runs[0], runs[2]);
}

}  // namespace
}  // namespace cubby::emulator

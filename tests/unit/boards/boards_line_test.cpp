// The wire between a host and its boards, and what goes wrong on it.
#include <gtest/gtest.h>

#include <bit>

#include "unit/boards/bench.h"

namespace cubby::emulator {
namespace {

constexpr const char* kAsk = "80 01 01 33 B3";
constexpr const char* kAnswer = "80 01 01 11 91";
constexpr const char* kNobody = "80 1F 01 33 AD";  // To a board that is not there.

/// Locks without doors: what a station brings.
class Wires final : public LockWiring {
 public:
  struct Change {
    std::uint8_t board = 0;
    std::uint8_t channel = 0;
    bool on = false;
    Instant at{};
  };
  bool says_shut(std::uint8_t, std::uint8_t, Instant) override { return shut; }
  bool holds_item(std::uint8_t, std::uint8_t, Instant) override { return false; }
  void coil(std::uint8_t board, std::uint8_t channel, bool on, Instant now) override {
    changes.push_back({board, channel, on, now});
  }
  bool shut = true;
  std::vector<Change> changes;
};

/// A line with boards, and a host that asks.
struct LineBench {
  explicit LineBench(const std::vector<BoardProfile>& boards, SerialLineOptions options = {}) : line(options) {
    for (const BoardProfile& profile : boards) {
      EXPECT_EQ(line.add_board(profile, wires), "");
    }
    wait(1'000);
  }
  void wait(std::int64_t ms) {
    now = now + Duration::milliseconds(ms);
    line.advance(now);
  }
  std::string ask(const std::string& hex, std::int64_t ms = 1'000) {
    line.host_sends(from_hex(hex), now);
    wait(ms);
    return to_hex(line.host_hears(now));
  }
  void set(const std::string& noise) {
    NoiseRates rates;
    EXPECT_EQ(apply_noise(rates, noise), "");
    line.set_noise(rates, now);
  }
  std::size_t pulses(std::uint8_t board) const {
    return static_cast<std::size_t>(std::count_if(wires.changes.begin(), wires.changes.end(), [&](const auto& change) {
      return change.board == board && change.on;
    }));
  }

  Wires wires;
  SerialLine line;
  Instant now{};
};

const BoardProfile kP1 = profile_of(BoardFamily::kP1);

SerialLineOptions with_seed(std::uint64_t seed) {
  SerialLineOptions options;
  options.seed = seed;
  return options;
}

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

TEST(SerialLine, AStuckTransmitterSpoilsWhatAllOthersSay) {
  LineBench bench({kP1, profile_of(BoardFamily::kP1, {"address=2", "unsolicited=on"})});
  const std::string other = sealed_text(BoardFamily::kP1, "80 02 01 33");
  bench.line.host_sends(from_hex(kAsk), bench.now);
  bench.wait(8);
  bench.line.hold_line(1, bench.now, bench.now + Duration::seconds(10));
  EXPECT_TRUE(bench.line.holds_line(1, bench.now));
  EXPECT_FALSE(bench.line.holds_line(0, bench.now));
  bench.wait(100);
  EXPECT_NE(to_hex(bench.line.host_hears(bench.now)), kAnswer) << "the answer of board 1";
  EXPECT_EQ(bench.line.counts().held_bytes, 5U);
  EXPECT_EQ(bench.ask(other), "") << "it hears nothing itself";
  bench.line.power_cycle(bench.now);
  EXPECT_EQ(bench.ask(kAsk), "") << "a restart is no cure";
  bench.wait(8'000);
  EXPECT_EQ(bench.ask(kAsk), kAnswer) << "its time is over";
  EXPECT_EQ(bench.line.counts().collisions, 0U);
  bench.line.hold_line(1, bench.now, Instant::max());
  EXPECT_EQ(bench.ask(kAsk), "");
  bench.line.hold_line(1, bench.now, bench.now);
  EXPECT_EQ(bench.ask(kAsk), kAnswer);
}

TEST(SerialLine, WhatTheStuckOneSaysItselfIsHeard) {
  LineBench bench({kP1});
  bench.line.host_sends(from_hex(kAsk), bench.now);
  bench.wait(8);
  bench.line.hold_line(0, bench.now, Instant::max());
  bench.wait(100);
  EXPECT_EQ(to_hex(bench.line.host_hears(bench.now)), kAnswer);
}

TEST(SerialLine, ABabblingBoardTalksGarbageAtRandomTimes) {
  std::vector<std::string> runs;
  for (const std::uint64_t seed : {1U, 1U, 2U}) {
    LineBench bench({kP1, profile_of(BoardFamily::kP1, {"address=2"})}, with_seed(seed));
    bench.line.babble(1, 60, bench.now);
    bench.wait(600'000);
    const std::vector<Burst> bursts = bench.line.take_bursts();
    expect_about(static_cast<std::int64_t>(bursts.size()), 600, 90);
    EXPECT_EQ(bench.line.counts().babbles, bursts.size());
    for (const Burst& burst : bursts) {
      ASSERT_EQ(burst.who, 1);
      ASSERT_LE(burst.bytes.size(), 16U);
    }
    runs.push_back(to_hex(bench.line.host_hears(bench.now)));
    EXPECT_GT(runs.back().size(), 3 * 600U);
    bench.line.babble(1, 0, bench.now);
    bench.wait(60'000);
    EXPECT_TRUE(bench.line.host_hears(bench.now).empty());
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_NE(runs[0], runs[2]);
}

TEST(SerialLine, ABabblingBoardSpoilsSomeAnswersAndItNeverTalksTwiceAtOnce) {
  LineBench bench({kP1, profile_of(BoardFamily::kP1, {"address=2"})});
  bench.line.babble(1, 600, bench.now);
  int good = 0;
  for (int i = 0; i < 300; ++i) {
    good += bench.ask(kAsk, 100).find(kAnswer) != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(good, 100);
  EXPECT_LT(good, 290);
  EXPECT_GT(bench.line.counts().collisions, 10U);
  bench.line.babble(1, SerialLine::kBabblesPerMinuteMax, bench.now);
  bench.line.take_bursts();
  bench.wait(60'000);
  Instant free{};
  for (const Burst& burst : bench.line.take_bursts()) {
    ASSERT_GE(burst.begin, free);
    free = burst.end;
  }
}

TEST(SerialLine, TwoBoardsWithOneAddressBothObeyAndBothAnswer) {
  LineBench bench({kP1, profile_of(BoardFamily::kP1, {"unlock_reply_ms=700"})});
  bench.wires.shut = false;  // "Unlocked, still shut" is the command itself: the other one would obey it.
  const std::string unlocked = sealed_text(BoardFamily::kP1, "8A 01 01 00");
  EXPECT_EQ(bench.ask(sealed_text(BoardFamily::kP1, "8A 01 01 11"), 2'000), unlocked + " " + unlocked);
  EXPECT_EQ(bench.pulses(0), 1U);
  EXPECT_EQ(bench.pulses(1), 1U);
  EXPECT_EQ(bench.line.counts().collisions, 0U);
  EXPECT_EQ(bench.ask(kAsk).find(sealed_text(BoardFamily::kP1, "80 01 01 00")), std::string::npos)
      << "at the same time";
  EXPECT_EQ(bench.line.counts().collisions, 2U);
}

TEST(SerialLine, ABoardThatRestartsAtATimeLosesItsAnswerItsPulseAndItsSettings) {
  LineBench bench({profile_of(BoardFamily::kP1, {"unlock_reply_ms=500"}), profile_of(BoardFamily::kP1, {"address=2"})});
  bench.line.reboot_at(0, bench.now + Duration::milliseconds(100));
  EXPECT_EQ(bench.ask(sealed_text(BoardFamily::kP1, "8A 01 01 11")), "");
  ASSERT_EQ(bench.wires.changes.size(), 2U);
  EXPECT_LT((bench.wires.changes[1].at - bench.wires.changes[0].at).ms(), 100) << "the pulse was cut";
  EXPECT_EQ(bench.line.counts().reboots, 1U);
  EXPECT_EQ(bench.ask(kAsk), kAnswer) << "it goes on afterwards";

  LineBench set({profile_of(BoardFamily::kP2, {"baud=9600"})});
  set.ask(sealed_text(BoardFamily::kP2, "02 00 37 00 64 03"));
  EXPECT_EQ(set.ask("02 00 37 03 3C"), "02 00 38 00 64 03 A1");
  set.line.reboot(0, set.now);
  set.wait(300);
  EXPECT_EQ(set.ask("02 00 37 03 3C"), "02 00 38 00 32 03 6F") << "the profile's 500 ms";
}

TEST(SerialLine, ABoardThatRestartsInItsNextCommandSaysNothingOrTooLittle) {
  std::size_t silent = 0;
  std::size_t cut = 0;
  std::size_t cut_pulses = 0;
  const std::string unlock = sealed_text(BoardFamily::kP1, "8A 01 01 11");
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    LineBench bench({kP1, profile_of(BoardFamily::kP1, {"address=2"})}, with_seed(seed));
    bench.line.reboot_in_next_command(0);
    EXPECT_EQ(bench.ask(sealed_text(BoardFamily::kP1, "80 02 01 33")), sealed_text(BoardFamily::kP1, "80 02 01 11"))
        << "another board's command is not its own";
    EXPECT_TRUE(bench.line.reboots_in_next_command(0));
    const std::string heard = bench.ask(unlock);
    EXPECT_TRUE(unlock.starts_with(heard) && heard.size() < unlock.size()) << heard;
    EXPECT_FALSE(bench.line.reboots_in_next_command(0));
    EXPECT_EQ(bench.line.counts().reboots, 1U);
    silent += heard.empty() ? 1 : 0;
    cut += heard.empty() ? 0 : 1;
    ASSERT_EQ(bench.wires.changes.size(), 2U);
    cut_pulses += (bench.wires.changes[1].at - bench.wires.changes[0].at).ms() < 299 ? 1 : 0;
    EXPECT_EQ(bench.ask(unlock), unlock) << "once";
  }
  EXPECT_GT(silent, 8U);
  EXPECT_GT(cut, 8U);
  EXPECT_GT(cut_pulses, 3U);
}

TEST(SerialLine, ARestartInTheNextCommandIsNotForTheOneUnderWayAndNeedsNoAnswer) {
  LineBench late({kP1});
  const std::string unlock = sealed_text(BoardFamily::kP1, "8A 01 01 11");
  late.line.host_sends(from_hex(unlock), late.now);
  late.wait(100);
  late.line.reboot_in_next_command(0);
  late.wait(1'000);
  EXPECT_EQ(to_hex(late.line.host_hears(late.now)), unlock);
  EXPECT_TRUE(late.line.reboots_in_next_command(0));

  LineBench mute({profile_of(BoardFamily::kP1, {"unlock_reply=none"})});
  mute.line.reboot_in_next_command(0);
  mute.ask(unlock);
  EXPECT_EQ(mute.line.counts().reboots, 1U);
  ASSERT_EQ(mute.wires.changes.size(), 2U);
  EXPECT_LT((mute.wires.changes[1].at - mute.wires.changes[0].at).ms(), 300);
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

TEST(Cabinet, TheInrushOfASecondCoilBrownsOutASupplyThatCouldHoldTwo) {
  CabinetOptions options;
  options.supply_ma = 5'500;
  Bench bench(BoardFamily::kP6, {}, options);
  EXPECT_NE(bench.ask_sealed("DC 02 01 16 02 01 01"), "");
  const Instant before = bench.now;
  EXPECT_EQ(bench.ask_sealed("DC 02 01 16 02 02 01"), "");
  const std::vector<Instant> when = bench.cabinet.take_brown_outs();
  ASSERT_EQ(when.size(), 1U);
  EXPECT_GT(when[0], before);
  EXPECT_LT(when[0], before + Duration::milliseconds(20));
  EXPECT_TRUE(bench.cabinet.take_brown_outs().empty());
  EXPECT_EQ(bench.doors().coils_on(), 0U);
  options.supply_ma = DoorRack::kCoilMa + DoorRack::kInrushMa;
  Bench enough(BoardFamily::kP6, {}, options);
  enough.ask_sealed("DC 02 01 16 02 01 01");
  EXPECT_NE(enough.ask_sealed("DC 02 01 16 02 02 01"), "");
}

}  // namespace
}  // namespace cubby::emulator

// Boards that disturb the line or restart when they should answer.
#include <gtest/gtest.h>

#include "unit/boards/line_bench.h"

namespace cubby::emulator {
namespace {

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

TEST(SerialLine, EveryFamilyCanRestartInACommand) {
  const std::vector<std::pair<BoardFamily, const char*>> questions{
      {BoardFamily::kP1, "80 01 00 33"},          {BoardFamily::kP2, "02 00 30 03"},
      {BoardFamily::kP5, "01 02 00 00 00 08"},    {BoardFamily::kP6, "DC 02 01 12 00"},
      {BoardFamily::kP7, "57 4B 4C 59 08 00 84"},
  };
  for (const auto& [family, question] : questions) {
    std::size_t cut = 0;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      LineBench bench({profile_of(family)}, with_seed(seed));
      const std::string whole = bench.ask(sealed_text(family, question));
      ASSERT_NE(whole, "") << question;
      bench.line.reboot_in_next_command(0);
      const std::string heard = bench.ask(sealed_text(family, question));
      EXPECT_TRUE(whole.starts_with(heard) && heard.size() < whole.size()) << heard;
      cut += heard.empty() ? 0 : 1;
      EXPECT_EQ(bench.line.counts().reboots, 1U);
      EXPECT_EQ(bench.ask(sealed_text(family, question)), whole);
    }
    EXPECT_GT(cut, 0U) << question;
    EXPECT_LT(cut, 12U) << question;
  }
}

TEST(SerialLine, AHostThatRestartsSaysNoMoreAndHasForgottenWhatItHeard) {
  LineBench bench({kP1});
  bench.line.host_sends(from_hex(kAsk), bench.now);
  bench.wait(3);
  bench.line.restart_host(bench.now);
  EXPECT_EQ(bench.line.host_backlog(), 0U);
  bench.wait(100);
  EXPECT_TRUE(bench.line.host_hears(bench.now).empty()) << "half a question";
  EXPECT_EQ(to_hex(bench.line.take_bursts().at(0).bytes), "80 01");
  bench.line.host_sends(from_hex(kAsk), bench.now);
  bench.wait(100);
  bench.line.restart_host(bench.now);
  EXPECT_EQ(bench.line.host_last_arrival(), Instant::max());
  EXPECT_TRUE(bench.line.host_hears(bench.now).empty());
  EXPECT_EQ(bench.ask(kAsk), kAnswer);
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

}  // namespace
}  // namespace cubby::emulator

// P2, Kerong CU12 and CU16: every command, every switch at each setting.
#include <gtest/gtest.h>

#include "unit/boards/bench.h"

namespace cubby::emulator {
namespace {

constexpr BoardFamily kP2 = BoardFamily::kP2;
using Doors = std::vector<std::size_t>;

TEST(BoardP2, TellsLocksAndItemsABitEach) {
  Bench bench(kP2);
  bench.force(2);
  bench.force(16);
  (void)bench.doors().put_item(15);
  (void)bench.doors().put_item(1);
  EXPECT_EQ(bench.ask_sealed("02 00 30 03"), bench.seal("02 00 35 FD 7F 02 80 03"));
}

TEST(BoardP2, WithClosedBitZeroALockedBitIsZero) {
  Bench one(kP2, {"closed_bit=1"});
  Bench zero(kP2, {"closed_bit=0"});
  for (Bench* bench : {&one, &zero}) {
    bench->force(1);
  }
  EXPECT_EQ(one.ask_sealed("02 00 30 03"), one.seal("02 00 35 FE FF 00 00 03"));
  EXPECT_EQ(zero.ask_sealed("02 00 30 03"), zero.seal("02 00 35 01 00 00 00 03"));
}

TEST(BoardP2, ATwelveChannelBoardHasNoMoreLocks) {
  Bench bench(kP2, {"channels=12"});
  EXPECT_EQ(bench.ask_sealed("02 00 30 03"), bench.seal("02 00 35 FF 0F 00 00 03"));
  bench.ask_sealed("02 0C 31 03");
  EXPECT_TRUE(bench.open_doors().empty());
  bench.ask_sealed("02 0B 31 03");
  EXPECT_EQ(bench.open_doors(), Doors{12});
}

TEST(BoardP2, AnswersAnUnlockAsItsProfileSays) {
  Bench none(kP2, {"unlock_reply=none"});
  EXPECT_EQ(none.ask_sealed("02 01 31 03"), "");
  EXPECT_EQ(none.open_doors(), Doors{2});
  Bench status(kP2, {"unlock_reply=status", "busy_after_unlock_ms=0"});
  EXPECT_EQ(status.ask_sealed("02 01 31 03"), status.seal("02 00 35 FF FF 00 00 03"));
  Bench late(kP2, {"unlock_reply=late", "unlock_reply_ms=300"});
  EXPECT_EQ(late.ask_sealed("02 01 31 03"), late.seal("02 00 35 FD FF 00 00 03"));
  late.shut(2);
  expect_about(late.answer_after_us("02 01 31 03"), 300'000, 100);
}

TEST(BoardP2, IsBusyAfterAnUnlockForAsLongAsItsProfileSays) {
  Bench busy(kP2, {"busy_after_unlock_ms=100"});
  busy.ask_sealed("02 01 31 03", 30);
  EXPECT_EQ(busy.ask_sealed("02 00 30 03", 60), "");
  busy.wait(20);
  EXPECT_NE(busy.ask_sealed("02 00 30 03", 60), "");
  Bench ready(kP2, {"busy_after_unlock_ms=0"});
  ready.ask_sealed("02 01 31 03", 30);
  EXPECT_NE(ready.ask_sealed("02 00 30 03", 60), "");
}

TEST(BoardP2, HearsAHostThatWaits25MillisecondsAfterItWroteAnUnlock) {
  for (const char* baud : {"baud=19200", "baud=9600"}) {
    Bench bench(kP2, {baud});
    bench.ask_sealed("02 01 31 03", 25);
    EXPECT_NE(bench.ask_sealed("02 00 30 03", 60), "") << baud;
  }
}

TEST(BoardP2, DoesNotAnswerBeforeItsBusyTimeIsOver) {
  Bench bench(kP2, {"unlock_reply=status", "busy_after_unlock_ms=50"});
  expect_about(bench.answer_after_us("02 01 31 03"), 50'000, 100);
  Bench in_turn(kP2, {"unlock_reply=status", "busy_after_unlock_ms=50", "open_all_step_ms=30"});
  expect_about(in_turn.answer_after_us("02 00 33 03"), 15 * 30'000 + 50'000, 100);
}

TEST(BoardP2, UnlocksAllInTurnOrAtOnce) {
  Bench in_turn(kP2, {"open_all=sequential", "open_all_step_ms=600"});
  in_turn.ask_sealed("02 00 33 03", 750);
  EXPECT_EQ(in_turn.open_doors(), (Doors{1, 2}));
  Bench together(kP2, {"open_all=simultaneous"});
  together.ask_sealed("02 F0 33 03", 10);
  EXPECT_EQ(together.doors().coils_on(), 16U);
  Bench answering(kP2, {"open_all=simultaneous", "unlock_reply=late"});
  EXPECT_EQ(answering.ask_sealed("02 00 33 03"), answering.seal("02 00 35 00 00 00 00 03"));
  EXPECT_EQ(answering.ask_sealed("02 F0 33 03"), "") << "what is for every board is not answered";
}

TEST(BoardP2, AllBoardsTellTheirStatusOneAfterAnother) {
  Cabinet cabinet({});
  ASSERT_EQ(cabinet.add_board(profile_of(kP2)), "");
  ASSERT_EQ(cabinet.add_board(profile_of(kP2, {"address=1", "channels=12"})), "");
  cabinet.host_sends(sealed(kP2, "02 F0 32 03"), Instant{});
  EXPECT_EQ(to_hex(cabinet.host_hears(Instant{} + Duration::seconds(1))),
            sealed_text(kP2, "02 00 36 FF FF 00 00 03") + " " + sealed_text(kP2, "02 10 36 FF 0F 00 00 03"));
  EXPECT_EQ(cabinet.collisions(), 0U);
}

TEST(BoardP2, TheUnlockTimeIsSetAskedAndLostWithThePower) {
  Bench bench(kP2, {"pulse_ms=500"});
  EXPECT_EQ(bench.ask_sealed("02 00 37 03"), bench.seal("02 00 38 00 32 03"));
  EXPECT_EQ(bench.ask_sealed("02 00 37 01 2C 03"), bench.seal("02 00 38 01 2C 03"));
  bench.ask_sealed("02 00 31 03", 2'900);
  EXPECT_EQ(bench.doors().coils_on(), 1U);
  bench.wait(200);
  EXPECT_EQ(bench.doors().coils_on(), 0U);
  EXPECT_EQ(bench.ask_sealed("02 00 37 17 71 03"), "") << "60,000 ms is the most";
  EXPECT_EQ(bench.ask_sealed("02 00 37 17 70 03"), bench.seal("02 00 38 17 70 03"));
  EXPECT_EQ(bench.ask_sealed("02 00 37 00 03 03"), bench.seal("02 00 38 00 03 03")) << "data may look like the end";
  EXPECT_EQ(bench.ask_sealed("02 F0 37 00 40 03"), "");
  EXPECT_EQ(bench.ask_sealed("02 00 37 03"), bench.seal("02 00 38 00 40 03"));
  bench.cabinet.power_cycle(bench.now);
  bench.wait(300);
  EXPECT_EQ(bench.ask_sealed("02 00 37 03"), bench.seal("02 00 38 00 32 03"));
}

// 02 00 37 03 3C is a good question; 02 00 37 03 3C 03 7B sets 8.28 s.
TEST(BoardP2, AnUnlockTimeThatBeginsLikeAQuestionIsOneAsLongAsBytesFollow) {
  Bench bench(kP2);
  EXPECT_EQ(bench.ask("02 00 37 03 3C 03 7B"), bench.seal("02 00 38 03 3C 03"));
  EXPECT_EQ(tell_frame(kP2, from_hex("02 00 37 03 3C 03 7B"), true).text, "board 0: unlock time := 8280 ms");
  EXPECT_EQ(bench.ask("02 00 37 03 3C"), bench.seal("02 00 38 03 3C 03")) << "alone it asks";
  const std::string twice = bench.seal("02 00 38 03 3C 03") + " " + bench.seal("02 00 38 03 3C 03");
  EXPECT_EQ(bench.ask("02 00 37 03 3C 02 00 37 03 3C"), twice) << "two questions without a pause";
  EXPECT_EQ(bench.ask("02 00 37 03 3C 02"), bench.seal("02 00 38 03 3C 03")) << "a frame that was begun behind it";
  expect_about(bench.answer_after_us("02 00 37 03"), 10'000, 100);
}

TEST(BoardP2, TheDefaultPulseIsThatOfTheProfile) {
  Bench bench(kP2, {"pulse_ms=250"});
  bench.ask_sealed("02 00 31 03", 245);
  EXPECT_EQ(bench.doors().coils_on(), 1U);
  bench.wait(20);
  EXPECT_EQ(bench.doors().coils_on(), 0U);
}

TEST(BoardP2, ADelayedUnlockComesAfterItsSeconds) {
  Bench bench(kP2);
  EXPECT_EQ(bench.ask_sealed("02 04 39 03 03", 2'900), "");
  EXPECT_TRUE(bench.open_doors().empty());
  bench.wait(400);
  EXPECT_EQ(bench.open_doors(), Doors{5});
  bench.ask_sealed("02 05 39 FB 03", 260'000);
  EXPECT_EQ(bench.open_doors(), Doors{5}) << "250 s is the most";
}

TEST(BoardP2, TheBaudRateIsSetAndLostWithThePower) {
  CabinetOptions options;
  options.line_baud = 19200;
  Bench bench(kP2, {}, options);
  EXPECT_EQ(bench.ask_sealed("02 00 40 00 03"), "");
  EXPECT_EQ(bench.ask_sealed("02 00 30 03"), "") << "it talks at 9600 now";
  bench.cabinet.set_line_baud(9600);
  EXPECT_NE(bench.ask_sealed("02 00 30 03"), "");
  bench.ask_sealed("02 00 40 04 03");
  EXPECT_NE(bench.ask_sealed("02 00 30 03"), "") << "there is no fifth rate";
  bench.cabinet.power_cycle(bench.now);
  bench.wait(300);
  EXPECT_EQ(bench.ask_sealed("02 00 30 03"), "");
  bench.cabinet.set_line_baud(19200);
  EXPECT_NE(bench.ask_sealed("02 00 30 03"), "");
}

TEST(BoardP2, IsSilentForAnotherAddressAndForWhatOneBoardOnlyCanDo) {
  Bench bench(kP2, {"address=3"});
  for (const char* frame : {"02 00 30 03", "02 01 31 03", "02 20 33 03", "02 F0 30 03", "02 F1 31 03", "02 00 37 03",
                            "02 30 34 03", "02 01 39 00 03"}) {
    EXPECT_EQ(bench.ask_sealed(frame), "") << frame;
  }
  EXPECT_TRUE(bench.open_doors().empty());
  EXPECT_EQ(bench.ask_sealed("02 30 30 03"), bench.seal("02 30 35 FF FF 00 00 03"));
}

TEST(BoardP2, CountsLocksFromZeroOrFromOne) {
  Bench zero(kP2, {"first_channel=0"});
  zero.ask_sealed("02 01 31 03");
  EXPECT_EQ(zero.open_doors(), Doors{2});
  Bench one(kP2, {"first_channel=1", "channels=12"});
  one.ask_sealed("02 01 31 03");
  EXPECT_EQ(one.open_doors(), Doors{1});
  one.ask_sealed("02 00 31 03");
  EXPECT_EQ(one.open_doors(), Doors{1}) << "there is no lock 0";
  one.ask_sealed("02 0C 31 03");
  EXPECT_EQ(one.open_doors(), (Doors{1, 12}));
}

TEST(BoardP2, CountedFromOneItHasNoNumberForASixteenthLock) {
  Cabinet cabinet({});
  EXPECT_NE(cabinet.add_board(profile_of(kP2, {"first_channel=1"})).find("channels=12"), std::string::npos);
  EXPECT_EQ(cabinet.add_board(profile_of(kP2, {"first_channel=1", "channels=12"})), "");
}

TEST(BoardP2, EchoAndGarbageAreAsTheProfileSays) {
  Bench echoing(kP2, {"local_echo=on"});
  EXPECT_EQ(echoing.ask_sealed("02 00 30 03"), "02 00 30 03 35 02 00 35 FF FF 00 00 03 38");
  Bench dirty(kP2, {"garbage_prefix=on"});
  EXPECT_EQ(dirty.ask_sealed("02 00 30 03"), "FA FD 99 99 02 00 35 FF FF 00 00 03 38");
}

TEST(BoardP2, FindsAFrameBehindWhatIsNone) {
  Bench bench(kP2);
  const std::string status = bench.seal("02 00 35 FF FF 00 00 03");
  EXPECT_EQ(bench.ask("02 02 00 30 03 35"), status);
  EXPECT_EQ(bench.ask("02 00 30 03 36 02 00 30 03 35"), status);
  EXPECT_EQ(bench.ask("FF 03 02 00 02 00 30 03 35"), status);
}

TEST(BoardP2, ItsBytesTakeHalfAMillisecondAt19200) {
  Bench bench(kP2);
  bench.cabinet.take_bursts();
  bench.ask_sealed("02 00 30 03");
  const std::vector<Burst> bursts = bench.cabinet.take_bursts();
  ASSERT_EQ(bursts.size(), 2U);
  EXPECT_EQ((bursts[0].end - bursts[0].begin).us, 5 * 521);
  EXPECT_EQ((bursts[1].end - bursts[1].begin).us, 9 * 521);
}

}  // namespace
}  // namespace cubby::emulator

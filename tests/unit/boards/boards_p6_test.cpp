// P6, DingChang: every command, every switch at each setting.
#include <gtest/gtest.h>

#include "unit/boards/bench.h"

namespace cubby::emulator {
namespace {

constexpr BoardFamily kP6 = BoardFamily::kP6;
using Doors = std::vector<std::size_t>;

TEST(BoardP6, AnswersInFormAWithTheLocksNumber) {
  Bench bench(kP6, {"reply_form=A"});
  EXPECT_EQ(bench.ask_sealed("DC 02 01 10 01 05"), bench.seal("DC FE 01 10 02 05 01"));
  EXPECT_EQ(bench.ask_sealed("DC 02 01 11 01 05"), bench.seal("DC FE 01 11 02 05 01"));
  EXPECT_EQ(bench.ask_sealed("DC 02 01 11 01 06"), bench.seal("DC FE 01 11 02 06 00"));
}

TEST(BoardP6, AnswersInFormBWithTheStateAlone) {
  Bench bench(kP6, {"reply_form=B"});
  EXPECT_EQ(bench.ask_sealed("DC 02 01 10 01 05"), bench.seal("DC FE 01 10 01 01"));
  EXPECT_EQ(bench.ask_sealed("DC 02 01 11 01 05"), bench.seal("DC FE 01 11 01 01"));
  EXPECT_EQ(bench.ask_sealed("DC 02 01 11 01 06"), bench.seal("DC FE 01 11 01 00"));
}

TEST(BoardP6, AnswersAnOpenAsItsProfileSays) {
  Bench late(kP6, {"unlock_reply=late", "unlock_reply_ms=350"});
  expect_about(late.answer_after_us("DC 02 01 10 01 01"), 350'000, 100);
  Bench status(kP6, {"unlock_reply=status"});
  EXPECT_EQ(status.ask_sealed("DC 02 01 10 01 01"), status.seal("DC FE 01 10 02 01 00")) << "not open yet";
  Bench none(kP6, {"unlock_reply=none"});
  EXPECT_EQ(none.ask_sealed("DC 02 01 10 01 01"), "");
  EXPECT_EQ(none.open_doors(), Doors{1});
}

TEST(BoardP6, ADoorThatDoesNotMoveIsReportedShut) {
  Bench bench(kP6);
  bench.jam(2);
  EXPECT_EQ(bench.ask_sealed("DC 02 01 10 01 02"), bench.seal("DC FE 01 10 02 02 00"));
  EXPECT_EQ(bench.ask_sealed("DC 02 01 15 02 00 07", 3'000), bench.seal("DC FE 01 15 02 00 05"));
}

TEST(BoardP6, OpensAllAndReadsAll) {
  Bench in_turn(kP6, {"open_all=sequential", "open_all_step_ms=250"});
  in_turn.ask_sealed("DC 02 01 14 00", 400);
  EXPECT_EQ(in_turn.open_doors(), (Doors{1, 2}));
  EXPECT_EQ(in_turn.hears(4'000), in_turn.seal("DC FE 01 14 02 0F FF")) << "after the last";
  in_turn.shut(9);
  EXPECT_EQ(in_turn.ask_sealed("DC 02 01 12 00"), in_turn.seal("DC FE 01 12 02 0E FF"));
  Bench together(kP6, {"open_all=simultaneous"});
  together.ask_sealed("DC 02 01 14 00", 50);
  EXPECT_EQ(together.doors().coils_on(), 12U);
}

TEST(BoardP6, ATwentyFourChannelBoardHasThreeBytesHighOneFirst) {
  Bench bench(kP6, {"channels=24"});
  bench.force(24);
  bench.force(1);
  EXPECT_EQ(bench.ask_sealed("DC 02 01 12 00"), bench.seal("DC FE 01 12 03 80 00 01"));
  EXPECT_EQ(bench.ask_sealed("DC 02 01 15 03 01 00 00"), bench.seal("DC FE 01 15 03 01 00 00"));
  EXPECT_TRUE(bench.is_open(17));
  EXPECT_EQ(bench.ask_sealed("DC 02 01 15 02 00 07"), "") << "two bytes are for the small board";
}

TEST(BoardP6, OpensSeveralInTurnOrTogether) {
  Bench in_turn(kP6);
  in_turn.ask_sealed("DC 02 01 15 02 00 07", 50);
  EXPECT_EQ(in_turn.doors().coils_on(), 1U);
  EXPECT_EQ(in_turn.hears(2'000), in_turn.seal("DC FE 01 15 02 00 07"));
  Bench together(kP6);
  together.ask_sealed("DC 02 01 18 02 00 07", 50);
  EXPECT_EQ(together.doors().coils_on(), 3U);
  EXPECT_EQ(together.hears(2'000), together.seal("DC FE 01 18 02 00 07"));
}

TEST(BoardP6, AHeldOutputBurnsItsLock) {
  Bench bench(kP6);
  EXPECT_EQ(bench.ask_sealed("DC 02 01 16 02 03 01", 5'000), bench.seal("DC FE 01 16 01 01"));
  EXPECT_EQ(bench.doors().coils_on(), 1U);
  EXPECT_EQ(bench.ask_sealed("DC 02 01 16 02 03 00", 100), bench.seal("DC FE 01 16 01 01"));
  EXPECT_EQ(bench.doors().coils_on(), 0U);
  bench.ask_sealed("DC 02 01 16 02 03 01", 30'000);
  EXPECT_TRUE(bench.doors().door(2).burnt);
}

TEST(BoardP6, SwitchesItsOutputsByAMask) {
  Bench bench(kP6);
  EXPECT_EQ(bench.ask_sealed("DC 02 01 1A 02 08 01", 100), bench.seal("DC FE 01 1A 01 01"));
  EXPECT_EQ(bench.doors().coils_on(), 2U);
  bench.wait(200);
  EXPECT_EQ(bench.open_doors(), (Doors{1, 12}));
  bench.ask_sealed("DC 02 01 1A 02 00 00", 100);
  EXPECT_EQ(bench.doors().coils_on(), 0U);
}

TEST(BoardP6, ItsPulseIsAsLongAsTheProfileSays) {
  Bench bench(kP6, {"pulse_ms=150"});
  bench.ask_sealed("DC 02 01 10 01 01", 140);
  EXPECT_EQ(bench.doors().coils_on(), 1U);
  bench.wait(30);
  EXPECT_EQ(bench.doors().coils_on(), 0U);
  Bench longer(kP6, {"pulse_ms=400"});
  longer.ask_sealed("DC 02 01 10 01 01", 390);
  EXPECT_EQ(longer.doors().coils_on(), 1U);
}

TEST(BoardP6, IsSilentForAnotherAddressAndForWhatItDoesNotUnderstand) {
  Bench bench(kP6);
  for (const char* frame :
       {"DC 02 02 10 01 01", "DC 02 01 10 01 00", "DC 02 01 10 01 0D", "DC 02 01 10 02 01 01", "DC 02 01 13 00",
        "DC 02 01 16 02 01 02", "DC 02 01 14 01 01", "DC FE 01 10 02 01 01", "DC 02 01 18 03 00 00 07"}) {
    EXPECT_EQ(bench.ask_sealed(frame), "") << frame;
  }
  EXPECT_TRUE(bench.open_doors().empty());
}

TEST(BoardP6, CountsLocksFromOneOrFromZero) {
  Bench one(kP6, {"first_channel=1"});
  one.ask_sealed("DC 02 01 10 01 01");
  EXPECT_EQ(one.open_doors(), Doors{1});
  Bench zero(kP6, {"first_channel=0"});
  zero.ask_sealed("DC 02 01 10 01 01");
  EXPECT_EQ(zero.open_doors(), Doors{2});
}

TEST(BoardP6, EchoGarbageAndBusyAreAsTheProfileSays) {
  Bench echoing(kP6, {"local_echo=on"});
  EXPECT_EQ(echoing.ask("DC 02 01 12 00 13"), "DC 02 01 12 00 13 DC FE 01 12 02 00 00 15");
  Bench dirty(kP6, {"garbage_prefix=on"});
  EXPECT_EQ(dirty.ask("DC 02 01 12 00 13"), "FA FD 99 99 DC FE 01 12 02 00 00 15");
  Bench busy(kP6, {"busy_after_unlock_ms=150"});
  busy.ask_sealed("DC 02 01 10 01 01", 50);
  EXPECT_EQ(busy.ask("DC 02 01 12 00 13", 60), "");
}

TEST(BoardP6, FindsAFrameBehindWhatIsNone) {
  Bench bench(kP6);
  EXPECT_EQ(bench.ask("DC DC 02 01 12 00 13"), "DC FE 01 12 02 00 00 15");
  EXPECT_EQ(bench.ask("DC 02 01 12 00 14 DC 02 01 12 00 13"), "DC FE 01 12 02 00 00 15");
  EXPECT_EQ(bench.ask("DC 02 01 15 FF DC 02 01 12 00 13"), "DC FE 01 12 02 00 00 15");
}

TEST(BoardP6, ForgetsWhatItHeldWhenItLosesItsPower) {
  Bench bench(kP6);
  bench.ask_sealed("DC 02 01 1A 02 0F FF", 100);
  bench.cabinet.power_cycle(bench.now);
  bench.wait(300);
  EXPECT_EQ(bench.doors().coils_on(), 0U);
  EXPECT_NE(bench.ask("DC 02 01 12 00 13"), "");
}

}  // namespace
}  // namespace cubby::emulator

// P1, the 8A/80 board: every command, every switch at each setting.
#include <gtest/gtest.h>

#include "unit/boards/bench.h"

namespace cubby::emulator {
namespace {

constexpr BoardFamily kP1 = BoardFamily::kP1;
using Doors = std::vector<std::size_t>;

TEST(BoardP1, AnswersAnUnlockHalfASecondLaterWithTheStatusOfThen) {
  Bench bench(kP1);
  expect_about(bench.answer_after_us("8A 01 03 11"), 500'000, 100);
  EXPECT_EQ(bench.open_doors(), Doors{3});
  EXPECT_EQ(bench.ask("8A 01 03 11 99"), bench.seal("8A 01 03 00")) << "it is open already";
}

TEST(BoardP1, AnswersAnUnlockAtOnceWhenItsProfileSaysStatus) {
  Bench bench(kP1, {"unlock_reply=status"});
  EXPECT_EQ(bench.ask("8A 01 03 11 99"), "8A 01 03 11 99") << "the door has had no time to move";
  bench.shut(3);
  expect_about(bench.answer_after_us("8A 01 03 11"), 10'000, 100);
}

TEST(BoardP1, DoesNotAnswerAnUnlockWhenItsProfileSaysNone) {
  Bench bench(kP1, {"unlock_reply=none"});
  EXPECT_EQ(bench.ask("8A 01 03 11 99", 5'000), "");
  EXPECT_EQ(bench.open_doors(), Doors{3});
}

TEST(BoardP1, IsAsLateAsItsProfileSays) {
  Bench bench(kP1, {"unlock_reply_ms=250"});
  expect_about(bench.answer_after_us("8A 01 03 11"), 250'000, 100);
}

TEST(BoardP1, ReadsAllWithChannelsOneToEightLast) {
  Bench bench(kP1, {"channels=24", "status_order=last"});
  bench.force(1);
  bench.force(10);
  bench.force(24);
  EXPECT_EQ(bench.ask_sealed("80 01 00 33"), bench.seal("80 01 7F FD FE 33"));
}

TEST(BoardP1, ReadsAllWithChannelsOneToEightFirst) {
  Bench bench(kP1, {"channels=24", "status_order=first"});
  bench.force(1);
  bench.force(10);
  bench.force(24);
  EXPECT_EQ(bench.ask_sealed("80 01 00 33"), bench.seal("80 01 FE FD 7F 33"));
}

TEST(BoardP1, WithOpeningFeedbackEveryStatusIsReversed) {
  Bench closing(kP1, {"feedback=closing"});
  Bench opening(kP1, {"feedback=opening"});
  for (Bench* bench : {&closing, &opening}) {
    bench->force(2);
  }
  EXPECT_EQ(closing.ask_sealed("80 01 02 33"), closing.seal("80 01 02 00"));
  EXPECT_EQ(opening.ask_sealed("80 01 02 33"), opening.seal("80 01 02 11"));
  EXPECT_EQ(closing.ask_sealed("80 01 01 33"), closing.seal("80 01 01 11"));
  EXPECT_EQ(opening.ask_sealed("80 01 01 33"), opening.seal("80 01 01 00"));
  EXPECT_EQ(closing.ask_sealed("80 01 00 33"), closing.seal("80 01 00 00 FD 33"));
  EXPECT_EQ(opening.ask_sealed("80 01 00 33"), opening.seal("80 01 00 00 02 33"));
}

TEST(BoardP1, EveryModelHasItsNumberOfStatusBytes) {
  const std::vector<std::pair<std::string, std::size_t>> models{{"8", 3},  {"12", 3}, {"18", 3},
                                                                {"24", 3}, {"32", 4}, {"50", 7}};
  for (const auto& [channels, bytes] : models) {
    Bench bench(kP1, {"channels=" + channels});
    EXPECT_EQ(from_hex(bench.ask_sealed("80 01 00 33")).size(), 4 + bytes) << channels;
    EXPECT_NE(bench.ask_sealed("80 01 " + to_hex(frame_of(std::stoi(channels))) + " 33"), "") << channels;
    EXPECT_EQ(bench.ask_sealed("80 01 " + to_hex(frame_of(std::stoi(channels) + 1)) + " 33"), "") << channels;
  }
}

TEST(BoardP1, UnlocksSeveralWithChannelsOneToEightFirstWhateverItsStatusOrder) {
  for (const char* order : {"status_order=first", "status_order=last"}) {
    Bench bench(kP1, {"channels=24", order});
    EXPECT_EQ(bench.ask("90 01 01 00 00 90"), "") << "it is not answered";
    EXPECT_EQ(bench.open_doors(), Doors{1}) << order;
    bench.ask_sealed("90 01 00 02 80");
    EXPECT_EQ(bench.open_doors(), (Doors{1, 10, 24})) << order;
  }
  Bench large(kP1, {"channels=50"});
  large.ask_sealed("90 01 01 00 00 00 00 00 02", 2'000);
  EXPECT_EQ(large.open_doors(), (Doors{1, 50}));
}

TEST(BoardP1, UnlocksSeveralWithChannelsOneToEightLastIfItsProfileSaysSo) {
  for (const char* order : {"status_order=first", "status_order=last"}) {
    Bench bench(kP1, {"channels=24", "unlock_order=last", order});
    bench.ask_sealed("90 01 01 00 80");
    EXPECT_EQ(bench.open_doors(), (Doors{8, 17})) << order;
  }
}

TEST(BoardP1, OpensAllOneAfterAnotherOrAllAtOnce) {
  Bench in_turn(kP1, {"open_all=sequential", "open_all_step_ms=400"});
  EXPECT_EQ(in_turn.ask_sealed("8A 01 00 11", 700), in_turn.seal("8A 01 00 11"));
  EXPECT_EQ(in_turn.open_doors(), (Doors{1, 2}));
  in_turn.wait(4'000);
  EXPECT_EQ(in_turn.open_doors().size(), 8U);
  Bench together(kP1, {"open_all=simultaneous"});
  together.ask_sealed("8A 01 00 11", 10);
  EXPECT_EQ(together.doors().coils_on(), 8U);
  together.wait(200);
  EXPECT_EQ(together.open_doors().size(), 8U);
}

TEST(BoardP1, ThePulseIsAsLongAsTheProfileOrTheCommandSays) {
  Bench bench(kP1, {"pulse_ms=300"});
  bench.ask_sealed("8A 01 01 11", 290);
  EXPECT_EQ(bench.doors().coils_on(), 1U);
  bench.wait(30);
  EXPECT_EQ(bench.doors().coils_on(), 0U);
  Bench longer(kP1, {"pulse_ms=450"});
  longer.ask_sealed("8A 01 01 11", 440);
  EXPECT_EQ(longer.doors().coils_on(), 1U);
  bench.ask_sealed("8A 01 02 11 05", 4'900);
  EXPECT_EQ(bench.doors().coils_on(), 1U);
  bench.wait(200);
  EXPECT_EQ(bench.doors().coils_on(), 0U);
  EXPECT_EQ(bench.ask_sealed("8A 01 03 11 0A"), "") << "ten seconds are not offered";
  EXPECT_FALSE(bench.is_open(3));
}

TEST(BoardP1, AHeldCoilHeatsUntilItBurns) {
  Bench bench(kP1);
  EXPECT_EQ(bench.ask_sealed("9A 01 01 11", 100), bench.seal("9A 01 01 11"));
  bench.wait(10'000);
  EXPECT_EQ(bench.ask_sealed("9B 01 01 11", 100), bench.seal("9B 01 01 00"));
  EXPECT_EQ(bench.doors().coils_on(), 0U);
  EXPECT_FALSE(bench.doors().door(0).burnt);
  bench.wait(3'600'000);
  bench.ask_sealed("9A 01 01 11", 21'000);
  EXPECT_TRUE(bench.doors().door(0).burnt);
  bench.ask_sealed("9B 01 01 11");
  bench.shut(1);
  EXPECT_EQ(bench.ask_sealed("8A 01 01 11"), bench.seal("8A 01 01 11")) << "the coil is dead, the door stays shut";
}

TEST(BoardP1, ReleaseWithoutHoldChangesNothing) {
  Bench bench(kP1);
  EXPECT_EQ(bench.ask_sealed("9B 01 01 11"), bench.seal("9B 01 01 11"));
  EXPECT_EQ(bench.doors().coils_on(), 0U);
}

TEST(BoardP1, CountingFromZeroChannelZeroIsTheFirstLockAndNotAll) {
  Bench bench(kP1, {"first_channel=0"});
  bench.ask_sealed("8A 01 00 11", 5'000);
  EXPECT_EQ(bench.open_doors(), Doors{1});
  bench.ask_sealed("8A 01 07 11");
  EXPECT_EQ(bench.open_doors(), (Doors{1, 8}));
  EXPECT_EQ(bench.ask_sealed("8A 01 08 11"), "");
}

TEST(BoardP1, IsSilentForAnotherAddressAndForChannelsThatItLacks) {
  Bench bench(kP1, {"address=2"});
  for (const char* frame : {"8A 01 01 11", "80 01 00 33", "9A 01 01 11", "90 01 FF FF FF", "8A 02 09 11", "8A 02 01 12",
                            "80 02 09 33", "9A 02 00 11"}) {
    EXPECT_EQ(bench.ask_sealed(frame), "") << frame;
  }
  EXPECT_TRUE(bench.open_doors().empty());
  EXPECT_EQ(bench.ask_sealed("80 02 01 33"), bench.seal("80 02 01 11"));
}

TEST(BoardP1, TellsItsVersionWithAChecksumThatVerifies) {
  Bench bench(kP1);
  EXPECT_EQ(bench.ask("82 01 00 22 A1"), "82 01 00 AB 28");
}

TEST(BoardP1, AnEchoingAdapterAnswersAnUnlockWithoutAnyBoard) {
  Bench echoing(kP1, {"local_echo=on", "address=5"});
  EXPECT_EQ(echoing.ask("8A 01 01 11 9B"), "8A 01 01 11 9B") << "the same bytes as 'still shut'";
  EXPECT_TRUE(echoing.open_doors().empty());
  Bench quiet(kP1, {"local_echo=off", "address=5"});
  EXPECT_EQ(quiet.ask("8A 01 01 11 9B"), "");
}

TEST(BoardP1, GarbageComesBeforeEachReplyIfTheProfileSaysSo) {
  Bench dirty(kP1, {"garbage_prefix=on"});
  EXPECT_EQ(dirty.ask("80 01 01 33 B3"), "FA FD 99 99 80 01 01 11 91");
  Bench clean(kP1, {"garbage_prefix=off"});
  EXPECT_EQ(clean.ask("80 01 01 33 B3"), "80 01 01 11 91");
}

TEST(BoardP1, NeitherHearsNorAnswersWhileItIsBusyAfterAnUnlock) {
  Bench busy(kP1, {"busy_after_unlock_ms=300", "unlock_reply=none"});
  busy.ask("8A 01 01 11 9B", 100);
  EXPECT_EQ(busy.ask("80 01 01 33 B3", 150), "");
  EXPECT_EQ(busy.ask("8A 01 02 11 98", 500), "");
  EXPECT_EQ(busy.open_doors(), Doors{1});
  EXPECT_NE(busy.ask("80 01 01 33 B3"), "");
  Bench ready(kP1, {"busy_after_unlock_ms=0", "unlock_reply=none"});
  ready.ask("8A 01 01 11 9B", 100);
  EXPECT_NE(ready.ask("80 01 01 33 B3", 150), "");
}

TEST(BoardP1, TellsByItselfOfADoorThatMovedOnceItsSwitchIsQuiet) {
  Bench bench(kP1, {"unsolicited=on"});
  bench.force(3);
  EXPECT_EQ(bench.hears(200), bench.seal("82 01 03 00"));
  bench.shut(3);
  EXPECT_EQ(bench.hears(200), bench.seal("82 01 03 11"));
  Bench silent(kP1, {"unsolicited=off"});
  silent.force(3);
  EXPECT_EQ(silent.hears(500), "");
  Bench reversed(kP1, {"unsolicited=on", "feedback=opening"});
  reversed.hears(200);
  reversed.force(3);
  EXPECT_EQ(reversed.hears(200), reversed.seal("82 01 03 11"));
}

TEST(BoardP1, ALateReplyCollidesWithAPollThatWasSentMeanwhile) {
  Bench bench(kP1);
  bench.ask("8A 01 01 11 9B", 503);
  const std::string heard = bench.ask("80 01 02 33 B0");
  EXPECT_GT(bench.cabinet.collisions(), 0U);
  EXPECT_EQ(heard.find("80 01 02"), std::string::npos) << "the poll was spoiled too: " << heard;
  EXPECT_NE(bench.ask("80 01 02 33 B0"), "");
}

TEST(BoardP1, FindsAFrameBehindWhatIsNone) {
  Bench bench(kP1);
  EXPECT_EQ(bench.ask("8A 01 01 80 01 01 33 B3"), "80 01 01 11 91");
  EXPECT_EQ(bench.ask("00 FF 33 80 80 01 01 33 B3"), "80 01 01 11 91");
  EXPECT_EQ(bench.ask("8A 01 01 11 9A 80 01 01 33 B3"), "80 01 01 11 91");
  EXPECT_EQ(bench.ask("80 01 01 33 B3 80 01 01 33 B3"), "80 01 01 11 91 80 01 01 11 91");
  bench.ask("80 01 01", 60);
  EXPECT_EQ(bench.ask("33 B3"), "") << "a pause of 60 ms ends what was begun";
}

TEST(BoardP1, ForgetsWhatWasUnderWayWhenItLosesItsPower) {
  Bench bench(kP1, {"open_all=sequential"});
  bench.ask_sealed("8A 01 00 11", 300);
  bench.cabinet.power_cycle(bench.now);
  EXPECT_EQ(bench.hears(10'000), "");
  EXPECT_EQ(bench.open_doors(), Doors{1});
  bench.cabinet.power_cycle(bench.now);
  EXPECT_EQ(bench.ask("80 01 01 33 B3", 150), "") << "it is still starting";
  bench.wait(100);
  EXPECT_NE(bench.ask("80 01 01 33 B3", 150), "");
}

}  // namespace
}  // namespace cubby::emulator

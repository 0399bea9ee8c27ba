// P7, "WKLY": every command, every switch at each setting.
#include <gtest/gtest.h>

#include "unit/boards/bench.h"

namespace cubby::emulator {
namespace {

constexpr BoardFamily kP7 = BoardFamily::kP7;
using Doors = std::vector<std::size_t>;

/// With magic, length and checksum: "00 82 01" becomes a whole frame.
std::vector<std::byte> wkly(const std::string& rest) {
  const auto size = static_cast<unsigned>(from_hex(rest).size() + 6);
  return sealed(kP7, "57 4B 4C 59 " + to_hex(frame_of(size)) + " " + rest);
}
std::string said(const std::string& rest) {
  return to_hex(wkly(rest));
}

TEST(BoardP7, OpensOneAndSaysHowItsDoorIs) {
  Bench bench(kP7);
  EXPECT_EQ(bench.ask(wkly("00 82 01")), said("00 82 00 01 00"));
  EXPECT_EQ(bench.open_doors(), Doors{1});
  bench.jam(5);
  EXPECT_EQ(bench.ask(wkly("00 82 05")), "57 4B 4C 59 0B 00 82 00 05 01 84") << "it got its pulse and is shut still";
}

TEST(BoardP7, ItsLatenciesAreThoseOfTheRealOne) {
  Bench bench(kP7);
  for (int i = 0; i < 50; ++i) {
    const std::int64_t open = bench.answer_after_us("57 4B 4C 59 09 00 82 01");
    EXPECT_GE(open, 350'000);
    EXPECT_LE(open, 450'000);
    const std::int64_t one = bench.answer_after_us("57 4B 4C 59 09 00 83 01");
    EXPECT_GE(one, 80'000);
    EXPECT_LE(one, 120'000);
    const std::int64_t all = bench.answer_after_us("57 4B 4C 59 08 00 84");
    EXPECT_GE(all, 180'000);
    EXPECT_LE(all, 220'000);
  }
}

TEST(BoardP7, AnswersAnOpenAsItsProfileSays) {
  Bench late(kP7, {"unlock_reply=late", "unlock_reply_ms=800"});
  expect_about(late.answer_after_us("57 4B 4C 59 09 00 82 01"), 800'000, 50'000);
  Bench status(kP7, {"unlock_reply=status"});
  EXPECT_EQ(status.ask(wkly("00 82 01")), said("00 82 00 01 01")) << "obeyed, and not open yet";
  Bench none(kP7, {"unlock_reply=none"});
  EXPECT_EQ(none.ask(wkly("00 82 01")), "");
  EXPECT_EQ(none.open_doors(), Doors{1});
}

TEST(BoardP7, ReadsOneAndAll) {
  Bench bench(kP7, {"channels=8"});
  bench.force(3);
  EXPECT_EQ(bench.ask(wkly("00 83 03")), said("00 83 00 03 00"));
  EXPECT_EQ(bench.ask(wkly("00 83 04")), said("00 83 00 04 01"));
  EXPECT_EQ(bench.ask(wkly("00 84")), said("00 84 00 08 01 01 00 01 01 01 01 01"));
}

TEST(BoardP7, OpensSeveralTogetherOrInTurn) {
  Bench together(kP7);
  EXPECT_EQ(together.ask(wkly("00 80 03 01 02 03"), 50), "");
  EXPECT_EQ(together.doors().coils_on(), 3U);
  EXPECT_EQ(together.hears(1'000), said("00 80 00"));
  Bench in_turn(kP7, {"open_all_step_ms=400"});
  in_turn.ask(wkly("00 87 03 01 02 03"), 200);
  EXPECT_EQ(in_turn.open_doors(), Doors{1});
  EXPECT_EQ(in_turn.hears(1'500), said("00 87 00"));
  EXPECT_EQ(in_turn.open_doors(), (Doors{1, 2, 3}));
}

TEST(BoardP7, OpensAllInTurnAtItsStep) {
  Bench bench(kP7, {"channels=8", "open_all_step_ms=300"});
  EXPECT_EQ(bench.ask(wkly("00 86"), 500), said("00 86 00"));
  EXPECT_EQ(bench.open_doors(), (Doors{1, 2}));
  bench.wait(3'000);
  EXPECT_EQ(bench.open_doors().size(), 8U);
}

TEST(BoardP7, FlashesHoldsAndReleases) {
  Bench bench(kP7);
  EXPECT_EQ(bench.ask(wkly("00 81 05")), said("00 81 00 05"));
  EXPECT_EQ(bench.doors().coils_on(), 0U);
  EXPECT_EQ(bench.ask(wkly("00 88 05")), said("00 88 00 05"));
  EXPECT_EQ(bench.doors().coils_on(), 1U);
  EXPECT_EQ(bench.ask(wkly("00 89 05")), said("00 89 00 05"));
  EXPECT_EQ(bench.doors().coils_on(), 0U);
  bench.ask(wkly("00 88 05"), 25'000);
  EXPECT_TRUE(bench.doors().door(4).burnt);
}

TEST(BoardP7, SaysThatItCannotDoWhatItHasNoChannelFor) {
  Bench bench(kP7, {"channels=8"});
  EXPECT_EQ(bench.ask(wkly("00 82 09")), said("00 82 FF 09 FF"));
  EXPECT_EQ(bench.ask(wkly("00 83 00")), said("00 83 FF 00 FF"));
  EXPECT_EQ(bench.ask(wkly("00 81 09")), said("00 81 FF 09"));
  EXPECT_EQ(bench.ask(wkly("00 80 02 01 09")), said("00 80 FF"));
  EXPECT_EQ(bench.ask(wkly("00 87 03 01 02")), said("00 87 FF")) << "the count is wrong";
  EXPECT_EQ(bench.ask(wkly("00 80 00")), said("00 80 FF"));
  EXPECT_TRUE(bench.open_doors().empty());
}

TEST(BoardP7, TellsByItselfOfADoorThatMoved) {
  Bench bench(kP7, {"unsolicited=on"});
  bench.force(3);
  EXPECT_EQ(bench.hears(200), said("00 85 03 00"));
  bench.shut(3);
  EXPECT_EQ(bench.hears(200), said("00 85 03 01"));
  Bench silent(kP7, {"unsolicited=off"});
  silent.force(3);
  EXPECT_EQ(silent.hears(500), "");
}

TEST(BoardP7, HuntsForItsMagic) {
  Bench bench(kP7);
  const std::string read = said("00 83 01");
  const std::string answer = said("00 83 00 01 01");
  EXPECT_EQ(bench.ask("57 57 4B 57 4B 4C " + read), answer);
  EXPECT_EQ(bench.ask("57 4B 4C 59 07 " + read), answer) << "no frame is so short";
  EXPECT_EQ(bench.ask("57 4B 4C 59 FF " + read), answer) << "or so long";
  EXPECT_EQ(bench.ask("57 4B 4C 59 09 00 83 01 00 " + read), answer) << "a wrong checksum";
  EXPECT_EQ(bench.ask(read + " " + read), answer + " " + answer);
}

TEST(BoardP7, IsSilentForAnotherAddressAndAnUnknownCommand) {
  Bench bench(kP7, {"address=7"});
  EXPECT_EQ(bench.ask(wkly("00 82 01")), "");
  EXPECT_EQ(bench.ask(wkly("07 8A 01")), "");
  EXPECT_EQ(bench.ask(wkly("07 82 01 01")), "");
  EXPECT_TRUE(bench.open_doors().empty());
  EXPECT_EQ(bench.ask(wkly("07 83 01")), said("07 83 00 01 01"));
}

TEST(BoardP7, CountsChannelsFromOneOrFromZero) {
  Bench one(kP7, {"first_channel=1"});
  one.ask(wkly("00 82 01"));
  EXPECT_EQ(one.open_doors(), Doors{1});
  Bench zero(kP7, {"first_channel=0"});
  zero.ask(wkly("00 82 01"));
  EXPECT_EQ(zero.open_doors(), Doors{2});
}

TEST(BoardP7, PulseEchoGarbageAndBusyAreAsTheProfileSays) {
  Bench pulse(kP7, {"pulse_ms=200"});
  pulse.ask(wkly("00 82 01"), 205);
  EXPECT_EQ(pulse.doors().coils_on(), 1U);
  pulse.wait(20);
  EXPECT_EQ(pulse.doors().coils_on(), 0U);
  Bench echoing(kP7, {"local_echo=on"});
  EXPECT_EQ(echoing.ask(wkly("00 83 01")), said("00 83 01") + " " + said("00 83 00 01 01"));
  Bench dirty(kP7, {"garbage_prefix=on"});
  EXPECT_EQ(dirty.ask(wkly("00 83 01")), "FA FD 99 99 " + said("00 83 00 01 01"));
  Bench busy(kP7, {"busy_after_unlock_ms=500", "unlock_reply=none"});
  busy.ask(wkly("00 82 01"), 100);
  EXPECT_EQ(busy.ask(wkly("00 83 01"), 300), "");
}

TEST(BoardP7, ForgetsWhatItWasDoingWhenItLosesItsPower) {
  Bench bench(kP7);
  bench.ask(wkly("00 86"), 100);
  bench.cabinet.power_cycle(bench.now);
  EXPECT_EQ(bench.hears(20'000), "");
  EXPECT_EQ(bench.open_doors().size(), 1U);
}

}  // namespace
}  // namespace cubby::emulator

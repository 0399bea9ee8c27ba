// Profiles, several boards on one segment, and the doors behind them.
#include <gtest/gtest.h>

#include "unit/boards/bench.h"

namespace cubby::emulator {
namespace {

TEST(Profile, ADefaultOfEachFamilyIsGood) {
  for (const BoardFamily family : kBoardFamilies) {
    EXPECT_EQ(profile_problem(default_profile(family)), "") << to_string(family);
    EXPECT_EQ(board_family(to_string(family)), family);
  }
  EXPECT_EQ(board_family("P7"), BoardFamily::kP7);
  for (const char* none : {"", "p", "p3", "p11", "q1", "1"}) {
    EXPECT_FALSE(board_family(none).has_value()) << none;
  }
}

TEST(Profile, SaysWhatIsAllowedWhenASettingIsNot) {
  BoardProfile profile = default_profile(BoardFamily::kP1);
  EXPECT_EQ(apply_setting(profile, "status_order=middle"), "status_order=middle: p1 takes first or last");
  EXPECT_EQ(apply_setting(profile, "channels=16"), "channels=16: p1 takes 8, 12, 18, 24, 32 or 50");
  EXPECT_EQ(apply_setting(profile, "pulse_ms=-1"), "pulse_ms=-1: p1 takes a whole number from 10 to 60000");
  EXPECT_EQ(apply_setting(profile, "address=32"), "address=32: p1 takes a whole number from 1 to 31");
  EXPECT_EQ(apply_setting(profile, "local_echo=yes"), "local_echo=yes: p1 takes off or on");
  EXPECT_TRUE(apply_setting(profile, "colour=red").starts_with("p1 has no setting 'colour'; it has baud, address,"));
  EXPECT_TRUE(apply_setting(profile, "closed_bit=1").starts_with("p1 has no setting 'closed_bit'"));
  EXPECT_TRUE(apply_setting(profile, "baud").starts_with("'baud' is not name=value"));
  EXPECT_TRUE(apply_setting(profile, "=9600").starts_with("'=9600' is not name=value"));
  for (const char* value : {"", "1e3", "0x10", " 300", "300 ", "99999999999", "NaN"}) {
    EXPECT_NE(apply_setting(profile, std::string("pulse_ms=") + value), "") << value;
  }
  EXPECT_EQ(settings_of(profile), settings_of(default_profile(BoardFamily::kP1))) << "nothing was changed";
}

TEST(Profile, WhatItListsCanBeSetAgain) {
  for (const BoardFamily family : kBoardFamilies) {
    BoardProfile profile = default_profile(family);
    const std::string all = settings_of(profile);
    for (std::size_t begin = 0; begin < all.size();) {
      const std::size_t end = std::min(all.find(' ', begin), all.size());
      EXPECT_EQ(apply_setting(profile, all.substr(begin, end - begin)), "");
      begin = end + 1;
    }
    EXPECT_EQ(settings_of(profile), all);
  }
}

TEST(Cabinet, FamiliesShareASegmentEachHearingItsOwn) {
  Cabinet cabinet({});
  ASSERT_EQ(cabinet.add_board(profile_of(BoardFamily::kP1)), "");
  ASSERT_EQ(cabinet.add_board(profile_of(BoardFamily::kP5)), "");
  ASSERT_EQ(cabinet.add_board(profile_of(BoardFamily::kP6)), "");
  ASSERT_EQ(cabinet.add_board(profile_of(BoardFamily::kP7)), "");
  ASSERT_EQ(cabinet.add_board(profile_of(BoardFamily::kP2, {"baud=9600"})), "");
  EXPECT_EQ(cabinet.doors().size(), 8U + 8 + 12 + 24 + 16);
  EXPECT_EQ(cabinet.first_door(3), 28U);
  Instant now{};
  const std::vector<std::pair<const char*, const char*>> exchanges{
      {"80 01 01 33 B3", "80 01 01 11 91"},
      {"01 01 00 00 00 08 3D CC", "01 01 01 00 51 88"},
      {"DC 02 01 12 00 13", "DC FE 01 12 02 00 00 15"},
      {"57 4B 4C 59 09 00 81 01 80", "57 4B 4C 59 0A 00 81 00 01 83"},
      {"02 00 30 03 35", "02 00 35 FF FF 00 00 03 38"},
  };
  for (const auto& [question, answer] : exchanges) {
    cabinet.host_sends(from_hex(question), now);
    now = now + Duration::seconds(1);
    EXPECT_EQ(to_hex(cabinet.host_hears(now)), answer) << question;
  }
}

TEST(Cabinet, RefusesASecondSpeedAndTooManyBoards) {
  Cabinet cabinet({});
  ASSERT_EQ(cabinet.add_board(profile_of(BoardFamily::kP1)), "");
  EXPECT_NE(cabinet.add_board(profile_of(BoardFamily::kP2)).find("19200 baud beside p1 at 9600"), std::string::npos);
  for (int i = 1; i < 32; ++i) {
    ASSERT_EQ(cabinet.add_board(profile_of(BoardFamily::kP1)), "");
  }
  EXPECT_NE(cabinet.add_board(profile_of(BoardFamily::kP1)), "");
  BoardProfile bad = default_profile(BoardFamily::kP1);
  bad.channels = 9;
  EXPECT_NE(Cabinet({}).add_board(bad), "");
}

TEST(Cabinet, TwoBoardsWithOneAddressSpoilEachOthersReplies) {
  Cabinet cabinet({});
  ASSERT_EQ(cabinet.add_board(profile_of(BoardFamily::kP1)), "");
  ASSERT_EQ(cabinet.add_board(profile_of(BoardFamily::kP1)), "");
  cabinet.host_sends(from_hex("80 01 01 33 B3"), Instant{});
  const std::string heard = to_hex(cabinet.host_hears(Instant{} + Duration::seconds(1)));
  EXPECT_EQ(heard.find("80 01 01 11 91"), std::string::npos) << heard;
  EXPECT_EQ(cabinet.collisions(), 2U);
  const std::vector<Burst> bursts = cabinet.take_bursts();
  ASSERT_EQ(bursts.size(), 3U);
  EXPECT_FALSE(bursts[0].spoiled);
  EXPECT_TRUE(bursts[1].spoiled);
  EXPECT_TRUE(bursts[2].spoiled);
}

TEST(Cabinet, BytesTakeTheirTimeBothWays) {
  Bench bench(BoardFamily::kP1);
  bench.cabinet.host_sends(from_hex("80 01 01 33 B3"), bench.now);
  const std::int64_t begins_us = 5 * 1042 + 10'000;
  for (std::int64_t bytes = 0; bytes <= 5; ++bytes) {
    const Instant at = bench.now + Duration::microseconds(begins_us + bytes * 1042);
    EXPECT_EQ(bench.cabinet.host_hears(Instant{at.us - 1}).size(), 0U) << bytes;
    EXPECT_EQ(bench.cabinet.host_hears(at).size(), bytes == 0 ? 0U : 1U) << bytes;
  }
}

TEST(Cabinet, AHostThatNeverPausesIsHeardInPartsOneAfterAnother) {
  Bench bench(BoardFamily::kP1);
  const std::vector<std::byte> much(600, std::byte{0x55});
  bench.cabinet.host_sends(much, bench.now);
  bench.cabinet.host_sends(from_hex("80 01 01 33 B3"), bench.now);
  EXPECT_EQ(bench.cabinet.host_backlog(), 605U);
  EXPECT_EQ(bench.hears(600), "") << "it is still talking";
  EXPECT_EQ(bench.hears(200), "80 01 01 11 91");
  EXPECT_EQ(bench.cabinet.host_backlog(), 0U);
  EXPECT_EQ(bench.cabinet.collisions(), 0U);
}

TEST(Cabinet, BytesThatTookTheirTimeOnARealWireAreHeardAtOnce) {
  CabinetOptions options;
  options.host_is_paced = true;
  Bench bench(BoardFamily::kP1, {}, options);
  EXPECT_EQ(bench.ask("80 01 01 33 B3", 9), "");
  EXPECT_EQ(bench.hears(7), "80 01 01 11 91") << "10 ms and the answer's own five bytes";
}

TEST(Cabinet, AtAnotherSpeedNobodyUnderstandsAnything) {
  CabinetOptions options;
  options.line_baud = 19200;
  Bench bench(BoardFamily::kP1, {}, options);
  EXPECT_EQ(bench.ask("8A 01 01 11 9B"), "");
  EXPECT_TRUE(bench.open_doors().empty());
}

TEST(Cabinet, TheSameSeedGivesTheSameBytesAtTheSameTimes) {
  std::vector<std::vector<Burst>> runs;
  for (const std::uint64_t seed : {5U, 5U, 6U}) {
    CabinetOptions options;
    options.seed = seed;
    options.noise[NoiseKind::kFlip] = 20'000;
    Bench bench(BoardFamily::kP7, {"unsolicited=on"}, options);
    for (int i = 0; i < 40; ++i) {
      bench.ask("57 4B 4C 59 09 00 82 01 83");
      bench.shut(1);
    }
    runs.push_back(bench.cabinet.take_bursts());
  }
  const auto same = [](const std::vector<Burst>& a, const std::vector<Burst>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Burst& x, const Burst& y) {
      return x.begin == y.begin && x.bytes == y.bytes && x.who == y.who;
    });
  };
  EXPECT_TRUE(same(runs[0], runs[1]));
  EXPECT_FALSE(same(runs[0], runs[2]));
}

TEST(Cabinet, TwelveCoilsAtOnceBrownOutASmallSupply) {
  CabinetOptions options;
  options.supply_ma = 10'000;
  Bench bench(BoardFamily::kP6, {}, options);
  EXPECT_EQ(bench.ask_sealed("DC 02 01 18 02 0F FF"), "") << "the board has lost its power";
  EXPECT_EQ(bench.cabinet.brown_outs(), 1U);
  EXPECT_EQ(bench.doors().coils_on(), 0U);
  EXPECT_NE(bench.ask_sealed("DC 02 01 15 02 0F FF", 5'000), "") << "one after another it is enough";
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

TEST(DoorRack, ALatchTakesItsTimeAndTheSwitchChatters) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CabinetOptions options;
    options.seed = seed;
    Bench bench(BoardFamily::kP1, {}, options);
    bench.doors().coil(0, 0, true, bench.now);
    const Instant opens = bench.doors().door(0).moves_at;
    EXPECT_GE((opens - bench.now).ms(), 30);
    EXPECT_LE((opens - bench.now).ms(), 121);
    bench.wait(150);
    const Duration bounce = bench.doors().door(0).door.bounce_until - opens;
    EXPECT_GE(bounce.ms(), 5);
    EXPECT_LE(bounce.ms(), 21);
  }
}

TEST(DoorRack, ADoorIsShutOnceAndOpenedByForceOnce) {
  Bench bench(BoardFamily::kP1);
  EXPECT_EQ(bench.doors().push_shut(0, bench.now), Status::kWrongState);
  EXPECT_EQ(bench.doors().put_item(0), Status::kWrongState) << "the door is shut";
  EXPECT_EQ(bench.doors().force_open(0, bench.now), Status::kOk);
  EXPECT_EQ(bench.doors().force_open(0, bench.now), Status::kWrongState);
  EXPECT_EQ(bench.doors().take_item(0), Status::kWrongState) << "there is nothing";
  EXPECT_EQ(bench.doors().put_item(0), Status::kOk);
  EXPECT_EQ(bench.doors().put_item(0), Status::kWrongState) << "there is something already";
  EXPECT_EQ(bench.doors().push_shut(0, bench.now), Status::kOk);
  const std::vector<DoorNews> news = bench.doors().take_news();
  ASSERT_EQ(news.size(), 2U);
  EXPECT_EQ(news[0].kind, DoorNewsKind::kForced);
  EXPECT_EQ(news[1].kind, DoorNewsKind::kShut);
}

TEST(DoorRack, AJammedDoorDoesNotMoveUntilItIsFree) {
  Bench bench(BoardFamily::kP1);
  bench.doors().jam(0, bench.now + Duration::seconds(10));
  bench.ask_sealed("8A 01 01 11", 2'000);
  EXPECT_FALSE(bench.is_open(1));
  ASSERT_EQ(bench.doors().take_news().size(), 1U);
  bench.wait(9'000);
  bench.ask_sealed("8A 01 01 11");
  EXPECT_TRUE(bench.is_open(1));
}

TEST(DoorRack, AWornLatchDoesNotStayShut) {
  Bench bench(BoardFamily::kP1);
  bench.doors().set_worn(0, true);
  bench.force(1);
  bench.shut(1);
  EXPECT_FALSE(bench.is_open(1));
  bench.wait(500);
  EXPECT_TRUE(bench.is_open(1));
  bench.doors().mend(0, bench.now);
  bench.shut(1);
  bench.wait(500);
  EXPECT_FALSE(bench.is_open(1));
}

TEST(DoorRack, AStuckSwitchSaysTheSameWhateverTheDoorDoes) {
  Bench bench(BoardFamily::kP1);
  bench.doors().set_switch_fault(0, SwitchFault::kStuckShut);
  bench.force(1);
  EXPECT_EQ(bench.ask("80 01 01 33 B3"), "80 01 01 11 91");
  bench.doors().set_switch_fault(0, SwitchFault::kStuckOpen);
  bench.shut(1);
  EXPECT_EQ(bench.ask("80 01 01 33 B3"), "80 01 01 00 80");
  bench.doors().mend(0, bench.now);
  EXPECT_EQ(bench.ask("80 01 01 33 B3"), "80 01 01 11 91");
}

TEST(DoorRack, SwappedWiresOpenTheOtherDoor) {
  Bench bench(BoardFamily::kP1);
  ASSERT_EQ(bench.doors().swap_wires(0, 4), Status::kOk);
  EXPECT_EQ(bench.doors().swap_wires(0, 8), Status::kBadInput);
  bench.ask_sealed("8A 01 01 11");
  EXPECT_EQ(bench.open_doors(), std::vector<std::size_t>{5});
}

TEST(DoorRack, ADoorDoesNotStayShutWhileItsCoilHoldsTheBoltBack) {
  Bench bench(BoardFamily::kP1);
  bench.ask_sealed("9A 01 01 11");
  bench.shut(1);
  bench.wait(200);
  EXPECT_TRUE(bench.is_open(1));
}

TEST(FrameText, SaysWhatABurstHoldsAndWhatItDoesNot) {
  constexpr std::array kTwo{BoardFamily::kP1, BoardFamily::kP5};
  EXPECT_EQ(tell_burst(kTwo, from_hex("8A 01 03 11 99"), true), "p1 board 1: unlock 3");
  EXPECT_EQ(tell_burst(kTwo, from_hex("FA FD 99 99 80 01 01 00 80"), false),
            "4 bytes that are no frame; p1 board 1: status of 1 00");
  EXPECT_EQ(tell_burst(kTwo, from_hex("01 05 02 01 00 02 1C 73"), true), "p5 board 1: relay 1 on for 200 ms");
  EXPECT_EQ(tell_burst(kTwo, from_hex("01 85 03 02 91"), false), "p5 board 1: exception 3 to function 5");
  EXPECT_EQ(tell_burst(kTwo, from_hex("00"), true), "1 byte that is no frame");
  EXPECT_EQ(tell_burst(kTwo, {}, true), "");
}

TEST(FrameText, NeverReadsBeyondWhatThereIs) {
  Prng prng(3);
  std::size_t told = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::vector<std::byte> bytes(prng.below(14));
    for (std::byte& value : bytes) {
      value = static_cast<std::byte>(prng.below(256));
    }
    const BoardFamily family = kBoardFamilies[prng.below(kBoardFamilies.size())];
    const ToldFrame frame = tell_frame(family, bytes, prng.below(2) == 0);
    ASSERT_LE(frame.size, bytes.size());
    told += frame.size != 0 ? 1 : 0;
  }
  EXPECT_LT(told, 1'000U);
}

}  // namespace
}  // namespace cubby::emulator

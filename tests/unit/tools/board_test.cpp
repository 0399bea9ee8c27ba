// What `cubby board` knows without a port: its options, its prompt, its recordings.
#include <gtest/gtest.h>

#include <algorithm>

#include "tools/cubby/board_options.h"
#include "tools/cubby/board_prompt.h"
#include "tools/cubby/board_traffic.h"

namespace cubby::tools {
namespace {

using emulator::Burst;
using emulator::Cabinet;

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> all;
  for (const int value : values) {
    all.push_back(static_cast<std::byte>(value));
  }
  return all;
}
constexpr Instant ms(std::int64_t n) {
  return Instant{n * 1000};
}

TEST(BoardOptions, ABoardIsAFamilyAnAddressChannelsAndSettings) {
  const BoardChoice all = parse_board("p1:3:24,status_order=first,local_echo=on");
  EXPECT_EQ(all.error, "");
  EXPECT_EQ(all.profile.address, 3);
  EXPECT_EQ(all.profile.channels, 24);
  EXPECT_EQ(all.profile.status_order, emulator::StatusOrder::kFirst);
  EXPECT_TRUE(all.profile.local_echo);
  const BoardChoice least = parse_board("p2");
  EXPECT_EQ(least.error, "");
  EXPECT_EQ(least.profile.channels, 16);
}

TEST(BoardOptions, WhatIsWrongIsNamedWithWhatIsRight) {
  for (const char* text : {"", "p1:", "p1::8", "p1:1:", "p1:1:8:9", "p9", ":1:8", "p1:1:8,", "p1:1:8,x", "p1:0",
                           "p1:1:7", "p1:1:8,closed_bit=1"}) {
    EXPECT_NE(parse_board(text).error, "") << text;
  }
  BoardWords words;
  words.family = "p7";
  words.settings = {"unlock_reply=never"};
  EXPECT_EQ(choose_board(words).error, "unlock_reply=never: p7 takes none, status or late");
  EXPECT_EQ(choose_board(words).option, "--set");
  words.settings.clear();
  words.address = "32";
  EXPECT_EQ(choose_board(words).option, "--address");
  words.family = "winnsen";
  EXPECT_EQ(choose_board(words).error, "'winnsen' is no family of boards; there are p1, p2, p5, p6 or p7");
}

struct Prompt : ::testing::Test {
  Prompt() {
    EXPECT_EQ(cabinet.add_board(parse_board("p1:1:8").profile), "");
    EXPECT_EQ(cabinet.add_board(parse_board("p5:2:8").profile), "");
  }
  PromptAnswer say(const std::string& line) { return obey_prompt(cabinet, line, now); }
  Cabinet cabinet{{}};
  Instant now = ms(1000);
};

TEST_F(Prompt, MovesDoorsAndSaysHowTheyAre) {
  EXPECT_EQ(say("open 10").text, "door 10 (p5 board 2, channel 1): open");
  EXPECT_EQ(say("put 10").text, "door 10 (p5 board 2, channel 1): open, holds a parcel");
  EXPECT_EQ(say("shut 10").text, "door 10 (p5 board 2, channel 1): shut, holds a parcel");
  EXPECT_EQ(say("  jam\t3 10s ").text, "door 3 (p1 board 1, channel 3): shut, jammed");
  EXPECT_EQ(say("wear 3").text, "door 3 (p1 board 1, channel 3): shut, jammed, latch worn");
  EXPECT_EQ(say("stick 3 open").text, "door 3 (p1 board 1, channel 3): shut, jammed, latch worn, switch stuck at open");
  EXPECT_EQ(say("mend 3").text, "door 3 (p1 board 1, channel 3): shut");
  EXPECT_TRUE(say("jam 4").good);
  EXPECT_TRUE(say("stick 4 shut").good);
  EXPECT_TRUE(say("power-cycle").good);
  EXPECT_NE(say("boards").text.find("doors 9 to 16"), std::string::npos);
  const std::string doors = say("doors").text;
  EXPECT_EQ(std::count(doors.begin(), doors.end(), '\n'), 15) << doors;
  EXPECT_NE(say("help").text.find("power-cycle"), std::string::npos);
  EXPECT_TRUE(say("").good);
  EXPECT_TRUE(say("quit").quit);
}

TEST_F(Prompt, ChangesLocksWiresAndTheTemperature) {
  EXPECT_EQ(say("lock 3 driven").text, "door 3 (p1 board 1, channel 3): shut, driven lock");
  EXPECT_EQ(say("pull 3").text, "door 3 is open already, locked or jammed");
  cabinet.doors().coil(0, 2, true, now);
  now = now + Duration::milliseconds(700);
  cabinet.advance(now);
  EXPECT_EQ(say("doors").text.find("door 3 (p1 board 1, channel 3): shut, driven lock with its bolt back, coil on"),
            say("doors").text.find("door 3 "));
  EXPECT_TRUE(say("pull 3").text.starts_with("door 3 (p1 board 1, channel 3): open"));
  EXPECT_TRUE(say("shut 3").good);
  EXPECT_TRUE(say("lock 3 spring").good);
  EXPECT_EQ(say("loosen 4").text, "door 4 (p1 board 1, channel 4): shut, switch has a loose wire");
  EXPECT_EQ(say("group 6 8 5").text, "door 6 (p1 board 1, channel 6): shut, one door with 5 and 8");
  EXPECT_TRUE(say("open 8").text.starts_with("door 8 (p1 board 1, channel 8): open"));
  EXPECT_EQ(say("ungroup 5").text, "door 5 is in no group, open, or has a parcel behind it");
  EXPECT_TRUE(say("shut 5").good);
  EXPECT_EQ(say("ungroup 5").text, "door 5 (p1 board 1, channel 5): shut");
  EXPECT_EQ(say("swap 1 2").text, "the wires at 1 and 2 are exchanged");
  cabinet.doors().coil(0, 0, true, now);
  cabinet.advance(now + Duration::milliseconds(200));
  EXPECT_FALSE(cabinet.doors().door(1).door.shut) << "door 2 hangs at the first channel";
  EXPECT_EQ(say("temperature -35").text, "the cabinet is at -35 C");
  EXPECT_EQ(say("temperature").text, "the cabinet is at -35 C");
}

TEST_F(Prompt, SaysWhatItsLocksAndDoorsTake) {
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"lock 3", "lock takes a door and what locks it: lock 3 driven, or lock 3 spring"},
      {"lock 3 magnet", "lock takes a door and what locks it: lock 3 driven, or lock 3 spring"},
      {"group 3", "group takes 2 to 8 different doors, 1 to 16: group 3 4"},
      {"group 3 3", "group takes 2 to 8 different doors, 1 to 16: group 3 4"},
      {"group 3 17", "group takes 2 to 8 different doors, 1 to 16: group 3 4"},
      {"group 1 2 3 4 5 6 7 8 9", "group takes 2 to 8 different doors, 1 to 16: group 3 4"},
      {"ungroup 3", "door 3 is in no group, open, or has a parcel behind it"},
      {"swap 3", "swap takes two doors, 1 to 16: swap 3 4"},
      {"swap 3 4 5", "swap takes two doors, 1 to 16: swap 3 4"},
      {"temperature cold", "temperature takes whole degrees Celsius, -40 to 85: temperature -15"},
      {"temperature 86", "temperature takes whole degrees Celsius, -40 to 85: temperature -15"},
      {"temperature 1 2", "temperature takes whole degrees Celsius, -40 to 85: temperature -15"},
      {"loosen 3 now", "loosen takes a door and nothing else"},
      {"pull", "pull takes a door, 1 to 16"},
  };
  for (const auto& [line, answer] : wrong) {
    EXPECT_FALSE(say(line).good) << line;
    EXPECT_EQ(say(line).text, answer) << line;
  }
  EXPECT_TRUE(say("open 3").good);
  EXPECT_EQ(say("group 3 4").text, "group takes doors that are shut, empty and in no other group");
}

TEST_F(Prompt, DisturbsTheLineAndHealsIt) {
  EXPECT_EQ(say("noise").text, "noise off");
  EXPECT_EQ(say("noise flip=1000,drop=500").text, "noise flip=1000,drop=500");
  EXPECT_EQ(say("noise drop=0,glue=7").text, "noise flip=1000,glue=7");
  EXPECT_EQ(say("break 500ms").text, "the line is low for 500ms");
  EXPECT_TRUE(cabinet.line().held_low(now + Duration::milliseconds(499)));
  EXPECT_FALSE(cabinet.line().held_low(now + Duration::milliseconds(500)));
  EXPECT_EQ(say("hold-line 2").text, "board 2 does not let go of the line");
  EXPECT_TRUE(cabinet.line().holds_line(1, now + Duration::hours(1)));
  EXPECT_EQ(say("hold-line 1 10s").text, "board 1 does not let go of the line");
  EXPECT_FALSE(cabinet.line().holds_line(0, now + Duration::seconds(10)));
  EXPECT_EQ(say("hold-line 1 off").text, "board 1 lets go of the line");
  EXPECT_FALSE(cabinet.line().holds_line(0, now));
  EXPECT_EQ(say("babble 1 1").text, "board 1 babbles");
  EXPECT_EQ(say("reboot 1 next").text, "board 1 starts again in its next command");
  EXPECT_EQ(say("reboot 2 10s").text, "board 2 starts again in 10s");
  EXPECT_EQ(say("echo on").text, "echo on");
  const std::string before = say("line").text;
  EXPECT_TRUE(
      before.starts_with("noise flip=1000,glue=7, echo on, low\n"
                         "board 1 babbles 1 time a minute\n"
                         "board 1 starts again in its next command\n"
                         "board 2 does not let go of the line\n"
                         "so far: 0 flips, 0 bursts, "))
      << before;
  EXPECT_NE(before.find(", 1 break, "), std::string::npos) << before;
  EXPECT_TRUE(say("heal-line").text.starts_with("noise off, echo on\nso far: "));
  EXPECT_EQ(say("babble 1 60").text, "board 1 babbles");
  EXPECT_EQ(say("babble 1 off").text, "board 1 does not babble");
  EXPECT_EQ(say("echo off").text, "echo off");
  EXPECT_EQ(say("reboot 2").text, "board 2 starts again");
  cabinet.advance(now);
  EXPECT_EQ(cabinet.line().reboots_of(1), 1U);
  EXPECT_NE(say("line").text.find("1 restart, 0 brown-outs"), std::string::npos);
}

TEST_F(Prompt, SaysWhatItsLineTakes) {
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"noise flip", "'flip' is not kind=rate; noise has flip, burst, drop, double and glue, or is off"},
      {"noise flip=1, drop=2", "noise takes its rates without spaces: noise flip=1000,drop=500"},
      {"break", "break takes a time, 1ms to 1h: break 500ms"},
      {"break 0", "break takes a time, 1ms to 1h: break 500ms"},
      {"break 2h", "break takes a time, 1ms to 1h: break 500ms"},
      {"hold-line", "hold-line takes a board, 1 to 2"},
      {"hold-line 3", "hold-line takes a board, 1 to 2, not '3'"},
      {"hold-line 1 long",
       "hold-line takes a board and how long, or off: hold-line 1, hold-line 1 10s, hold-line 1 off"},
      {"babble 0 60", "babble takes a board, 1 to 2, not '0'"},
      {"babble 1", "babble takes a board and how often a minute it talks garbage, 0 to 6000, or off: babble 1 60"},
      {"babble 1 6001", "babble takes a board and how often a minute it talks garbage, 0 to 6000, or off: babble 1 60"},
      {"reboot 1 soon", "reboot takes a board and when, now if nothing is said: reboot 1, reboot 1 10s, reboot 1 next"},
      {"echo", "echo takes on or off: whether the host gets its own bytes back"},
      {"line 1", "line stands alone"},
      {"heal-line 1", "heal-line stands alone"},
      {"unplug", "unplug takes a time, 1s to 1h: unplug 5s"},
      {"unplug 500ms", "unplug takes a time, 1s to 1h: unplug 5s"},
      {"unplug 2h", "unplug takes a time, 1s to 1h: unplug 5s"},
      {"unplugg 5s", "'unplugg' is not known here; did you mean unplug?"},
      {"hold-lin 1", "'hold-lin' is not known here; did you mean hold-line?"},
  };
  for (const auto& [line, answer] : wrong) {
    EXPECT_FALSE(say(line).good) << line;
    EXPECT_EQ(say(line).text, answer) << line;
  }
  EXPECT_EQ(say("unplug 5s").unplug_ms, 5'000U);
  EXPECT_EQ(say("line").unplug_ms, 0U);
}

TEST_F(Prompt, HelpNamesEveryOrder) {
  const std::string help = say("help").text;
  for (const char* order :
       {"open", "shut",  "pull",      "put",    "take",        "jam",    "stick",       "loosen",    "wear",   "mend",
        "lock", "group", "ungroup",   "swap",   "temperature", "noise",  "break",       "hold-line", "babble", "reboot",
        "echo", "line",  "heal-line", "unplug", "doors",       "boards", "power-cycle", "quit"}) {
    EXPECT_NE(help.find(order), std::string::npos) << order;
  }
}

TEST(ReplayPrompt, KnowsNoDoorsButCanBeUnplugged) {
  EXPECT_TRUE(obey_replay_prompt("quit").quit);
  EXPECT_EQ(obey_replay_prompt(" unplug 2s ").unplug_ms, 2'000U);
  for (const char* line : {"", "doors", "noise off", "unplug", "quit now"}) {
    EXPECT_FALSE(obey_replay_prompt(line).good) << line;
  }
}

TEST_F(Prompt, RefusesWhatItCannotDoAndSaysWhy) {
  for (const char* line : {"shut 3", "take 3", "put 3", "open 0", "open 17", "open -1", "open 3x", "open", "open 3 4",
                           "jam 3 soon", "stick 3", "stick 3 ajar", "doors 3", "open 99999999999999999999"}) {
    EXPECT_FALSE(say(line).good) << line;
    EXPECT_NE(say(line).text, "") << line;
  }
  EXPECT_EQ(say("open 17").text, "open takes a door, 1 to 16, not '17'");
  EXPECT_EQ(say("shutt 3").text, "'shutt' is not known here; did you mean shut?");
  EXPECT_EQ(say("shut 3").text, "door 3 is shut already");
}

Burst host(std::int64_t at_ms, std::vector<std::byte> said) {
  const Instant end = ms(at_ms) + emulator::byte_time(9600) * static_cast<std::int64_t>(said.size());
  return {ms(at_ms), end, emulator::kHostTalks, std::move(said), false};
}

TEST(Traffic, ALineIsTimeWhoBytesAndMeaning) {
  EXPECT_EQ(traffic_line(host(12'345, bytes({0x8A, 1, 1, 0x11, 0x9B})), {BoardFamily::kP1}),
            "12.345000 host 8A 01 01 11 9B | p1 board 1: unlock 1");
  Burst spoiled{ms(5), ms(6), 1, bytes({0x8A}), true};
  EXPECT_EQ(traffic_line(spoiled, {BoardFamily::kP1}),
            "0.005000 board 2 8A | 1 byte that is no frame (spoiled on the line)");
}

TEST(Traffic, WhatAHostWritesInPiecesIsOneLine) {
  TrafficLog log({BoardFamily::kP1});
  log.add(host(100, bytes({0x8A, 1})));
  log.add(host(104, bytes({1, 0x11, 0x9B})));
  EXPECT_TRUE(log.take_lines(ms(108)).empty()) << "more may come";
  EXPECT_LE(log.next_line(), ms(118));
  const std::vector<std::string> lines = log.take_lines(ms(120));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0], "0.100000 host 8A 01 01 11 9B | p1 board 1: unlock 1");
  log.add(host(200, bytes({1})));
  log.add(host(300, bytes({2})));
  EXPECT_EQ(log.take_lines(ms(301)).size(), 1U);
}

TEST(Traffic, AHostThatNeverPausesFillsLinesOfTheSameSize) {
  TrafficLog log({BoardFamily::kP1});
  for (int i = 0; i < 10; ++i) {
    log.add(host(100 + i * 100, std::vector<std::byte>(96, std::byte{0x55})));
  }
  const std::vector<std::string> lines = log.take_lines(ms(1'100));
  ASSERT_EQ(lines.size(), 3U) << "192 bytes are still being joined";
  EXPECT_EQ(lines[0].find(" | ") - lines[0].find(" 55"), 256U * 3);
  EXPECT_TRUE(lines[1].starts_with("0.366"));
  EXPECT_EQ(log.take_lines(ms(1'200)).size(), 1U);
}

const std::string kRecording =
    "# cubby board recording 1\n# baud 9600\n# board 1: p1\n"
    "1.000000 host 80 01 01 33 B3 | p1 board 1: read 1\n"
    "1.015210 board 1 80 01 01 11 91 | p1 board 1: status of 1 11\n"
    "2.000000 host 8A 01 01 11 9B | p1 board 1: unlock 1\n"
    "# door 1 opens\n"
    "2.505210 board 1 8A 01 01 00 8A | p1 board 1: unlocked 1, status 00\n";

TEST(Recording, IsReadBackAsItWasWritten) {
  const Recording recording = parse_recording(kRecording);
  ASSERT_EQ(recording.error, "");
  EXPECT_EQ(recording.baud, 9600U);
  ASSERT_EQ(recording.bursts.size(), 4U);
  EXPECT_TRUE(recording.bursts[2].from_host);
  EXPECT_EQ(recording.bursts[2].line, 6U);
  EXPECT_EQ(recording.bursts[3].bytes, bytes({0x8A, 1, 1, 0, 0x8A}));
  EXPECT_EQ(parse_recording(recording_head(19200, {"p2"})).baud, 19200U);
}

TEST(Recording, WhatIsWrongIsNamedWithItsLine) {
  const std::string head = "# cubby board recording 1\n# baud 9600\n";
  const std::vector<std::pair<std::string, std::string>> bad{
      {"", "line 0: nowhere"},
      {"hello\n", "line 1: a recording begins with"},
      {"# cubby board recording 1\n# baud none\n", "line 2: the baud rate"},
      {"# cubby board recording 1\n", "line 1: nowhere is said"},
      {head + "soon host 80\n", "line 3: a line begins with its time"},
      {head + "1.0 host 80\n", "line 3: a line begins with its time"},
      {head + "1.000000 guest 80\n", "line 3: after the time stands"},
      {head + "1.000000 board x 80\n", "line 3: a board has a number"},
      {head + "1.000000 host 80 1\n", "line 3: '1' is not a byte"},
      {head + "1.000000 host 80 GG\n", "line 3: 'GG' is not a byte"},
      {head + "1.000000 host | nothing\n", "line 3: there are no bytes"},
      {head + "2.000000 host 80\n1.000000 host 80\n", "line 4: time goes back"},
  };
  for (const auto& [text, error] : bad) {
    EXPECT_TRUE(parse_recording(text).error.starts_with(error)) << text << ": " << parse_recording(text).error;
  }
  for (std::size_t size = 0; size < kRecording.size(); ++size) {
    const Recording part = parse_recording(std::string_view(kRecording).substr(0, size));
    EXPECT_TRUE(part.error.empty() || part.bursts.empty()) << size;
  }
}

// The late reply begins after the host's long talk and ends before it.
TEST(Recording, OfACollisionIsReadBackInTheOrderOfTheBeginnings) {
  Cabinet cabinet({});
  ASSERT_EQ(cabinet.add_board(parse_board("p1:1:8").profile), "");
  TrafficLog log({BoardFamily::kP1});
  std::string text = recording_head(9600, {"p1"});
  const auto record = [&](Instant now) {
    cabinet.host_hears(now);
    for (const Burst& burst : cabinet.take_bursts()) {
      log.add(burst);
    }
    for (const std::string& line : log.take_lines(now)) {
      text += line + "\n";
    }
  };
  cabinet.advance(ms(1'000));
  cabinet.host_sends(bytes({0x8A, 1, 1, 0x11, 0x9B}), ms(1'000));
  record(ms(1'503));
  cabinet.host_sends(std::vector<std::byte>(20, std::byte{0x55}), ms(1'503));
  record(ms(1'600));
  EXPECT_EQ(cabinet.collisions(), 2U);
  const Recording recording = parse_recording(text);
  ASSERT_EQ(recording.error, "") << text;
  ASSERT_EQ(recording.bursts.size(), 3U) << text;
  EXPECT_LT(recording.bursts[1].begin, recording.bursts[2].begin);
  EXPECT_EQ(recording.bursts[1].bytes.size(), 20U);
  EXPECT_FALSE(recording.bursts[2].from_host);
  EXPECT_EQ(recording.bursts[2].line, 5U) << "the line of the file";
}

TEST(Replay, TakesNoMoreOfAHostThatNeverPausesThanALineCarries) {
  Replay replay(parse_recording(kRecording));
  for (int i = 0; i < 8; ++i) {
    replay.host_sends(std::vector<std::byte>(250, std::byte{0x55}), ms(i));
  }
  EXPECT_GT(replay.host_backlog(ms(8)), 1'900U);
  EXPECT_EQ(replay.host_backlog(ms(3'000)), 0U);
  std::size_t bytes_told = 0;
  for (const Burst& burst : replay.take_bursts()) {
    EXPECT_EQ(burst.bytes.size(), 256U);
    bytes_told += burst.bytes.size();
  }
  EXPECT_EQ(bytes_told, 7U * 256);
}

TEST(Replay, AnswersTheSameHostAfterTheSameTime) {
  Replay replay(parse_recording(kRecording));
  EXPECT_TRUE(replay.host_hears(ms(0)).empty());
  replay.host_sends(bytes({0x80, 1, 1, 0x33, 0xB3}), ms(500));
  EXPECT_EQ(replay.next_call(), Instant{500'000 + 15'210 + 1042});
  EXPECT_TRUE(replay.host_hears(ms(516)).empty());
  EXPECT_EQ(replay.host_hears(ms(600)), bytes({0x80, 1, 1, 0x11, 0x91}));
  replay.host_sends(bytes({0x8A, 1, 1}), ms(700));
  replay.host_sends(bytes({0x11, 0x9B}), ms(704));
  EXPECT_TRUE(replay.host_hears(ms(1'200)).empty());
  EXPECT_EQ(replay.host_hears(ms(1'300)), bytes({0x8A, 1, 1, 0, 0x8A}));
  EXPECT_EQ(replay.differences(), 0U);
  EXPECT_EQ(replay.take_bursts().size(), 4U);
  EXPECT_EQ(replay.take_notes(), std::vector<std::string>{"the recording is at its end"});
}

TEST(Replay, SaysWhereAnotherHostDiffersAndGoesOnWhereItCan) {
  Replay replay(parse_recording(kRecording));
  replay.host_sends(bytes({0x80, 1, 2, 0x33, 0xB0}), ms(500));
  EXPECT_TRUE(replay.host_hears(ms(600)).empty());
  EXPECT_EQ(replay.differences(), 1U);
  EXPECT_EQ(replay.take_notes()[0], "line 4: the recording's host sent 80 01 01 33 B3, this one 80 01 02 33 B0");
  // It leaves the first question out.
  replay.host_sends(bytes({0x8A, 1, 1, 0x11, 0x9B}), ms(1'000));
  EXPECT_EQ(replay.host_hears(ms(2'000)), bytes({0x8A, 1, 1, 0, 0x8A}));
  EXPECT_EQ(replay.differences(), 2U);
  EXPECT_NE(replay.take_notes()[0].find("going on at line 6"), std::string::npos);
  replay.host_sends(bytes({0x80}), ms(3'000));
  replay.host_hears(ms(4'000));
  EXPECT_EQ(replay.take_notes()[0], "after its end: this host sent 80");
}

}  // namespace
}  // namespace cubby::tools

// Drivers on emulated boards: under every setting of each profile with a driver that is set to match, and with one that
// is wrong about its board.
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "unit/board_drivers/door_trial.h"

namespace cubby::drivers {
namespace {

using emulator::profile_of;
using Family = BoardFamily;
using Numbers = std::vector<std::size_t>;

/// A setting of a family's profile, and what it is set to; several with spaces between are set together.
struct Row {
  Family family;
  std::string setting;
  std::vector<std::string> values;
};
std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.setting;
}

const std::vector<Row> kRows{
    {Family::kP1, "baud", {"4800", "9600", "19200", "38400"}},
    {Family::kP1, "address", {"1", "31"}},
    {Family::kP1, "channels", {"8", "12", "18", "24", "32", "50"}},
    {Family::kP1, "first_channel", {"1"}},  // 0: ZeroIsNeverSent.
    {Family::kP1, "status_order", {"first", "last", "first channels=50", "last channels=50"}},
    {Family::kP1, "unlock_order", {"first", "last"}},
    {Family::kP1, "feedback", {"closing", "opening", "opening channels=12"}},
    {Family::kP1, "unlock_reply", {"none", "status", "late"}},
    {Family::kP1, "unlock_reply_ms", {"0", "100", "500", "2000"}},
    {Family::kP1, "pulse_ms", {"100", "300", "500"}},
    {Family::kP1, "local_echo", {"off", "on"}},
    {Family::kP1, "garbage_prefix", {"off", "on"}},
    {Family::kP1, "busy_after_unlock_ms", {"0", "400"}},
    {Family::kP1, "unsolicited", {"off", "on"}},
    {Family::kP1, "open_all", {"sequential", "simultaneous"}},
    {Family::kP1, "open_all_step_ms", {"10", "400"}},

    {Family::kP2, "baud", {"9600", "19200", "57600", "115200"}},
    {Family::kP2, "address", {"0", "15"}},
    {Family::kP2, "channels", {"12", "16"}},
    {Family::kP2, "first_channel", {"0", "0 channels=12", "1 channels=12"}},
    {Family::kP2, "closed_bit", {"0", "1", "0 channels=12"}},
    {Family::kP2, "unlock_reply", {"none", "status", "late"}},
    {Family::kP2, "unlock_reply_ms", {"0 unlock_reply=late", "200 unlock_reply=late", "1000 unlock_reply=late"}},
    {Family::kP2, "pulse_ms", {"100", "500"}},
    {Family::kP2, "local_echo", {"off", "on"}},
    {Family::kP2, "garbage_prefix", {"off", "on"}},
    {Family::kP2, "busy_after_unlock_ms", {"0", "25", "100", "100 unlock_reply=status"}},
    {Family::kP2, "open_all", {"sequential", "simultaneous"}},
    {Family::kP2, "open_all_step_ms", {"10", "600"}},

    {Family::kP5, "baud", {"4800", "9600", "19200", "38400", "57600", "115200"}},
    {Family::kP5, "address", {"1", "247"}},
    {Family::kP5, "channels", {"8"}},
    {Family::kP5, "closed_bit", {"0", "1"}},
    {Family::kP5, "local_echo", {"off", "on"}},
    {Family::kP5, "garbage_prefix", {"off", "on"}},
    {Family::kP5, "busy_after_unlock_ms", {"0", "25"}},

    {Family::kP6, "baud", {"4800", "9600", "19200", "38400"}},
    {Family::kP6, "address", {"1", "15"}},
    {Family::kP6, "channels", {"12", "24"}},
    {Family::kP6, "first_channel", {"0", "1"}},
    {Family::kP6, "unlock_reply", {"none", "status", "late"}},
    {Family::kP6, "unlock_reply_ms", {"0", "200", "1000"}},
    {Family::kP6, "reply_form", {"A", "B"}},
    {Family::kP6, "pulse_ms", {"150", "500"}},
    {Family::kP6, "local_echo", {"off", "on"}},
    {Family::kP6, "garbage_prefix", {"off", "on"}},
    {Family::kP6, "busy_after_unlock_ms", {"0", "150"}},
    {Family::kP6, "open_all", {"sequential", "simultaneous"}},
    {Family::kP6, "open_all_step_ms", {"10", "250"}},

    {Family::kP7, "baud", {"4800", "9600", "19200", "38400"}},
    {Family::kP7, "address", {"0", "31"}},
    {Family::kP7, "channels", {"8", "12", "16", "24", "32", "48"}},
    {Family::kP7, "first_channel", {"0", "1"}},
    {Family::kP7, "unlock_reply", {"none", "status", "late"}},
    {Family::kP7, "unlock_reply_ms", {"100", "400", "1000"}},
    {Family::kP7, "pulse_ms", {"150", "300"}},
    {Family::kP7, "local_echo", {"off", "on"}},
    {Family::kP7, "garbage_prefix", {"off", "on"}},
    {Family::kP7, "busy_after_unlock_ms", {"0", "300"}},
    {Family::kP7, "unsolicited", {"off", "on"}},
    {Family::kP7, "open_all_step_ms", {"10", "400"}},
};

/// "first_channel" and "1 channels=12": that one comes first, so that both together hold.
emulator::BoardProfile profile_with(const Row& row, const std::string& value) {
  const auto space = value.find(' ');
  std::vector<std::string> settings;
  if (space != std::string::npos) {
    settings.push_back(value.substr(space + 1));
  }
  settings.push_back(row.setting + "=" + value.substr(0, space));
  return profile_of(row.family, settings);
}

Numbers up_to(std::size_t count) {
  Numbers numbers;
  for (std::size_t number = 1; number <= count; ++number) {
    numbers.push_back(number);
  }
  return numbers;
}

void expect_opens_and_sees(DoorTrial& trial, std::uint8_t number) {
  const auto count = trial.bank.door_count();
  const bool answers = lock_board(trial.board.family).answers(trial.board, Request::Kind::kUnlock);
  EXPECT_EQ(trial.unlock(number), answers ? Exchange::kDone : Exchange::kSent) << "door " << int{number};
  EXPECT_EQ(trial.open_doors(), Numbers{number}) << "really";
  EXPECT_EQ(trial.doors(DoorState::kOpen), Numbers{number});
  EXPECT_EQ(trial.doors(DoorState::kShut).size(), count - 1);
  EXPECT_EQ(trial.unlocks_sent(number), 1U);
  if (trial.board.family == BoardFamily::kP2) {
    EXPECT_EQ(trial.bank.item(number), ItemState::kEmpty);
    ASSERT_EQ(trial.cabinet.doors().put_item(number - 1U), Status::kOk);
  }
  ASSERT_EQ(trial.cabinet.doors().push_shut(number - 1U, trial.now), Status::kOk);
  trial.run(Duration::seconds(3));
  EXPECT_EQ(trial.doors(DoorState::kShut), up_to(count));
  if (trial.board.family == BoardFamily::kP2) {
    EXPECT_EQ(trial.bank.item(number), ItemState::kPresent);
  }
}

class DriverMatrix : public testing::TestWithParam<Row> {};

TEST_P(DriverMatrix, OpensAndSees) {
  for (const auto& value : GetParam().values) {
    SCOPED_TRACE(GetParam().setting + "=" + value);
    DoorTrial trial(profile_with(GetParam(), value));
    trial.start();
    ASSERT_TRUE(trial.bank.started());
    ASSERT_EQ(trial.doors(DoorState::kShut), up_to(trial.bank.door_count()));
    expect_opens_and_sees(trial, 1);
    expect_opens_and_sees(trial, static_cast<std::uint8_t>(trial.bank.door_count() / 2 + 1));
    expect_opens_and_sees(trial, static_cast<std::uint8_t>(trial.bank.door_count()));
    EXPECT_EQ(trial.times_silent, 0U);
  }
}

std::vector<Row> rows_of(Family family) {
  std::vector<Row> rows;
  std::copy_if(kRows.begin(), kRows.end(), std::back_inserter(rows),
               [&](const Row& row) { return row.family == family; });
  return rows;
}
std::string name_of(const testing::TestParamInfo<Row>& info) {
  return info.param.setting;
}
INSTANTIATE_TEST_SUITE_P(P1, DriverMatrix, testing::ValuesIn(rows_of(Family::kP1)), name_of);
INSTANTIATE_TEST_SUITE_P(P2, DriverMatrix, testing::ValuesIn(rows_of(Family::kP2)), name_of);
INSTANTIATE_TEST_SUITE_P(P5, DriverMatrix, testing::ValuesIn(rows_of(Family::kP5)), name_of);
INSTANTIATE_TEST_SUITE_P(P6, DriverMatrix, testing::ValuesIn(rows_of(Family::kP6)), name_of);
INSTANTIATE_TEST_SUITE_P(P7, DriverMatrix, testing::ValuesIn(rows_of(Family::kP7)), name_of);

TEST(DriverSettings, AreTriedAllOfThemInEveryFamily) {
  for (const auto family : kBoardFamilies) {
    std::set<std::string> tried;
    for (const auto& row : rows_of(family)) {
      tried.insert(row.setting);
    }
    std::set<std::string> had;
    std::istringstream settings(emulator::settings_of(emulator::default_profile(family)));
    for (std::string setting; settings >> setting;) {
      had.insert(setting.substr(0, setting.find('=')));
    }
    EXPECT_EQ(tried, had) << to_string(family);
  }
}

TEST(DriverBus, RefusesAFrameWhileAnotherGoesOut) {
  emulator::Cabinet cabinet({});
  ASSERT_EQ(cabinet.add_board(profile_of(Family::kP1)), "");
  tests::CabinetBus bus(cabinet);
  const auto frame = emulator::from_hex("80 01 00 33 B2");
  const Instant begin{1'000'000};
  const Instant end = begin + Duration{bus.byte_time_us() * static_cast<std::int64_t>(frame.size())};
  EXPECT_EQ(bus.send(frame, begin, false), Status::kOk);
  EXPECT_EQ(bus.send(frame, end - Duration{1}, false), Status::kBusy);
  EXPECT_EQ(bus.send(frame, end, false), Status::kOk);
  EXPECT_EQ(bus.frames().size(), 2U);
}

TEST(DriverBus, SaysWhenTheLastByteOfAnAnswerThatHasBegunIsThere) {
  emulator::Cabinet cabinet({});
  ASSERT_EQ(cabinet.add_board(profile_of(Family::kP1)), "");
  tests::CabinetBus bus(cabinet);
  const auto frame = emulator::from_hex("80 01 00 33 B2");
  Instant now{1'000'000};
  ASSERT_EQ(bus.send(frame, now, false), Status::kOk);
  EXPECT_EQ(bus.next_arrival(), Instant::max());
  std::array<std::byte, 16> into{};
  std::size_t size = 0;
  Instant said{};
  while (size == 0) {
    now = bus.next_event();
    size = bus.receive(into, now);
    said = bus.next_arrival();
  }
  while (bus.receive(MutableBytes(into).subspan(size), said - Duration{1}) != 0) {
    ++size;
  }
  EXPECT_GT(said, now);
  EXPECT_EQ(bus.receive(into, said), 1U) << "the last byte, and not before";
  EXPECT_EQ(bus.next_arrival(), Instant::max());
}

// Drivers that are wrong about their board: no door is ever believed shut that is not, or another is seen to move. ----

/// Nothing that the board says is taken: its doors are unknown, and that is said.
void expect_silent(DoorTrial& trial) {
  trial.start();
  EXPECT_GE(trial.times_silent, 1U);
  EXPECT_EQ(trial.doors(DoorState::kUnknown), up_to(trial.bank.door_count()));
}

TEST(DriverWrongSettings, OfTheStatusOrderLeaveTheDoorsOfASmallP1BoardUnknown) {
  for (const std::string channels : {"channels=8", "channels=12", "channels=18"}) {
    for (const bool last : {false, true}) {
      const auto profile = profile_of(Family::kP1, {channels, last ? "status_order=last" : "status_order=first"});
      auto settings = matching(profile);
      settings.status_last = !last;
      DoorTrial trial(profile, settings, false);
      expect_silent(trial);
    }
  }
}

TEST(DriverWrongSettings, OfTheStatusOrderOfAFullP1BoardShowAnotherDoorMove) {
  const auto profile = profile_of(Family::kP1, {"channels=24", "status_order=last"});
  auto settings = matching(profile);
  settings.status_last = false;
  DoorTrial trial(profile, settings, false);
  trial.start();
  EXPECT_EQ(trial.unlock(1), Exchange::kDone);
  EXPECT_EQ(trial.doors(DoorState::kOpen), Numbers{17});
  EXPECT_EQ(trial.unlocks_sent(1), 1U);
}

TEST(DriverWrongSettings, OfTheSwitchesShowEveryDoorOpen) {
  for (const auto family : {Family::kP1, Family::kP2, Family::kP5}) {
    const auto profile = profile_of(family);
    auto settings = matching(profile);
    settings.shut_is_one = !settings.shut_is_one;
    DoorTrial trial(profile, settings, false);
    trial.start();
    EXPECT_EQ(trial.doors(DoorState::kOpen), up_to(trial.bank.door_count()));
  }
}

TEST(DriverWrongSettings, OfTheFirstChannelOpenOneWrongDoorAtMostAndShowIt) {
  for (const auto family : {Family::kP1, Family::kP2, Family::kP6, Family::kP7}) {
    const auto profile = profile_of(family, family == Family::kP2 ? std::vector<std::string>{"channels=12"}
                                                                  : std::vector<std::string>{"first_channel=0"});
    auto settings = matching(profile);
    settings.first_channel = 1;
    DoorTrial trial(profile, settings, false);
    trial.start();
    trial.unlock(3);
    EXPECT_EQ(trial.open_doors(), Numbers{4}) << to_string(family);
    EXPECT_EQ(trial.doors(DoorState::kOpen), Numbers{4});
    EXPECT_EQ(trial.unlocks_sent(3), 1U);
    // The last lock has a number that the board does not know.
    trial.unlock(static_cast<std::uint8_t>(trial.bank.door_count()));
    EXPECT_EQ(trial.open_doors(), Numbers{4});
  }
}

TEST(DriverWrongSettings, OfTheModelLeaveTheDoorsUnknown) {
  const std::vector<std::pair<emulator::BoardProfile, std::uint8_t>> wrong{
      {profile_of(Family::kP1, {"channels=32"}), 24}, {profile_of(Family::kP1, {"channels=24"}), 32},
      {profile_of(Family::kP1, {"channels=50"}), 32}, {profile_of(Family::kP6, {"channels=12"}), 24},
      {profile_of(Family::kP6, {"channels=24"}), 12}, {profile_of(Family::kP7, {"channels=24"}), 32},
      {profile_of(Family::kP7, {"channels=24"}), 16}, {profile_of(Family::kP1, {"channels=12"}), 8}};
  for (const auto& [profile, channels] : wrong) {
    auto settings = matching(profile);
    settings.channels = channels;
    SCOPED_TRACE(emulator::settings_of(profile));
    DoorTrial trial(profile, settings, false);
    expect_silent(trial);
  }
}

TEST(DriverWrongSettings, OfTheAddressTheFamilyOrTheEchoLeaveTheDoorsUnknown) {
  for (const auto family : kBoardFamilies) {
    SCOPED_TRACE(to_string(family));
    const auto profile = profile_of(family);
    auto settings = matching(profile);
    settings.address = 7;
    DoorTrial another_address(profile, settings, false);
    expect_silent(another_address);

    const auto other = family == Family::kP5 ? Family::kP1 : Family::kP5;
    DoorTrial another_family(profile, matching(profile_of(other)), false);
    expect_silent(another_family);

    DoorTrial no_echo_comes(profile, matching(profile), true);
    expect_silent(no_echo_comes);

    DoorTrial unexpected_echo(profile_of(family, {"local_echo=on"}), matching(profile), false);
    expect_silent(unexpected_echo);
  }
}

TEST(DriverWrongSettings, OfTheUnlockReplyMakeTheOutcomeUnknownAndTheDoorIsSeenAllTheSame) {
  for (const auto family : {Family::kP1, Family::kP2, Family::kP6, Family::kP7}) {
    SCOPED_TRACE(to_string(family));
    auto settings = matching(profile_of(family));
    settings.unlock_reply = UnlockReply::kStatus;
    DoorTrial never(profile_of(family, {"unlock_reply=none"}), settings, false);
    never.start();
    EXPECT_EQ(never.unlock(2), Exchange::kUnknown);
    EXPECT_EQ(never.doors(DoorState::kOpen), Numbers{2});
    EXPECT_EQ(never.unlocks_sent(2), 1U);

    DoorTrial later(profile_of(family, {"unlock_reply=late", "unlock_reply_ms=700"}), settings, false);
    later.start();
    EXPECT_EQ(later.unlock(2), Exchange::kUnknown);
    EXPECT_EQ(later.doors(DoorState::kOpen), Numbers{2});
    EXPECT_EQ(later.unlocks_sent(2), 1U);

    settings.unlock_reply = UnlockReply::kNone;
    DoorTrial anyway(profile_of(family, {"unlock_reply=status"}), settings, false);
    anyway.start();
    EXPECT_EQ(anyway.unlock(2), Exchange::kSent);
    EXPECT_EQ(anyway.doors(DoorState::kOpen), Numbers{2});
  }
}

TEST(DriverWrongSettings, OfTheSpeedLeaveTheDoorsUnknown) {
  for (const auto family : kBoardFamilies) {
    const auto profile = profile_of(family);
    DoorTrial trial(profile);
    trial.cabinet.set_line_baud(profile.baud == 9600 ? 19200 : 9600);
    expect_silent(trial);
    EXPECT_TRUE(trial.open_doors().empty());
  }
}

}  // namespace
}  // namespace cubby::drivers

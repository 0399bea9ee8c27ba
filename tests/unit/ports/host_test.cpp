#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "firmware/ports/posix/event_log.h"
#include "firmware/ports/posix/host_files.h"
#include "firmware/ports/posix/host_time.h"
#include "firmware/ports/posix/service_manager.h"
#include "unit/ports/lab.h"

namespace cubby::posix {
namespace {

using tests::Folder;

struct FakeTime final : HostTime {
  Instant at{};
  std::uint64_t utc_ms = 1'700'000'000'000;
  bool right = false;
  Instant now() const override { return at; }
  std::uint64_t realtime_ms() const override { return utc_ms; }
  bool synchronised() const override { return right; }
};

TEST(HostClock, TrustsTheComputerOnlyWhenATimeDaemonDoesOrThePersonWhoConfiguredIt) {
  FakeTime time;
  HostClock clock(time, false);
  EXPECT_EQ(clock.utc_ms(), std::nullopt);
  time.right = true;
  EXPECT_EQ(clock.utc_ms(), time.utc_ms);
  time.right = false;
  EXPECT_EQ(HostClock(time, true).utc_ms(), time.utc_ms);
}

TEST(HostClock, WhatTheCentreSaidHoldsWhateverHappensToTheComputersClock) {
  FakeTime time;
  time.right = true;
  time.at = Instant{5'000'000};
  HostClock clock(time, false);
  clock.set_utc_ms(1'800'000'000'000);
  time.at = Instant{7'500'000};
  time.utc_ms = 1;
  EXPECT_EQ(clock.utc_ms(), 1'800'000'002'500U);
}

TEST(HostTime, NeverGoesBack) {
  const HostTime time;
  const Instant first = time.now();
  EXPECT_GE(first, Instant{});
  EXPECT_GE(time.now(), first);
}

TEST(KeyFile, IsALineOfDigitsThatOnlyItsOwnerReads) {
  const Folder folder;
  std::string why;
  const std::string digits = "00ff" + std::string(60, 'a');
  const auto key = read_key_file(folder.write("good", digits + "\n"), why);
  ASSERT_TRUE(key.has_value()) << why;
  EXPECT_EQ((*key)[0], std::byte{0x00});
  EXPECT_EQ((*key)[1], std::byte{0xFF});
  EXPECT_EQ((*key)[31], std::byte{0xAA});
  EXPECT_FALSE(read_key_file(folder.write("open", digits, 0640), why).has_value());
  EXPECT_NE(why.find("others can read this key"), std::string::npos) << why;
  for (const std::string& bad : {digits.substr(1), digits + "0", std::string(64, 'G'), std::string()}) {
    EXPECT_FALSE(read_key_file(folder.write("bad", bad), why).has_value()) << bad;
    EXPECT_EQ(why.find(bad.empty() ? "\n" : bad), std::string::npos) << "what it holds is not told";
  }
  EXPECT_FALSE(read_key_file(folder.path("missing"), why).has_value());
  EXPECT_FALSE(read_key_file(folder.path(""), why).has_value()) << "a folder";
}

TEST(KeyFile, OfAStationHasALineForEachVersion) {
  const Folder folder;
  std::string why;
  const std::string digits = "00ff" + std::string(60, 'a');
  const auto read = [&](const std::string& text) { return read_station_keys(folder.write("keys", text), why); };
  const auto alone = read(digits + "\n");
  ASSERT_TRUE(alone.has_value()) << why;
  EXPECT_EQ((*alone)[0].version, 1);
  const auto keys = read("2 " + std::string(64, 'b') + "\r\n7 " + digits + "\n");
  ASSERT_TRUE(keys.has_value()) << why;
  const hal::HeldKeys store(*keys, StationKey{});
  EXPECT_EQ(store.newest_version(), 7);
  EXPECT_EQ(store.station_key(7).value()[1], std::byte{0xFF});
  EXPECT_EQ(store.station_key(2).value()[1], std::byte{0xBB});
  EXPECT_EQ(store.station_key(1).status(), Status::kNotFound);
  EXPECT_EQ(store.station_key(65'543).status(), Status::kNotFound) << "7 in 16 bits";
  const std::string key = " " + digits + "\n";
  for (const std::string& bad : {std::string(), "0" + key, "65536" + key, "-1" + key, "x" + key, "1 " + key, key,
                                 "1" + key + "1" + key, "2" + key + "1" + key, "1" + key + "\n2" + key,
                                 "1" + key + "2" + key + "3" + key + "4" + key + "5" + key, "1 " + digits.substr(1)}) {
    EXPECT_FALSE(read(bad).has_value()) << bad;
    EXPECT_EQ(why.find(digits.substr(1)), std::string::npos) << "what it holds is not told";
  }
  EXPECT_TRUE(read("1" + key + "2" + key + "3" + key + "4" + key).has_value()) << why;
}

TEST(KernelRandom, FillsAllOfIt) {
  KernelRandom random;
  std::vector<std::byte> first(300);
  std::vector<std::byte> second(300);
  ASSERT_EQ(random.fill(first), Status::kOk);
  ASSERT_EQ(random.fill(second), Status::kOk);
  EXPECT_NE(first, second);
}

TEST(FilePowerMonitor, SaysWhatTheFileSaysAndMainsWhereItSaysNothing) {
  const Folder folder;
  FakeTime time;
  const FilePowerMonitor power(time, folder.path("supply"), hal::ResetCause::kPowerOn);
  EXPECT_EQ(power.supply(), hal::Supply::kMains) << "no file";
  const std::pair<const char*, hal::Supply> words[] = {{"battery\n", hal::Supply::kOnBattery},
                                                       {"failing", hal::Supply::kFailing},
                                                       {"mains\n", hal::Supply::kMains},
                                                       {"battery", hal::Supply::kOnBattery},
                                                       {"who knows", hal::Supply::kMains}};
  for (const auto& [word, supply] : words) {
    folder.write("supply", word);
    time.at = time.at + Duration::seconds(1);
    EXPECT_EQ(power.supply(), supply) << word;
  }
}

TEST(RunFile, TellsAStopFromACrashFromANewBootOfTheComputer) {
  const Folder folder;
  const RunFile run(folder.path("run"), "boot-1");
  EXPECT_EQ(run.last_end(), hal::ResetCause::kPowerOn) << "never ran";
  run.note_running();
  EXPECT_EQ(run.last_end(), hal::ResetCause::kWatchdog) << "killed";
  EXPECT_EQ(RunFile(folder.path("run"), "boot-2").last_end(), hal::ResetCause::kPowerOn);
  run.note_stopped();
  EXPECT_EQ(run.last_end(), hal::ResetCause::kRequested);
  EXPECT_EQ(RunFile("", "boot-1").last_end(), hal::ResetCause::kPowerOn);
}

struct Manager {
  Folder folder;
  Descriptor socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  Manager() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    folder.path("notify").copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  std::string heard() {
    std::string words(256, '\0');
    const ssize_t size = recv(socket.get(), words.data(), words.size(), 0);
    words.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return words;
  }
};

TEST(ServiceManager, IsToldThatTheControllerServesAndFedInTime) {
  Manager systemd;
  FakeTime time;
  ServiceManager manager(time, systemd.folder.path("notify"), "8000000");
  manager.ready("serving");
  EXPECT_EQ(systemd.heard(), "READY=1\nSTATUS=serving");
  int fed = 0;
  for (int i = 0; i < 200; ++i) {
    time.at = time.at + Duration::milliseconds(60);
    static_cast<hal::Watchdog&>(manager).feed();
    fed += systemd.heard() == "WATCHDOG=1" ? 1 : 0;
  }
  EXPECT_EQ(fed, 6) << "of 12 s, each 2 s: four times as often as it must be";
  manager.stopping();
  EXPECT_EQ(systemd.heard(), "STOPPING=1");
}

TEST(ServiceManager, WithoutOneNothingIsSaid) {
  Manager systemd;
  FakeTime time;
  ServiceManager none(time, "", "");
  none.ready("serving");
  ServiceManager unwatched(time, systemd.folder.path("notify"), "");
  static_cast<hal::Watchdog&>(unwatched).feed();
  EXPECT_EQ(systemd.heard(), "");
}

TEST(EventLog, HasWordsForWhatPeopleDoAndNoneOfWhatTheySaid) {
  cubby_v1_Event event = cubby_v1_Event_init_zero;
  event.which_body = cubby_v1_Event_deposited_tag;
  event.body.deposited.compartment = 3;
  std::snprintf(event.body.deposited.parcel, sizeof event.body.deposited.parcel, "RB473124829CN");
  EXPECT_EQ(words_of(event), "deposited behind door 3");
  event.which_body = cubby_v1_Event_open_failed_tag;
  event.body.open_failed = {};
  event.body.open_failed.compartment = 7;
  event.body.open_failed.cause = cubby_v1_OpenFailure_OPEN_FAILURE_JAMMED;
  EXPECT_EQ(words_of(event), "cannot open door 7: it is jammed");
  for (pb_size_t tag = cubby_v1_Event_deposited_tag; tag <= cubby_v1_Event_flash_worn_tag; ++tag) {
    if (tag == cubby_v1_Event_dispatched_tag + 1 || tag == cubby_v1_Event_dispatched_tag + 2) {
      continue;  // Never given out.
    }
    event = cubby_v1_Event_init_zero;
    event.which_body = tag;
    EXPECT_NE(words_of(event), "an event") << tag;
  }
}

}  // namespace
}  // namespace cubby::posix

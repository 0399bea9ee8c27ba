#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "firmware/ports/posix/config_report.h"
#include "firmware/ports/posix/controller_loop.h"
#include "unit/ports/lab.h"

namespace cubby::posix {
namespace {

using tests::FaultyCalls;
using tests::Folder;

/// A station whose adapter is not there and whose centre does not answer. It is asked to stop by the test, or because
/// it takes too long.
struct StationLab {
  Folder folder;
  FaultyCalls calls;
  std::unique_ptr<ControllerConfig> config = std::make_unique<ControllerConfig>();
  Descriptor stop{timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
  std::unique_ptr<FileFlash> flash;

  StationLab() {
    stop_after({.tv_sec = 20, .tv_nsec = 0});
    std::ifstream file(std::string(CUBBY_TESTS_DIR) + "/../tools/packaging/controller.toml");
    std::ostringstream text;
    text << file.rdbuf();
    const std::string digits(64, '7');
    const auto problems = read_config("example", text.str(),
                                      {{"bus", "device", folder.path("no-adapter")},
                                       {"panel", "device", folder.path("no-panel")},
                                       {"journal", "file", folder.path("journal")},
                                       {"power", "status_file", ""},
                                       {"uplink", "aggregator", "127.0.0.1:9"},
                                       {"keys", "station", folder.write("station.key", digits)},
                                       {"keys", "pass", folder.write("pass.key", digits)}},
                                      *config);
    EXPECT_TRUE(problems.empty()) << problems.front();
  }
  FileFlash& open() {
    std::string why;
    flash = FileFlash::open(calls, {.path = config->port.journal_file, .geometry = config->port.geometry}, why);
    EXPECT_NE(flash, nullptr) << why;
    return *flash;
  }
  ControllerLoop::End run() {
    FileFlash& opened = open();
    ControllerLoop::Keys keys;
    EXPECT_EQ(keys.station.push_back({}), Status::kOk);
    const auto loop = std::make_unique<ControllerLoop>(*config, keys, calls, opened);
    const auto end = loop->run(stop.get());
    flash.reset();
    return end;
  }
  void stop_after(const timespec& time) const {
    const itimerspec once{.it_interval = {}, .it_value = time};
    EXPECT_EQ(timerfd_settime(stop.get(), 0, &once, nullptr), 0);
  }
  void ask_to_stop() const { stop_after({.tv_sec = 0, .tv_nsec = 1}); }
  std::string report(bool& good) const {
    std::ostringstream out;
    good = report_config(*config, out);
    return out.str();
  }
  std::string image() const {
    std::ifstream file(config->port.journal_file, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
  }
};

TEST(ControllerLoop, ServesUntilItIsAskedToStopAndRemembersThatItWas) {
  StationLab lab;
  const RunFile run_file(lab.config->port.run_file);
  lab.ask_to_stop();
  EXPECT_EQ(lab.run(), ControllerLoop::End::kStopped);
  EXPECT_EQ(run_file.last_end(), hal::ResetCause::kRequested);
  bool good = false;
  const std::string report = lab.report(good);
  EXPECT_TRUE(good);
  EXPECT_NE(report.find("journal: " + lab.config->port.journal_file + ": 4 events up to now, boot 1, 0 parcels inside"),
            std::string::npos)
      << report;
}

TEST(ControllerLoop, EndsWhenTheJournalCanBeWrittenNoMore) {
  StationLab clean;
  clean.ask_to_stop();
  ASSERT_EQ(clean.run(), ControllerLoop::End::kStopped);
  StationLab lab;
  lab.calls.fail_at = clean.calls.operations();  // Behind the boot; silent boards are journalled a moment later.
  EXPECT_EQ(lab.run(), ControllerLoop::End::kJournalFailed);
  EXPECT_EQ(RunFile(lab.config->port.run_file).last_end(), hal::ResetCause::kWatchdog) << "that was no stop";
  lab.calls.fail_at = SIZE_MAX;
  lab.ask_to_stop();
  EXPECT_EQ(lab.run(), ControllerLoop::End::kStopped) << "and the next start mounts what there is";
}

TEST(ControllerLoop, AConfigurationThatTheFirmwareRefusesIsNotServed) {
  StationLab lab;
  lab.config->encoded.resize(limits::kConfigBytesMax + 1);
  EXPECT_EQ(lab.run(), ControllerLoop::End::kRefused);
}

TEST(ConfigReport, ChangesNothingAndSaysWhatIsThere) {
  StationLab lab;
  bool good = false;
  EXPECT_NE(lab.report(good).find("not there yet"), std::string::npos);
  EXPECT_TRUE(good);
  EXPECT_NE(access(lab.config->port.journal_file.c_str(), F_OK), 0) << "none was made";
  (void)lab.open();
  lab.flash.reset();
  EXPECT_NE(lab.report(good).find("blank; the next start makes a new journal"), std::string::npos);
  EXPECT_TRUE(good);
  lab.ask_to_stop();
  ASSERT_EQ(lab.run(), ControllerLoop::End::kStopped);
  const std::string before = lab.image();
  (void)lab.report(good);
  EXPECT_EQ(lab.image(), before) << "mounting it wrote to the copy only";
}

TEST(ConfigReport, SaysWhatCannotBeServedWith) {
  StationLab lab;
  bool good = true;
  lab.folder.write("journal", std::string(lab.config->port.geometry.size(), 'x'));
  EXPECT_NE(lab.report(good).find("is none, or one of other sectors, or beyond recovery"), std::string::npos)
      << lab.report(good);
  EXPECT_FALSE(good);
  lab.folder.write("journal", "short");
  EXPECT_NE(lab.report(good).find("has 5 bytes"), std::string::npos);
  EXPECT_FALSE(good);
  std::remove(lab.config->port.journal_file.c_str());
  lab.folder.write("station.key", std::string(64, '7'), 0644);
  EXPECT_NE(lab.report(good).find("station key: " + lab.folder.path("station.key") + ": others can read this key"),
            std::string::npos);
  EXPECT_FALSE(good);
}

}  // namespace
}  // namespace cubby::posix

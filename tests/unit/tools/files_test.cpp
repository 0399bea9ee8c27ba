// Files that people write or keep: traces, secrets, configuration.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "support/temporary_folder.h"
#include "tools/support/command_line.h"
#include "tools/support/secret_file.h"
#include "tools/support/trace_file.h"

namespace cubby::tools {
namespace {

struct Files : ::testing::Test {
  std::string write(const std::string& name, const std::string& content) const {
    const std::string path = folder.file(name);
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  tests::TemporaryFolder folder;
};

constexpr char kHeader[] = "time,station,action,parcel,carrier,size\n";

TEST_F(Files, ATraceIsRead) {
  std::vector<std::string> errors;
  const auto rows = read_trace(write("good.csv", std::string("\xEF\xBB\xBF") + kHeader +
                                                     "0,SX-TY-0001,deposit,RB473124829CN,sf,M\r\n"
                                                     "90,SX-TY-0001,collect,RB473124829CN,,\r\n"
                                                     "2h,SX-TY-0001,recall,,sf,\r\n"),
                               errors);
  EXPECT_EQ(errors, std::vector<std::string>());
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].action, "deposit");
  EXPECT_EQ(rows[0].size, 2);
  EXPECT_EQ(rows[1].offset_ms, 90'000);
  EXPECT_EQ(rows[2].offset_ms, 7'200'000);
  EXPECT_FALSE(rows[2].absolute);
}

// All that is wrong is told at once, each with its place.
TEST_F(Files, ABadTraceNamesEveryPlace) {
  std::vector<std::string> errors;
  const std::string file = write("bad.csv", std::string(kHeader) +
                                                "1,SX-TY-0001,deposit,P1,sf,M\n"
                                                "soon,SX-TY-0001,deposit,P1,sf,M\n"
                                                "10,SX-TY-0001,explode,P1,sf,M\n"
                                                "20,SX-TY-0001,deposit,P1,sf,Q\n"
                                                "30,SX-TY-0001,deposit\n"
                                                "40,SX-TY-0001,deposit,RB473124828CN,sf,M\n"
                                                "50,SX-TY-0001,deposit,P1,NOT A BRAND,M\n"
                                                "0,SX-TY-0001,deposit,P1,sf,M\n");
  read_trace(file, errors);
  ASSERT_EQ(errors.size(), 7U);
  for (std::size_t i = 0; i < errors.size(); ++i) {
    EXPECT_TRUE(errors[i].starts_with(file + ":" + std::to_string(i + 3) + ":")) << errors[i];
  }
}

TEST_F(Files, ATraceWithoutItsHeaderIsRefused) {
  std::vector<std::string> errors;
  read_trace(write("empty.csv", ""), errors);
  EXPECT_EQ(errors.size(), 1U);
  errors.clear();
  read_trace(write("other.csv", "a,b,c\n1,2,3\n"), errors);
  EXPECT_GE(errors.size(), 1U);
  errors.clear();
  read_trace(folder.file("missing.csv"), errors);
  EXPECT_EQ(errors.size(), 1U);
}

TEST_F(Files, ASecretIsMadeOnceAndForItsOwnerOnly) {
  const Secret made = load_or_create_secret(folder.file("fleet.key"));
  ASSERT_EQ(made.error, "");
  EXPECT_EQ(made.bytes.size(), 32U);
  EXPECT_EQ(load_or_create_secret(folder.file("fleet.key")).bytes, made.bytes);
  EXPECT_NE(load_or_create_secret(folder.file("other.key")).bytes, made.bytes);
  struct stat status {};
  ASSERT_EQ(::stat(folder.file("fleet.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(Files, ASecretThatOthersCanReadIsRefused) {
  ASSERT_EQ(load_or_create_secret(folder.file("fleet.key")).error, "");
  ASSERT_EQ(::chmod(folder.file("fleet.key").c_str(), 0644), 0);
  const Secret read = load_or_create_secret(folder.file("fleet.key"));
  EXPECT_NE(read.error, "");
  EXPECT_TRUE(read.bytes.empty());
}

TEST_F(Files, ASecretThatIsNoneIsRefusedAndLeftAlone) {
  const std::string path = write("fleet.key", "password\n");
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_NE(load_or_create_secret(path).error, "");
  std::string content;
  std::getline(std::ifstream(path), content);
  EXPECT_EQ(content, "password");
}

struct Options {
  std::uint32_t stations = 1;
  bool demand = false;
  std::string name;
};

int parse(const std::string& config, Options& options, std::string& talk, std::vector<std::string> more = {}) {
  CLI::App app("Test.", "program");
  app.add_option("--stations", options.stations)->check(integer_range(1, 100));
  app.add_flag("--demand", options.demand);
  app.add_option("--name", options.name);
  add_toml_config(app);
  more.insert(more.begin(), {"program", "--config", config});
  std::vector<char*> arguments;
  for (std::string& argument : more) {
    arguments.push_back(argument.data());
  }
  ::testing::internal::CaptureStderr();
  const int code = parse_command_line(app, static_cast<int>(arguments.size()), arguments.data());
  talk = ::testing::internal::GetCapturedStderr();
  return code;
}

TEST_F(Files, FleetKeysHaveALineForEach) {
  const std::filesystem::path file = folder.file("fleet.key");
  const FleetKeyFile made = load_or_create_fleet_keys(file);
  ASSERT_EQ(made.error, "");
  EXPECT_EQ(made.keys.newest_from(), 1U);
  EXPECT_EQ(made.keys.station_key("A", 9), read_fleet_keys(file).keys.station_key("A", 9)) << "made once";
  const std::string old_key(64, 'a');
  const std::string new_key(64, 'b');
  const auto read = [&](const std::string& text) {
    std::ofstream(file) << text;
    return read_fleet_keys(file);
  };
  const FleetKeyFile both = read(old_key + "\n5 " + new_key + "\n");
  ASSERT_EQ(both.error, "");
  StationKey newest;
  newest.fill(std::byte{0xBB});
  StationKey oldest;
  oldest.fill(std::byte{0xAA});
  EXPECT_EQ(both.keys.station_key("A", 4), derive_station_key(oldest, "A", 4));
  EXPECT_EQ(both.keys.station_key("A", 5), derive_station_key(newest, "A", 5));
  EXPECT_EQ(both.keys.station_key("A", 65'536), std::nullopt);
  EXPECT_EQ(both.keys.pass_key(), derive_pass_key(newest));
  const FleetKeyFile later = read("5 " + new_key);
  EXPECT_EQ(later.keys.station_key("A", 4), std::nullopt);
  EXPECT_EQ(later.keys.station_key("A", 5), derive_station_key(newest, "A", 5));
  const std::string key = " " + new_key + "\n";
  std::string nine;
  for (int i = 1; i <= 9; ++i) {
    nine += std::to_string(i) + key;
  }
  for (const std::string& bad : {std::string(), "0" + key, "65536" + key, "2" + key + "2" + key, "3" + key + "2" + key,
                                 key, "1" + key + "\n" + "2" + key, "1 " + new_key + "b", nine}) {
    const FleetKeyFile refused = read(bad);
    EXPECT_NE(refused.error, "") << bad;
    EXPECT_EQ(refused.error.find(new_key), std::string::npos) << "a key is not told";
  }
  EXPECT_NE(read(nine).error.find("fleet.key:9: more than 8 keys"), std::string::npos) << read(nine).error;
}

TEST_F(Files, AConfigurationHasTheOptionsNames) {
  Options options;
  std::string talk;
  EXPECT_EQ(parse(write("good.toml", "stations = 7\r\ndemand = true\r\nname = \"x\"\r\n"), options, talk), -1) << talk;
  EXPECT_EQ(options.stations, 7U);
  EXPECT_TRUE(options.demand);
  EXPECT_EQ(options.name, "x");
}

TEST_F(Files, TheCommandLineWins) {
  Options options;
  std::string talk;
  EXPECT_EQ(parse(write("good.toml", "stations = 7\n"), options, talk, {"--stations", "9"}), -1) << talk;
  EXPECT_EQ(options.stations, 9U);
}

TEST_F(Files, ABadConfigurationNamesEveryPlace) {
  Options options;
  std::string talk;
  const std::string file = write("bad.toml", "stations = 101\ndemand = 1\nnane = \"x\"\n");
  EXPECT_EQ(parse(file, options, talk), kExitUsage);
  for (const char* part : {":1:", ":2:", ":3:", "101", "nane", "did you mean name"}) {
    EXPECT_NE(talk.find(part), std::string::npos) << part << " is not in: " << talk;
  }
  EXPECT_EQ(parse(write("twice.toml", "stations = 1\nstations = 2\n"), options, talk), kExitUsage);
  EXPECT_NE(talk.find(":2:"), std::string::npos) << talk;
  EXPECT_EQ(parse(write("huge.toml", std::string(2 << 20, '#')), options, talk), kExitUsage);
}

}  // namespace
}  // namespace cubby::tools

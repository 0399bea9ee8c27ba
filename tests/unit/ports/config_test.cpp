#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "firmware/ports/posix/controller_config.h"
#include "firmware/wire/codec/config_codec.h"

namespace cubby::posix {
namespace {

std::string example() {
  std::ifstream file(std::string(CUBBY_TESTS_DIR) + "/../tools/packaging/controller.toml");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

/// All sentences about it, a line each.
std::string problems_of(const std::string& text, const std::vector<Override>& overrides = {}) {
  const auto config = std::make_unique<ControllerConfig>();
  std::string all;
  for (const std::string& sentence : read_config("cabinet.toml", text, overrides, *config)) {
    all += sentence + "\n";
  }
  return all;
}

TEST(ControllerConfig, TheExampleIsTheStationThatItDescribes) {
  const auto config = std::make_unique<ControllerConfig>();
  const auto problems = read_config("controller.toml", example(), {}, *config);
  ASSERT_TRUE(problems.empty()) << problems.front();
  EXPECT_EQ(config->port.bus.path, "/dev/serial/by-id/usb-*");
  EXPECT_EQ(config->port.bus_baud, 9600U);
  ASSERT_TRUE(config->port.panel.has_value());
  EXPECT_EQ(config->port.panel->path, "/dev/ttyS1");
  EXPECT_EQ(config->port.geometry, hal::FlashGeometry{});
  EXPECT_EQ(config->port.run_file, "/var/lib/cubby/journal.run");
  const auto& station = config->station;
  EXPECT_STREQ(station.station, "SX-TY-0007");
  EXPECT_STREQ(station.city, "Taiyuan");
  EXPECT_EQ(station.utc_offset_min, 480);
  EXPECT_EQ(station.language, cubby_v1_PanelLanguage_PANEL_LANGUAGE_CHINESE);
  ASSERT_EQ(station.boards_count, 2U);
  EXPECT_EQ(station.boards[1].address, 2);
  ASSERT_EQ(station.door_board_count, 16U);
  EXPECT_EQ(station.door_channel[7], 7) << "counted from 0 on the wire";
  EXPECT_EQ(station.door_board[8], 1);
  EXPECT_EQ(station.door_size[2], cubby_v1_Size_SIZE_M);
  EXPECT_EQ(station.door_height_cm[15], 180);
  EXPECT_EQ(station.door_item_board_count, 0U) << "no item sensors";
  ASSERT_EQ(station.brands_count, 1U);
  EXPECT_EQ(station.brands[0].guaranteed_percent, 10);
}

TEST(ControllerConfig, EqualFilesGiveEqualBytesThatDecodeToTheSame) {
  const auto first = std::make_unique<ControllerConfig>();
  const auto second = std::make_unique<ControllerConfig>();
  ASSERT_TRUE(read_config("a", example(), {}, *first).empty());
  ASSERT_TRUE(read_config("b", "# another comment\n" + example(), {}, *second).empty());
  EXPECT_EQ(first->encoded, second->encoded);
  const auto decoded = std::make_unique<cubby_v1_StationConfig>();
  ASSERT_EQ(wire::decode_config(first->encoded, *decoded), Status::kOk);
  EXPECT_EQ(decoded->door_board_count, 16U);
  ASSERT_TRUE(read_config("b", replaced(example(), "version = 1", "version = 2"), {}, *second).empty());
  EXPECT_NE(first->encoded, second->encoded);
}

TEST(ControllerConfig, TheCommandLineWinsAndIsJudgedInTheSameWords) {
  const auto config = std::make_unique<ControllerConfig>();
  const std::vector<Override> overrides{{"bus", "device", "tcp://127.0.0.1:4001"},
                                        {"bus", "baud", "19200"},
                                        {"uplink", "aggregator", "192.0.2.1:7400"},
                                        {"uplink", "allow_plaintext", ""},
                                        {"panel", "device", "tcp://[::1]:7600"}};
  const auto problems = read_config("a", example(), overrides, *config);
  ASSERT_TRUE(problems.empty()) << problems.front();
  EXPECT_EQ(config->port.bus.text(), "tcp://127.0.0.1:4001");
  EXPECT_EQ(config->port.bus_baud, 19200U);
  EXPECT_EQ(config->port.aggregator.host, "192.0.2.1");
  EXPECT_EQ(config->port.panel->text(), "tcp://[::1]:7600");
  EXPECT_EQ(problems_of(example(), {{"bus", "baud", "fast"}}),
            "--bus-baud: [bus]: 'baud' must be a whole number from 4800 to 115200\n");
  EXPECT_EQ(problems_of(example(), {{"journal", "sectors", "4"}}),
            "--journal-sectors: [journal]: 'sectors' must be a whole number from 8 to 256\n");
}

TEST(ControllerConfig, TlsNeedsNoOtherPermissionAndKnowsWhatTheAggregatorIsCalled) {
  const auto config = std::make_unique<ControllerConfig>();
  std::string text = replaced(example(), "127.0.0.1:7400", "192.0.2.1:7400");
  text = replaced(text, "[keys]", "tls = \"/etc/cubby/tls\"\n[keys]");
  ASSERT_EQ(problems_of(text, {}), "");
  ASSERT_TRUE(read_config("a", text, {}, *config).empty());
  EXPECT_EQ(config->port.tls.folder, "/etc/cubby/tls");
  EXPECT_EQ(config->port.tls.server_name, "192.0.2.1");
  ASSERT_TRUE(read_config("a", text, {{"uplink", "server_name", "centre.example"}}, *config).empty());
  EXPECT_EQ(config->port.tls.server_name, "centre.example");
  ASSERT_TRUE(read_config("a", example(), {}, *config).empty());
  EXPECT_TRUE(config->port.tls.folder.empty());
}

TEST(ControllerConfig, ItemSensorsStandBesideTheirDoors) {
  const auto config = std::make_unique<ControllerConfig>();
  std::string text = replaced(example(), "channels = \"1-8\"\nsizes = \"LLMMMSSS\"",
                              "channels = \"1-4\"\nitem_board = 1\nitem_channels = \"5-8\"\nsizes = \"LLMM\"");
  text = replaced(text, "[20, 60, 100, 125, 150, 170, 185, 200]", "60");
  const auto problems = read_config("a", text, {}, *config);
  ASSERT_TRUE(problems.empty()) << problems.front();
  ASSERT_EQ(config->station.door_item_channel_count, 12U);
  EXPECT_EQ(config->station.door_item_channel[0], 5);
  EXPECT_EQ(config->station.door_item_channel[4], 0) << "these have none";
  EXPECT_EQ(config->station.door_height_cm[3], 60);
}

TEST(ControllerConfig, BoardsOfAllFamiliesWithTheirSettingsShareASegment) {
  const auto config = std::make_unique<ControllerConfig>();
  std::string text = replaced(example(), "family = \"p5\"\naddress = 1\nchannels = 8",
                              "family = \"p1\"\naddress = 2\nchannels = 8\nstatus_order = \"first\"\nclosed_bit = 0\n"
                              "unlock_reply = \"late\"\nunlock_reply_ms = 700");
  text = replaced(text, "baud = 9600", "baud = 19200\necho = true");
  text = replaced(text, "[[doors]]",
                  "[[board]]\nfamily = \"p2\"\naddress = 0\nchannels = 12\nfirst_channel = 1\n"
                  "[[board]]\nfamily = \"p6\"\naddress = 2\nchannels = 12\n"
                  "[[doors]]\nboard = 3\nchannels = \"1-2\"\nsizes = \"SS\"\nheights_cm = 5\n"
                  "item_board = 3\nitem_channels = \"13-14\"\n[[doors]]");
  const auto problems = read_config("a", text, {}, *config);
  ASSERT_TRUE(problems.empty()) << problems.front();
  const auto& station = config->station;
  EXPECT_EQ(station.bus_baud, 19200U);
  EXPECT_TRUE(station.bus_echo);
  ASSERT_EQ(station.boards_count, 4U);
  EXPECT_EQ(station.boards[0].family, cubby_v1_BoardFamily_BOARD_FAMILY_P1);
  EXPECT_EQ(station.boards[0].status_order, cubby_v1_StatusOrder_STATUS_ORDER_FIRST);
  EXPECT_TRUE(station.boards[0].has_closed_bit);
  EXPECT_EQ(station.boards[0].closed_bit, 0);
  EXPECT_EQ(station.boards[0].unlock_reply, cubby_v1_UnlockReply_UNLOCK_REPLY_LATE);
  EXPECT_EQ(station.boards[0].unlock_reply_ms, 700U);
  EXPECT_FALSE(station.boards[1].has_first_channel) << "as usual in its family";
  EXPECT_TRUE(station.boards[2].has_first_channel);
  EXPECT_EQ(station.door_item_channel[0], 13) << "a P2 board's inputs for items stand behind its locks'";
}

TEST(ControllerConfig, SoManySlowBoardsThatAForcedDoorIsSeenTooLateAreRefused) {
  std::string boards;
  for (int address = 3; address < 10; ++address) {
    boards += "[[board]]\nfamily = \"p7\"\naddress = " + std::to_string(address) + "\nchannels = 24\n";
  }
  EXPECT_NE(
      problems_of(replaced(example(), "[[doors]]", boards + "[[doors]]")).find("would be seen too late: 9 boards"),
      std::string::npos);
}

struct Wrong {
  const char* from;
  const char* to;
  const char* sentence;
};

TEST(ControllerConfig, SaysWhatIsWrongAndWhere) {
  const Wrong cases[] = {
      {"baud = 9600", "baud = 9601", "[bus]: 'baud' must be 4800, 9600, 19200"},
      {"baud = 9600", "baud = \"9600\"", "[bus]: 'baud' must be a whole number from 4800 to 115200"},
      {"baud = 9600", "bauds = 9600", "[bus]: unknown key 'bauds'; did you mean 'baud'?"},
      {"\n[bus]", "\n[buss]", "the file: unknown key 'buss'; did you mean 'bus'?"},
      {"device = \"/dev/serial/by-id/usb-*\"", "device = \"tcp://cabinet:4001\"", "[bus]: 'tcp://cabinet:4001' is not"},
      {"device = \"/dev/serial/by-id/usb-*\"", "device = 5", "[bus]: 'device' must be a text in quotes"},
      {"device = \"/dev/serial/by-id/usb-*\"", "", "[bus]: 'device' is missing"},
      {"device = \"/dev/ttyS1\"", "device = \"tcp://0.0.0.0:7600\"", "[panel]: a panel is listened for on this"},
      {"file = \"/var/lib/cubby/journal\"", "", "[journal]: 'file' is missing"},
      {"sectors = 32", "sectors = 7", "[journal]: 'sectors' must be a whole number from 8 to 256"},
      {"127.0.0.1:7400", "192.0.2.1:7400", "is not loopback; 'tls' names a folder of certificates, or allow_plaintext"},
      {"\"127.0.0.1:7400\"", "\"tls://127.0.0.1:7400\"", "[uplink]: 'tls://127.0.0.1:7400' is not ADDRESS:PORT"},
      {"[keys]", "tls = \"/etc/cubby/tls\"\nallow_plaintext = true\n[keys]", "there is no falling back from 'tls'"},
      {"[keys]", "server_name = \"centre.example\"\n[keys]", "[uplink]: 'server_name' is the name in the"},
      {"[keys]", "tls = \"/etc/cubby/tls\"\nserver_name = \"\"\n[keys]", "[uplink]: 'server_name' is the name in the"},
      {"[keys]", "tls = true\n[keys]", "[uplink]: 'tls' must be a text in quotes"},
      {"127.0.0.1:7400", "centre.example:7400", "[uplink]: 'centre.example:7400' is not ADDRESS:PORT"},
      {"127.0.0.1:7400", "127.0.0.1:74000", "[uplink]: '127.0.0.1:74000' is not ADDRESS:PORT"},
      {"pass = \"/etc/cubby/pass.key\"", "", "[keys]: 'pass' is missing"},
      {"level = \"info\"", "level = \"loud\"", "[log]: 'level' must be one of debug, info, warn, error, off"},
      {"SX-TY-0007", "sx-ty-0007", "[station]: 'name' must be 1 to 32 of A-Z, 0-9 and '-'"},
      {"city = \"Taiyuan\"", "", "[station]: 'city' is missing"},
      {"+08:00", "+15:00", "[station]: 'utc_offset' must be as \"+08:00\""},
      {"\"chinese\"", "\"klingon\"", "[station]: 'language' must be one of english, chinese, not 'klingon'"},
      {"code_digits = 8", "code_digits = 4", "[station]: 'code_digits' must be a whole number from 6 to 8"},
      {"code_digits = 8", "code_digits = 7", "[station]: 'code_digits' must be 6 or 8"},
      {"lock_pulse_ms = 300", "lock_pulse_ms = 350", "[station]: 'lock_pulse_ms' must be a multiple of 100"},
      {"lock_pulse_ms = 300", "lock_pulse_ms = 2000", "[station]: 'lock_pulse_ms' must be a whole number from 100"},
      {"retention_h = 72", "retention_h = 0", "[rules]: 'retention_h' must be a whole number from 1 to 720"},
      {"response_deadline_s = 90", "response_deadline_s = 5", "[rules]: 'response_deadline_s' must be"},
      {"carrier = \"sf\"", "carrier = \"S F\"", "brand 1: 'carrier' must be 1 to 8 of a-z and 0-9"},
      {"guaranteed_percent = 10", "guaranteed_percent = 50", "brand 1: more is kept for 'sf' than its share"},
      {"[[brand]]", "[[brand]]\ncarrier = \"sf\"\n[[brand]]", "brand 2: 'sf' is there twice"},
      {"[[brand]]", "[brand]", "the file: 'brand' must be tables: [[brand]]"},
      {"family = \"p5\"", "family = \"p9\"", "board 1: 'family' must be one of p1, p2, p5, p6, p7, not 'p9'"},
      {"family = \"p5\"\naddress = 1", "family = \"p1\"\naddress = 40", "board 1: p1 has addresses 1 to 31, not 40"},
      {"family = \"p5\"\naddress = 1", "family = \"p5\"\naddress = 0", "board 1: p5 has addresses 1 to 247, not 0"},
      {"family = \"p5\"\naddress = 1\nchannels = 8", "family = \"p1\"\naddress = 1\nchannels = 9",
       "board 1: p1 boards have 8, 12, 18, 24, 32, 50 channels, not 9"},
      {"address = 2", "address = 1", "board 2: another p5 board has address 1"},
      {"address = 2", "", "board 2: 'address' is missing"},
      {"channels = 8", "channels = 8\nfirst_channel = 1", "board 1: p5 boards have no 'first_channel'"},
      {"channels = 8", "channels = 8\nstatus_order = \"last\"", "board 1: p5 boards have no 'status_order'"},
      {"channels = 8", "channels = 8\nunlock_reply = \"late\"", "board 1: p5 boards have no 'unlock_reply'"},
      {"channels = 8", "channels = 8\nclosed_bit = 2", "board 1: 'closed_bit' must be a whole number from 0 to 1"},
      {"\"p5\"\naddress = 1", "\"p1\"\naddress = 1\nfirst_channel = 0", "board 1: channel 0 of p1 is \"all\""},
      {"\"p5\"\naddress = 1", "\"p1\"\naddress = 1\nunlock_reply = \"soon\"", "must be one of none, status, late"},
      {"\"p5\"\naddress = 1", "\"p1\"\naddress = 1\nunlock_reply = \"none\"\nunlock_reply_ms = 9",
       "board 1: 'unlock_reply_ms' is of unlock_reply = \"late\""},
      {"\"p5\"\naddress = 1\nchannels = 8", "\"p2\"\naddress = 0\nchannels = 16\nfirst_channel = 1",
       "board 1: counted from 1, p2 has no number for a sixteenth lock"},
      {"\"p5\"\naddress = 1\nchannels = 8", "\"p7\"\naddress = 0\nchannels = 8\nclosed_bit = 1",
       "board 1: p7 boards have no 'closed_bit'"},
      {"board = 1\n", "board = 3\n", "doors 1: 'board' must be a whole number from 1 to 2"},
      {"channels = \"1-8\"", "channels = \"1-9\"", "doors 1: '1-9' is not a list such as \"1-4,7\" of channels 1 to 8"},
      {"channels = \"1-8\"", "channels = \"1-8,3\"", "doors 1: channel 3 of board 1 is used twice"},
      {"board = 2\n", "board = 1\n", "doors 2: channel 1 of board 1 is used twice"},
      {"LLMMMSSS", "LLMMMSS", "doors 1: 'sizes' must be a letter of S, M, L, X for each of the 8 doors"},
      {"LLMMMSSS", "LLMMMSSs", "doors 1: 'sizes' must be a letter"},
      {"[20, 60, 100,", "[20, 100,", "doors 1: 'heights_cm' must be one number from 0 to 250, or a list of 8"},
      {"[20, 60, 100,", "[20, 251, 100,", "doors 1: 'heights_cm' must be"},
      {"board = 2\n", "item_board = 2\nitem_channels = \"1-7\"\nboard = 2\n", "doors 2: channel 1 of board 2 is used"},
  };
  for (const Wrong& wrong : cases) {
    const std::string said = problems_of(replaced(example(), wrong.from, wrong.to));
    EXPECT_NE(said.find(wrong.sentence), std::string::npos) << wrong.to << " gave:\n" << said;
    EXPECT_EQ(said.find("refuses"), std::string::npos) << "said before the firmware was asked:\n" << said;
  }
}

TEST(ControllerConfig, EverySentenceHasItsLineAndTheyComeInTheFilesOrder) {
  const std::string text = replaced(replaced(example(), "baud = 9600", "baud = 1"), "address = 2", "address = 300");
  const std::string said = problems_of(text);
  EXPECT_EQ(said,
            "cabinet.toml:6:8: [bus]: 'baud' must be a whole number from 4800 to 115200\n"
            "cabinet.toml:58:11: board 2: 'address' must be a whole number from 0 to 247\n");
}

TEST(ControllerConfig, WhatIsNoTomlIsSaidWithItsPlace) {
  EXPECT_EQ(problems_of("[bus\ndevice = 1").substr(0, 15), "cabinet.toml:1:");
  EXPECT_NE(problems_of("").find("[bus]: 'device' is missing"), std::string::npos);
  for (const char* name_that_is_none :
       {"[=]", "[]", "[.a]", "[#", "[[.a]]", "[\na]"}) {  // Each once ended the program.
    EXPECT_EQ(problems_of(name_that_is_none).substr(0, 15), "cabinet.toml:1:") << name_that_is_none;
  }
}

TEST(ControllerConfig, LettersBeyondAsciiAreNoBlanks) {
  EXPECT_EQ(problems_of("a = 1\xc3\xa9\n").substr(0, 17), "cabinet.toml:1:6:");
  EXPECT_EQ(problems_of("\xd0\x88 = 1").substr(0, 17), "cabinet.toml:1:1:");
  EXPECT_EQ(problems_of("# \xc3\xa9\n" + example()), "");
}

TEST(ControllerConfig, WhatAPersonHasWrittenDoesNotReachTheTerminalAsAnOrder) {
  const std::string said = problems_of(example() + "\n[bell]\n\"\\u001b[2J\\u009b\" = 1\n");
  EXPECT_EQ(said.find('\x1b'), std::string::npos);
  EXPECT_EQ(said.find("\xc2\x9b"), std::string::npos);
}

TEST(ControllerConfig, EndpointsAreAddressesInDigits) {
  std::string host;
  std::uint16_t port = 0;
  EXPECT_TRUE(parse_endpoint("localhost:7400", host, port));
  EXPECT_EQ(host, "127.0.0.1");
  EXPECT_TRUE(is_loopback(host));
  EXPECT_TRUE(parse_endpoint("[::1]:65535", host, port));
  EXPECT_TRUE(is_loopback(host));
  EXPECT_EQ(port, 65535);
  EXPECT_TRUE(parse_endpoint("10.0.0.7:1", host, port));
  EXPECT_FALSE(is_loopback(host));
  for (const char* bad : {"", ":", "7400", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:1x",
                          "256.0.0.1:1", "host:1", "::1:1:", "[::1:1", "127.1:1"}) {
    EXPECT_FALSE(parse_endpoint(bad, host, port)) << bad;
  }
}

}  // namespace
}  // namespace cubby::posix

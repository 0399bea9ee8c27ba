#include "firmware/app/config_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "firmware/base/limits.h"
#include "firmware/wire/codec/config_codec.h"

namespace cubby::core {
namespace {

cubby_v1_BoardConfig board_of(cubby_v1_BoardFamily family, unsigned address, unsigned channels) {
  cubby_v1_BoardConfig board = cubby_v1_BoardConfig_init_zero;
  board.family = family;
  board.address = static_cast<std::uint8_t>(address);
  board.channels = static_cast<std::uint8_t>(channels);
  return board;
}
cubby_v1_BoardConfig with_first(cubby_v1_BoardConfig board, unsigned first_channel) {
  board.has_first_channel = true;
  board.first_channel = static_cast<std::uint8_t>(first_channel);
  return board;
}
cubby_v1_BoardConfig with_closed_bit(cubby_v1_BoardConfig board, unsigned bit) {
  board.has_closed_bit = true;
  board.closed_bit = static_cast<std::uint8_t>(bit);
  return board;
}
cubby_v1_BoardConfig with_order(cubby_v1_BoardConfig board, cubby_v1_StatusOrder order) {
  board.status_order = order;
  return board;
}
cubby_v1_BoardConfig with_reply(cubby_v1_BoardConfig board, cubby_v1_UnlockReply reply, unsigned ms) {
  board.unlock_reply = reply;
  board.unlock_reply_ms = static_cast<std::uint16_t>(ms);
  return board;
}

cubby_v1_StationConfig good_config() {
  cubby_v1_StationConfig config = cubby_v1_StationConfig_init_zero;
  config.version = 1;
  std::string("SX-TY-0007").copy(config.station, sizeof(config.station));
  std::string("Taiyuan").copy(config.city, sizeof(config.city));
  config.boards_count = 1;
  config.boards[0] = board_of(cubby_v1_BoardFamily_BOARD_FAMILY_P5, 1, 8);
  config.door_board_count = config.door_channel_count = config.door_size_count = config.door_height_cm_count = 2;
  config.door_channel[1] = 1;
  config.door_size[0] = config.door_size[1] = cubby_v1_Size_SIZE_S;
  config.retention_h = 48;
  config.response_deadline_s = 90;
  config.code_digits = 8;
  config.lock_pulse_ms = 200;
  return config;
}

/// As a decoder leaves it that does not know the values.
template <typename Enum>
void set_number(Enum& to, std::uint32_t number) {
  static_assert(sizeof(to) == sizeof(number));
  std::memcpy(&to, &number, sizeof(number));
}

void set_items(cubby_v1_StationConfig& config, unsigned board1, unsigned channel1, unsigned board2, unsigned channel2) {
  config.door_item_board_count = config.door_item_channel_count = 2;
  config.door_item_board[0] = static_cast<std::uint8_t>(board1);
  config.door_item_channel[0] = static_cast<std::uint8_t>(channel1);
  config.door_item_board[1] = static_cast<std::uint8_t>(board2);
  config.door_item_channel[1] = static_cast<std::uint8_t>(channel2);
}

TEST(ConfigCheck, TakesItemSensorsForAllDoorsOrSomeOnTheirBoardOrAnother) {
  auto config = good_config();
  set_items(config, 0, 3, 0, 8);
  EXPECT_EQ(app::check_config(config), Status::kOk);
  set_items(config, 0, 3, 0, 0);  // The second door has none.
  EXPECT_EQ(app::check_config(config), Status::kOk);
  config.boards_count = 2;
  config.boards[1] = board_of(cubby_v1_BoardFamily_BOARD_FAMILY_P5, 2, 2);
  set_items(config, 1, 2, 1, 1);
  EXPECT_EQ(app::check_config(config), Status::kOk);
}

TEST(ConfigCheck, RefusesEachBrokenRule) {
  ASSERT_EQ(app::check_config(good_config()), Status::kOk);
  const std::vector<void (*)(cubby_v1_StationConfig&)> breaks{
      [](auto& c) { c.version = 0; },
      [](auto& c) { c.station[0] = 'a'; },
      [](auto& c) { c.station[0] = '\0'; },
      [](auto& c) { c.city[0] = '\0'; },
      [](auto& c) { c.utc_offset_min = -721; },
      [](auto& c) { c.utc_offset_min = 841; },
      [](auto& c) { c.boards_count = 0; },
      [](auto& c) { c.boards[0].address = 0; },
      [](auto& c) { c.boards[0].address = 248; },
      [](auto& c) { c.boards[0].channels = 51; },
      [](auto& c) { c.boards[0].family = cubby_v1_BoardFamily_BOARD_FAMILY_UNSPECIFIED; },
      [](auto& c) { c.boards[1] = c.boards[0], c.boards_count = 2; },
      [](auto& c) { c.door_board[1] = 1; },
      [](auto& c) { c.door_channel[1] = 8; },
      [](auto& c) { c.door_channel[1] = 0; },
      [](auto& c) { c.door_size_count = 1; },
      [](auto& c) { c.door_size[0] = cubby_v1_Size_SIZE_UNSPECIFIED; },
      [](auto& c) { set_number(c.door_size[0], 257); },
      [](auto& c) { set_number(c.language, 99); },
      [](auto& c) { c.door_height_cm[0] = 251; },
      [](auto& c) { c.door_item_channel_count = c.door_item_board_count = 1; },
      [](auto& c) { c.door_item_channel_count = 2, c.door_item_channel[0] = 3; },
      [](auto& c) { c.door_item_board_count = 2; },
      [](auto& c) { set_items(c, 0, 3, 0, 3); },    // One input, two sensors.
      [](auto& c) { set_items(c, 0, 2, 0, 3); },    // The other door's switch.
      [](auto& c) { set_items(c, 0, 3, 0, 9); },    // The board has eight.
      [](auto& c) { set_items(c, 0, 3, 1, 1); },    // No such board.
      [](auto& c) { set_items(c, 0, 3, 255, 0); },  // No sensor, and yet a board.
      [](auto& c) { c.brands_count = 1; },
      [](auto& c) { c.brands_count = 1, c.brands[0].carrier[0] = 'S'; },
      [](auto& c) { c.brands_count = 1, c.brands[0].carrier[0] = 's', c.brands[0].share_percent = 101; },
      [](auto& c) { c.brands_count = 1, c.brands[0].carrier[0] = 's', c.brands[0].guaranteed_percent = 101; },
      [](auto& c) {
        c.brands_count = 1, c.brands[0].carrier[0] = 's';
        c.brands[0].share_percent = 20, c.brands[0].guaranteed_percent = 21;
      },
      [](auto& c) {
        c.brands_count = 2, c.brands[0].carrier[0] = 's', c.brands[1].carrier[0] = 'z';
        c.brands[0].guaranteed_percent = 60, c.brands[1].guaranteed_percent = 41;
      },
      [](auto& c) { c.retention_h = 0; },
      [](auto& c) { c.retention_h = 721; },
      [](auto& c) { c.upsizing_steps = 4; },
      [](auto& c) { c.response_deadline_s = 9; },
      [](auto& c) { c.code_digits = 0; },
      [](auto& c) { c.code_digits = 4; },
      [](auto& c) { c.code_digits = 5; },
      [](auto& c) { c.code_digits = 7; },
      [](auto& c) { c.code_digits = 9; },
      [](auto& c) { c.lock_pulse_ms = 250; },
      [](auto& c) { c.lock_pulse_ms = 1'100; },
      [](auto& c) { c.language = static_cast<cubby_v1_PanelLanguage>(3); },
  };
  auto short_codes = good_config();
  short_codes.code_digits = 6;
  EXPECT_EQ(app::check_config(short_codes), Status::kOk);
  for (std::size_t i = 0; i < breaks.size(); ++i) {
    auto config = good_config();
    breaks[i](config);
    EXPECT_EQ(app::check_config(config), Status::kBadInput) << "rule " << i;
  }
}

TEST(ConfigCheck, HasRoomForTheGreatestConfigurationThatHolds) {
  auto config = good_config();
  config.version = config.report_interval_s = UINT32_MAX;
  std::fill_n(config.station, limits::kStationNameMax, 'S');
  std::fill_n(config.city, limits::kCityNameMax, 'c');
  config.utc_offset_min = -720;
  config.boards_count = limits::kBoardsMax;
  for (std::size_t i = 0; i < limits::kBoardsMax; ++i) {
    auto board =
        board_of(cubby_v1_BoardFamily_BOARD_FAMILY_P1, static_cast<unsigned>(i + 1), limits::kBoardChannelsMax);
    board = with_order(with_closed_bit(with_first(board, 1), 1), cubby_v1_StatusOrder_STATUS_ORDER_LAST);
    config.boards[i] = with_reply(board, cubby_v1_UnlockReply_UNLOCK_REPLY_LATE, limits::kUnlockReplyMsMax);
  }
  config.bus_baud = limits::kBaudMax;
  config.bus_echo = true;
  config.door_board_count = config.door_channel_count = config.door_size_count = config.door_height_cm_count =
      config.door_item_board_count = config.door_item_channel_count = limits::kCompartmentsMax;
  for (std::size_t i = 0; i < limits::kCompartmentsMax; ++i) {
    config.door_item_board[i] = static_cast<std::uint8_t>(i / 8);
    config.door_item_channel[i] = static_cast<std::uint8_t>(i % 8 + 1);
    config.door_board[i] = static_cast<std::uint8_t>(23 - i / 8);
    config.door_channel[i] = static_cast<std::uint8_t>(49 - i % 8);
    config.door_size[i] = cubby_v1_Size_SIZE_XL;
    config.door_height_cm[i] = 250;
  }
  config.brands_count = limits::kBrandsMax;
  for (std::size_t i = 0; i < limits::kBrandsMax; ++i) {
    auto& brand = config.brands[i];
    std::fill_n(brand.carrier, limits::kCarrierMax, static_cast<char>(i < 26 ? 'a' + i : '0' + (i - 26)));
    brand.share_percent = 100;
    brand.guaranteed_percent = 2;
    brand.retention_h = 720;
  }
  config.retention_h = 720;
  config.upsizing_steps = 3;
  config.response_deadline_s = 3'600;
  config.lock_pulse_ms = 1'000;
  config.language = cubby_v1_PanelLanguage_PANEL_LANGUAGE_CHINESE;
  ASSERT_EQ(app::check_config(config), Status::kOk);
  std::vector<std::byte> bytes(2 * limits::kConfigBytesMax);
  const auto size = wire::encode_config(config, bytes);
  ASSERT_TRUE(size.ok());
  EXPECT_LE(size.value(), limits::kConfigBytesMax);
  EXPECT_GT(size.value() + 64, limits::kConfigBytesMax);  // No more room than is needed.
}

TEST(ConfigCheck, KnowsWhatEachFamilyOfBoardsHas) {
  constexpr auto kP1 = cubby_v1_BoardFamily_BOARD_FAMILY_P1;
  constexpr auto kP2 = cubby_v1_BoardFamily_BOARD_FAMILY_P2;
  constexpr auto kP5 = cubby_v1_BoardFamily_BOARD_FAMILY_P5;
  constexpr auto kP6 = cubby_v1_BoardFamily_BOARD_FAMILY_P6;
  constexpr auto kP7 = cubby_v1_BoardFamily_BOARD_FAMILY_P7;
  constexpr auto kUsual = cubby_v1_UnlockReply_UNLOCK_REPLY_UNSPECIFIED;
  constexpr auto kNone = cubby_v1_UnlockReply_UNLOCK_REPLY_NONE;
  constexpr auto kLate = cubby_v1_UnlockReply_UNLOCK_REPLY_LATE;
  constexpr auto kFirst = cubby_v1_StatusOrder_STATUS_ORDER_FIRST;
  const auto check = [](const cubby_v1_BoardConfig& board) {
    auto config = good_config();
    config.boards[0] = board;
    return app::check_config(config);
  };
  const std::vector<cubby_v1_BoardConfig> good{
      board_of(kP1, 31, 50),
      with_first(board_of(kP1, 1, 8), 1),
      with_order(board_of(kP1, 1, 8), kFirst),
      with_closed_bit(board_of(kP1, 1, 8), 0),
      with_reply(board_of(kP1, 1, 8), kUsual, 5'000),
      with_first(board_of(kP2, 0, 12), 1),
      with_reply(board_of(kP2, 15, 16), kLate, 300),
      with_closed_bit(board_of(kP5, 247, 50), 0),
      with_reply(board_of(kP6, 15, 24), kNone, 0),
      with_first(board_of(kP7, 0, 48), 0),
  };
  for (std::size_t i = 0; i < good.size(); ++i) {
    EXPECT_EQ(check(good[i]), Status::kOk) << i;
  }
  const std::vector<cubby_v1_BoardConfig> bad{
      board_of(kP1, 0, 8),
      board_of(kP1, 32, 8),
      board_of(kP1, 1, 9),
      with_first(board_of(kP1, 1, 8), 0),
      with_closed_bit(board_of(kP1, 1, 8), 2),
      with_reply(board_of(kP1, 1, 8), kUsual, 5'001),
      with_reply(board_of(kP1, 1, 8), kNone, 100),
      board_of(kP2, 16, 16),
      with_first(board_of(kP2, 0, 16), 1),
      with_reply(board_of(kP2, 0, 16), kUsual, 100),
      with_order(board_of(kP2, 0, 16), kFirst),
      board_of(kP5, 0, 8),
      with_first(board_of(kP5, 1, 8), 0),
      with_reply(board_of(kP5, 1, 8), kLate, 0),
      board_of(kP6, 1, 16),
      with_closed_bit(board_of(kP6, 1, 12), 1),
      board_of(kP7, 32, 24),
  };
  for (std::size_t i = 0; i < bad.size(); ++i) {
    EXPECT_EQ(check(bad[i]), Status::kBadInput) << i;
  }
}

TEST(ConfigCheck, RefusesACabinetWhoseForcedDoorsWouldBeSeenTooLate) {
  auto config = good_config();
  config.boards_count = 4;
  for (std::uint8_t i = 0; i < 4; ++i) {
    config.boards[i] = board_of(cubby_v1_BoardFamily_BOARD_FAMILY_P7, i, 48);
  }
  EXPECT_EQ(app::check_config(config), Status::kOk);
  config.boards_count = 5;
  config.boards[4] = board_of(cubby_v1_BoardFamily_BOARD_FAMILY_P7, 4, 48);
  EXPECT_EQ(app::check_config(config), Status::kBadInput);
  config.boards[4] = config.boards[3];
  config.boards_count = 4;
  config.bus_baud = 9'601;
  EXPECT_EQ(app::check_config(config), Status::kBadInput);
}

TEST(ConfigCheck, AllowsOneAddressForBoardsOfTwoFamilies) {
  auto config = good_config();
  config.boards_count = 2;
  config.boards[0] = board_of(cubby_v1_BoardFamily_BOARD_FAMILY_P1, 1, 8);
  config.boards[1] = board_of(cubby_v1_BoardFamily_BOARD_FAMILY_P5, 1, 8);
  EXPECT_EQ(app::check_config(config), Status::kOk);
  config.boards[1] = config.boards[0];
  EXPECT_EQ(app::check_config(config), Status::kBadInput);
}

TEST(ConfigCheck, TakesTheItemSensorsOfAP2BoardBehindItsLocks) {
  auto config = good_config();
  config.boards_count = 1;
  config.boards[0] = board_of(cubby_v1_BoardFamily_BOARD_FAMILY_P2, 0, 12);
  set_items(config, 0, 13, 0, 24);
  EXPECT_EQ(app::check_config(config), Status::kOk);
  set_items(config, 0, 13, 0, 25);
  EXPECT_EQ(app::check_config(config), Status::kBadInput);
}

}  // namespace
}  // namespace cubby::core

#include "firmware/app/config_check.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "firmware/base/bytes.h"
#include "firmware/base/limits.h"
#include "firmware/base/names.h"
#include "firmware/core/board_settings.h"
#include "firmware/core/rules.h"
#include "firmware/drivers/door_bank.h"

namespace cubby::app {
namespace {

template <typename T>
bool within(T value, T low, T high) {
  return value >= low && value <= high;
}

bool is_station_name(std::string_view name) {
  return within<std::size_t>(name.size(), 1, limits::kStationNameMax) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return within(c, 'A', 'Z') || within(c, '0', '9') || c == '-'; });
}

/// Whether a door that is forced is seen in time, also while another door is watched.
bool round_holds(const cubby_v1_StationConfig& config) {
  std::array<drivers::BoardSettings, limits::kBoardsMax> boards;
  for (std::size_t i = 0; i < config.boards_count; ++i) {
    boards[i] = core::settings_of(config.boards[i], config.lock_pulse_ms);
  }
  return drivers::DoorBank::round_for({boards.data(), config.boards_count}, core::byte_time_us(config.bus_baud)) <
         limits::kForcedDoorSeenIn;
}

bool boards_hold(const cubby_v1_StationConfig& config) {
  if (!within<std::size_t>(config.boards_count, 1, limits::kBoardsMax) || !core::baud_holds(config.bus_baud)) {
    return false;
  }
  for (std::size_t i = 0; i < config.boards_count; ++i) {
    const auto& board = config.boards[i];
    if (!core::board_holds(board)) {
      return false;
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (config.boards[j].family == board.family && config.boards[j].address == board.address) {
        return false;
      }
    }
  }
  return round_holds(config);
}

/// Bit c of element b: input c of board b has a door or an item sensor.
using UsedInputs = std::array<std::uint64_t, limits::kBoardsMax>;

bool take_input(UsedInputs& used, unsigned board, unsigned channel) {
  if ((used[board] >> channel & 1) != 0) {
    return false;
  }
  used[board] |= std::uint64_t{1} << channel;
  return true;
}

std::size_t input_count(const cubby_v1_BoardConfig& board) {
  const auto settings = core::settings_of(board, 0);
  return drivers::lock_board(settings.family).input_count(settings);
}

bool items_hold(const cubby_v1_StationConfig& config, UsedInputs& used) {
  const std::size_t items = config.door_item_channel_count;
  if (config.door_item_board_count != items || (items != 0 && items != config.door_board_count)) {
    return false;
  }
  for (std::size_t i = 0; i < items; ++i) {
    const unsigned channel = config.door_item_channel[i];
    const unsigned board = config.door_item_board[i];
    // Without a sensor the index has to be 0: limits::kConfigBytesMax counts on bytes that are small.
    if (channel == 0 ? board != 0
                     : board >= config.boards_count || channel > input_count(config.boards[board]) ||
                           !take_input(used, board, channel - 1)) {
      return false;
    }
  }
  return true;
}

bool doors_hold(const cubby_v1_StationConfig& config) {
  const std::size_t doors = config.door_board_count;
  if (!within<std::size_t>(doors, 1, limits::kCompartmentsMax) || config.door_channel_count != doors ||
      config.door_size_count != doors || config.door_height_cm_count != doors) {
    return false;
  }
  UsedInputs used{};
  for (std::size_t i = 0; i < doors; ++i) {
    const unsigned board = config.door_board[i];
    if (board >= config.boards_count || config.door_channel[i] >= config.boards[board].channels ||
        !take_input(used, board, config.door_channel[i]) || config.door_height_cm[i] > 250 ||
        !within<unsigned>(number_in(config.door_size[i]), cubby_v1_Size_SIZE_S, cubby_v1_Size_SIZE_XL)) {
      return false;
    }
  }
  return items_hold(config, used);  // Last: the switches are known by now.
}

bool place_holds(const cubby_v1_StationConfig& config) {
  return is_station_name(config.station) &&
         within<std::size_t>(std::string_view(config.city).size(), 1, limits::kCityNameMax) &&
         (config.code_digits == limits::kCodeDigits || config.code_digits == limits::kShortCodeDigits) &&
         within<std::uint32_t>(config.lock_pulse_ms, 100, 1000) && config.lock_pulse_ms % 100 == 0;
}

}  // namespace

Status check_config(const cubby_v1_StationConfig& config) {
  const bool holds = core::rules_hold(config) && place_holds(config) && boards_hold(config) && doors_hold(config);
  return holds ? Status::kOk : Status::kBadInput;
}

}  // namespace cubby::app

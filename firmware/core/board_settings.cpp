#include "firmware/core/board_settings.h"

#include <algorithm>
#include <array>

#include "firmware/base/bytes.h"
#include "firmware/base/limits.h"

namespace cubby::core {
namespace {

constexpr std::array<std::uint8_t, 6> kP1Models{8, 12, 18, 24, 32, 50};
constexpr std::array<std::uint8_t, 2> kP2Models{12, 16};
constexpr std::array<std::uint8_t, 2> kP6Models{12, 24};
constexpr std::array<std::uint8_t, 6> kP7Models{8, 12, 16, 24, 32, 48};
constexpr std::array<std::uint32_t, 6> kBauds{limits::kBaudMin, 9600, 19'200, 38'400, 57'600, limits::kBaudMax};

bool within(unsigned value, unsigned low, unsigned high) {
  return value >= low && value <= high;
}

bool reply_holds(const cubby_v1_BoardConfig& board, UnlockReply usual) {
  const auto reply = number_in(board.unlock_reply);
  const bool late = reply == cubby_v1_UnlockReply_UNLOCK_REPLY_UNSPECIFIED
                        ? usual == UnlockReply::kLate
                        : reply == cubby_v1_UnlockReply_UNLOCK_REPLY_LATE;
  return reply <= cubby_v1_UnlockReply_UNLOCK_REPLY_LATE &&
         (board.unlock_reply_ms == 0 || (late && board.unlock_reply_ms <= limits::kUnlockReplyMsMax));
}

bool settings_hold(const cubby_v1_BoardConfig& board) {
  const auto family = static_cast<BoardFamily>(number_in(board.family));
  const bool p1 = family == BoardFamily::kP1;
  const bool p2 = family == BoardFamily::kP2;
  const bool p5 = family == BoardFamily::kP5;
  if (p5 && (board.has_first_channel || board.unlock_reply_ms != 0 ||
             number_in(board.unlock_reply) != cubby_v1_UnlockReply_UNLOCK_REPLY_UNSPECIFIED)) {
    return false;
  }
  // Channel 0 of P1 is "all", and is never sent; a CU16 has no number for a lock beyond 15.
  const unsigned first_min = p1 ? 1 : 0;
  const unsigned first_max = p2 && board.channels == 16 ? 0 : 1;
  const unsigned order_max =
      p1 ? cubby_v1_StatusOrder_STATUS_ORDER_LAST : cubby_v1_StatusOrder_STATUS_ORDER_UNSPECIFIED;
  return (!board.has_first_channel || within(board.first_channel, first_min, first_max)) &&
         number_in(board.status_order) <= order_max &&
         (!board.has_closed_bit || (board.closed_bit <= 1 && (p1 || p2 || p5))) &&
         reply_holds(board, drivers::default_settings(family).unlock_reply);
}

}  // namespace

BoardModels models_of(BoardFamily family) {
  switch (family) {
    case BoardFamily::kP1:
      return {.address_low = 1, .address_high = 31, .channels = kP1Models};
    case BoardFamily::kP2:
      return {.address_low = 0, .address_high = 15, .channels = kP2Models};
    case BoardFamily::kP5:
      return {.address_low = 1, .address_high = 247, .channels = {}};
    case BoardFamily::kP6:
      return {.address_low = 1, .address_high = 15, .channels = kP6Models};
    case BoardFamily::kP7:
      break;
  }
  return {.address_low = 0, .address_high = 31, .channels = kP7Models};
}

bool board_holds(const cubby_v1_BoardConfig& board) {
  const auto number = number_in(board.family);
  const auto family = std::find_if(kBoardFamilies.begin(), kBoardFamilies.end(),
                                   [&](BoardFamily known) { return static_cast<unsigned>(known) == number; });
  if (family == kBoardFamilies.end()) {
    return false;
  }
  const BoardModels models = models_of(*family);
  const bool model = models.channels.empty() ||
                     std::find(models.channels.begin(), models.channels.end(), board.channels) != models.channels.end();
  return model && within(board.channels, 1, limits::kBoardChannelsMax) &&
         within(board.address, models.address_low, models.address_high) && settings_hold(board);
}

drivers::BoardSettings settings_of(const cubby_v1_BoardConfig& board, std::uint32_t pulse_ms) {
  auto settings = drivers::default_settings(static_cast<BoardFamily>(number_in(board.family)));
  settings.address = board.address;
  settings.channels = board.channels;
  settings.pulse_ms = static_cast<std::uint16_t>(pulse_ms);
  if (board.has_first_channel) {
    settings.first_channel = board.first_channel;
  }
  if (board.status_order != cubby_v1_StatusOrder_STATUS_ORDER_UNSPECIFIED) {
    settings.status_last = board.status_order == cubby_v1_StatusOrder_STATUS_ORDER_LAST;
  }
  if (board.has_closed_bit) {
    settings.shut_is_one = board.closed_bit == 1;
  }
  switch (board.unlock_reply) {
    case cubby_v1_UnlockReply_UNLOCK_REPLY_UNSPECIFIED:
      break;
    case cubby_v1_UnlockReply_UNLOCK_REPLY_NONE:
      settings.unlock_reply = UnlockReply::kNone;
      break;
    case cubby_v1_UnlockReply_UNLOCK_REPLY_STATUS:
      settings.unlock_reply = UnlockReply::kStatus;
      break;
    case cubby_v1_UnlockReply_UNLOCK_REPLY_LATE:
      settings.unlock_reply = UnlockReply::kLate;
      break;
  }
  if (board.unlock_reply_ms != 0) {
    settings.unlock_reply_ms = board.unlock_reply_ms;
  }
  return settings;
}

bool baud_holds(std::uint32_t baud) {
  return baud == 0 || std::find(kBauds.begin(), kBauds.end(), baud) != kBauds.end();
}

std::int64_t byte_time_us(std::uint32_t baud) {
  const std::int64_t bits_per_second = baud == 0 ? limits::kBaudDefault : baud;
  return (10'000'000 + bits_per_second / 2) / bits_per_second;
}

}  // namespace cubby::core

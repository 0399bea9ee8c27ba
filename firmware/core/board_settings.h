#pragma once

#include <cstdint>
#include <span>

#include "cubby/v1/config.nanopb.h"
#include "firmware/drivers/lock_board.h"

namespace cubby::core {

/// What there is of a family.
struct BoardModels {
  std::uint8_t address_low = 0;
  std::uint8_t address_high = 0;
  std::span<const std::uint8_t> channels;  // Of the models that exist, rising; empty: any number.
};
BoardModels models_of(BoardFamily family);

/// Every rule of BoardConfig: address and channels are those of the family's models, and it has all that is set.
bool board_holds(const cubby_v1_BoardConfig& board);
/// What the driver has to know of a board that holds; `pulse_ms` is the station's.
drivers::BoardSettings settings_of(const cubby_v1_BoardConfig& board, std::uint32_t pulse_ms);

/// Of StationConfig.bus_baud, 0 included.
bool baud_holds(std::uint32_t baud);
/// One byte with start and stop bit on the segment, rounded to a microsecond.
std::int64_t byte_time_us(std::uint32_t baud);

}  // namespace cubby::core

#pragma once

#include <cstdint>

#include "firmware/base/bytes.h"

namespace cubby {

/// CRC-32C (Castagnoli; reflected polynomial 82F63B78). Check value of "123456789": E3069283.
/// `seed` is the result over what came before, so that a record can be checked in pieces.
std::uint32_t crc32c(Bytes data, std::uint32_t seed = 0);
/// The same in portable code: what crc32c() is where the processor has no instruction for it.
std::uint32_t crc32c_by_table(Bytes data, std::uint32_t seed = 0);

/// CRC-16/Modbus (reflected polynomial A001, initial FFFF). Check value of "123456789": 4B37.
std::uint16_t crc16_modbus(Bytes data);

}  // namespace cubby

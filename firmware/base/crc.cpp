#include "firmware/base/crc.h"

#include <array>

namespace cubby {
namespace {

constexpr std::uint32_t crc32c_of_byte(std::uint32_t value) {
  for (int bit = 0; bit < 8; ++bit) {
    value = (value >> 1) ^ ((value & 1U) != 0 ? 0x82F63B78U : 0U);
  }
  return value;
}

// Four tables, so that four bytes are folded at a time (slicing-by-4).
constexpr auto kCrc32cTables = [] {
  std::array<std::array<std::uint32_t, 256>, 4> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    tables[0][i] = crc32c_of_byte(i);
  }
  for (std::size_t slice = 1; slice < 4; ++slice) {
    for (std::size_t i = 0; i < 256; ++i) {
      const std::uint32_t previous = tables[slice - 1][i];
      tables[slice][i] = (previous >> 8) ^ tables[0][previous & 0xFF];
    }
  }
  return tables;
}();

constexpr auto kCrc16Table = [] {
  std::array<std::uint16_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value >> 1) ^ ((value & 1U) != 0 ? 0xA001U : 0U);
    }
    table[i] = static_cast<std::uint16_t>(value);
  }
  return table;
}();

}  // namespace

std::uint32_t crc32c(Bytes data, std::uint32_t seed) {
  std::uint32_t crc = ~seed;
  std::size_t i = 0;
  for (; i + 4 <= data.size(); i += 4) {
    crc ^= load_le<std::uint32_t>(data.subspan(i, 4));
    crc = kCrc32cTables[3][crc & 0xFF] ^ kCrc32cTables[2][(crc >> 8) & 0xFF] ^ kCrc32cTables[1][(crc >> 16) & 0xFF] ^
          kCrc32cTables[0][crc >> 24];
  }
  for (; i < data.size(); ++i) {
    crc = (crc >> 8) ^ kCrc32cTables[0][(crc ^ static_cast<std::uint32_t>(data[i])) & 0xFF];
  }
  return ~crc;
}

std::uint16_t crc16_modbus(Bytes data) {
  std::uint32_t crc = 0xFFFF;
  for (const std::byte byte : data) {
    crc = (crc >> 8) ^ kCrc16Table[(crc ^ static_cast<std::uint32_t>(byte)) & 0xFF];
  }
  return static_cast<std::uint16_t>(crc);
}

}  // namespace cubby

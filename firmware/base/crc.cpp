#include "firmware/base/crc.h"

#include <array>

namespace cubby {
namespace {

// A host has the room to fold as many bytes of a CRC-16 at a time; a microcontroller is content with one.
constexpr std::size_t kCrc16Slices = sizeof(void*) == 8 ? 8 : 1;

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

constexpr auto kCrc16Tables = [] {
  std::array<std::array<std::uint16_t, 256>, kCrc16Slices> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value >> 1) ^ ((value & 1U) != 0 ? 0xA001U : 0U);
    }
    tables[0][i] = static_cast<std::uint16_t>(value);
  }
  for (std::size_t slice = 1; slice < kCrc16Slices; ++slice) {
    for (std::size_t i = 0; i < 256; ++i) {
      const std::uint16_t previous = tables[slice - 1][i];
      tables[slice][i] = static_cast<std::uint16_t>((previous >> 8) ^ tables[0][previous & 0xFF]);
    }
  }
  return tables;
}();

// Of 2 to kCrc16Slices bytes at once: the CRC so far meets the first two of them, and no look-up waits for another.
[[maybe_unused]] std::uint32_t fold(Bytes bytes, std::uint32_t crc) {
  const std::size_t last = bytes.size() - 1;
  std::uint32_t folded = kCrc16Tables[last][(crc ^ static_cast<std::uint32_t>(bytes[0])) & 0xFF] ^
                         kCrc16Tables[last - 1][(crc >> 8) ^ static_cast<std::uint32_t>(bytes[1])];
  for (std::size_t i = 2; i <= last; ++i) {
    folded ^= kCrc16Tables[last - i][static_cast<std::uint32_t>(bytes[i])];
  }
  return folded;
}

#ifdef __x86_64__
// Chosen when it is called, so that one program serves processors with the instruction and without.
__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_processor(Bytes data, std::uint32_t seed) {
  std::uint64_t crc = ~seed;
  std::size_t i = 0;
  for (; i + 8 <= data.size(); i += 8) {
    crc = __builtin_ia32_crc32di(crc, load_le<std::uint64_t>(data.subspan(i, 8)));
  }
  auto rest = static_cast<std::uint32_t>(crc);
  for (; i < data.size(); ++i) {
    rest = __builtin_ia32_crc32qi(rest, static_cast<std::uint8_t>(data[i]));
  }
  return ~rest;
}
#endif

}  // namespace

std::uint32_t crc32c(Bytes data, std::uint32_t seed) {
#ifdef __x86_64__
  if (__builtin_cpu_supports("sse4.2")) {
    return crc32c_by_processor(data, seed);
  }
#endif
  return crc32c_by_table(data, seed);
}

std::uint32_t crc32c_by_table(Bytes data, std::uint32_t seed) {
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
  if constexpr (kCrc16Slices > 1) {
    for (; data.size() >= kCrc16Slices; data = data.subspan(kCrc16Slices)) {
      crc = fold(data.first(kCrc16Slices), crc);
    }
    if (data.size() >= 2) {
      return static_cast<std::uint16_t>(fold(data, crc));
    }
  }
  for (const std::byte byte : data) {
    crc = (crc >> 8) ^ kCrc16Tables[0][(crc ^ static_cast<std::uint32_t>(byte)) & 0xFF];
  }
  return static_cast<std::uint16_t>(crc);
}

}  // namespace cubby

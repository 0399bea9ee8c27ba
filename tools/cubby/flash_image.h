#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/limits.h"
#include "firmware/hal/nor_flash.h"
#include "firmware/store/layout.h"

namespace cubby::tools {

inline constexpr std::uint32_t kSectorSizeMin = 4096;
inline constexpr std::uint32_t kSectorSizeMax = 65'536;
inline constexpr std::uint32_t kSectorsMin = 8;
inline constexpr std::size_t kImageBytesMax = limits::kSectorsMax * std::size_t{kSectorSizeMax};

/// A journal's flash, byte for byte as docs/spec/flash.md has it, or anything else: all of it may be wrong. The
/// image says its sector size in its headers and its program unit by where records stand; neither is written down
/// elsewhere.
struct FlashImage {
  std::vector<std::byte> bytes;
  std::uint32_t sector_size = kSectorSizeMin;  // A power of two.
  std::uint32_t unit = 4;                      // Records are padded to it; a power of two, 4 to 256.
  bool sector_size_found = false;              // By a header; else the default or what was asked for.
  bool unit_found = false;                     // By a record.

  /// Whole sectors; the format allows 8 to 256.
  std::uint32_t sector_count() const { return static_cast<std::uint32_t>(bytes.size() / sector_size); }
  /// Bytes behind the last whole sector: it was truncated, or is of other sectors.
  std::size_t left_over() const { return bytes.size() % sector_size; }
  Bytes sector(std::uint32_t index) const {
    return Bytes(bytes).subspan(std::size_t{index} * sector_size, sector_size);
  }
  /// True: a mount may be tried; its code asserts this much.
  bool mountable() const { return sector_count() >= kSectorsMin && sector_count() <= limits::kSectorsMax; }
  std::uint32_t padded(std::size_t size) const { return (static_cast<std::uint32_t>(size) + unit - 1) / unit * unit; }
  std::uint32_t data_offset() const { return padded(store::layout::kSectorHeaderSize); }
};

/// What a person knows about an image and the image may not say. 0: look for it.
struct FlashHints {
  std::uint32_t sector_size = 0;
  std::uint32_t unit = 0;
};

/// Reads the file, at most kImageBytesMax bytes of it. Empty, or why that cannot be done. `in_use`: a controller has
/// it, so what was read may be of two moments.
std::string read_flash_file(const std::string& path, std::vector<std::byte>& bytes, bool& in_use);

/// Finds out the geometry of any bytes.
FlashImage make_flash_image(std::vector<std::byte> bytes, const FlashHints& hints);

/// A record that verifies.
struct FlashRecord {
  std::uint32_t offset = 0;  // In its sector.
  std::uint32_t stored = 0;  // Bytes that it takes there, header and padding included.
  store::layout::RecordHeader header;
  Bytes payload;  // In the image.

  bool is_event() const { return header.record_class == 1; }
  bool is(store::layout::OwnKind kind) const {
    return header.record_class == 2 && header.kind == static_cast<std::uint8_t>(kind);
  }
};

/// The record at that offset of a sector whose serial is known; nullopt: none there verifies.
std::optional<FlashRecord> record_at(const FlashImage& image, std::uint32_t sector, std::uint32_t offset,
                                     std::uint64_t serial);
/// The first record that verifies at `offset` or behind it.
std::optional<FlashRecord> find_record(const FlashImage& image, std::uint32_t sector, std::uint32_t offset,
                                       std::uint64_t serial);
bool is_blank(Bytes bytes);

/// As a controller with that chip is set up.
hal::FlashGeometry geometry_of(const FlashImage& image);

}  // namespace cubby::tools

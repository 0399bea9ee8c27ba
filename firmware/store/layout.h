#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "firmware/base/bytes.h"
#include "firmware/base/chain.h"

/// How the journal lies on flash; every bit is in docs/spec/flash.md.
namespace cubby::store::layout {

inline constexpr std::uint8_t kVersion = 2;  // Version 1 is read, too.
inline constexpr std::size_t kSectorHeaderSize = 80;
inline constexpr std::size_t kInternalHeaderSize = 16;
inline constexpr std::size_t kEventHeaderSize = 32;

/// What a sector was opened for.
enum class SectorRole : std::uint8_t {
  kNext = 1,  // The sector before it was full.
  kBoot = 2,  // Opened at a boot; counts only with a kCopyDone record.
};

/// Internal record kinds of the journal itself.
enum class OwnKind : std::uint8_t {
  kCopyDone = 1,
  kCheckpointBegin = 2,
  kCheckpointPart = 3,
  kCheckpointEnd = 4,
  kAckMark = 5,
  kRetired = 6,  // From version 2 on.
  kSettled = 7,
};

struct SectorHeader {
  SectorRole role = SectorRole::kNext;
  JournalUid uid{};
  std::uint64_t serial = 0;       // Grows by at least one with every sector opened.
  std::uint64_t supersedes = 0;   // Serial of the sector whose records were all copied here; 0: none.
  std::uint64_t first_order = 0;  // Of the first record here.
  std::uint64_t first_seq = 0;    // Of the first event here or later.
  Chain chain = 0;                // After event first_seq - 1.
  std::uint32_t boot = 0;
  // From version 2 on; what version 1 says of it is "unknown" and 0.
  std::optional<std::uint64_t> before{};  // Serial of the sector before it in the history, 0: it is the first.
  std::uint16_t boots_in_a_row = 0;       // This boot and those right before it that did not settle; 0: this one has.
};

enum class HeaderCheck : std::uint8_t { kOk, kForeign, kOtherGeometry, kNewer };

using SectorHeaderBytes = std::array<std::byte, kSectorHeaderSize>;
SectorHeaderBytes encode(const SectorHeader& header, std::uint32_t sector_size);
/// kForeign: not a sector header, or damaged. kOtherGeometry: of another sector size. kNewer: a later
/// version of the format.
HeaderCheck decode(Bytes bytes, std::uint32_t sector_size, SectorHeader& header);

/// The same for bytes in which one bit may have gone bad: a header is all that tells a sector's history from
/// what an earlier use left there, so that bit is put right. Otherwise the bytes stay as they are.
HeaderCheck decode_repaired(MutableBytes bytes, std::uint32_t sector_size, SectorHeader& header);

struct RecordHeader {
  std::uint8_t record_class = 0;  // RecordClass; anything else ends the sector.
  std::uint8_t kind = 0;
  std::uint16_t payload_size = 0;
  std::uint32_t crc = 0;
  std::uint64_t order = 0;
  std::uint64_t seq = 0;  // Events only, and so is the chain.
  Chain chain = 0;
};

constexpr std::size_t header_size(std::uint8_t record_class) {
  return record_class == 1 ? kEventHeaderSize : kInternalHeaderSize;
}

/// Writes a header without its CRC; seal() puts that in.
void encode(const RecordHeader& header, MutableBytes into);
/// False: the first byte is no record class.
bool decode(Bytes bytes, RecordHeader& header);
/// CRC-32C over header (without the CRC's own four bytes) and payload, seeded with the sector's serial,
/// so that what an earlier use of the sector left behind never verifies.
std::uint32_t record_crc(Bytes header, Bytes payload, std::uint64_t serial);
void seal(MutableBytes header, std::uint32_t crc);

}  // namespace cubby::store::layout

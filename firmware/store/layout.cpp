#include "firmware/store/layout.h"

#include <algorithm>

#include "firmware/base/crc.h"

namespace cubby::store::layout {
namespace {

constexpr std::array<std::byte, 4> kMagic{std::byte{'C'}, std::byte{'B'}, std::byte{'Y'}, std::byte{'J'}};
constexpr std::size_t kHeaderCrcAt = kSectorHeaderSize - 4;
constexpr std::uint32_t kDistanceUnknown = UINT32_MAX;  // To the sector before.

std::uint32_t distance_to_before(const SectorHeader& header) {
  if (!header.before.has_value() || (*header.before != 0 && header.serial - *header.before >= kDistanceUnknown)) {
    return kDistanceUnknown;
  }
  return *header.before == 0 ? 0 : static_cast<std::uint32_t>(header.serial - *header.before);
}

std::optional<std::uint64_t> before_from(std::uint64_t serial, std::uint32_t distance) {
  if (distance == kDistanceUnknown || distance >= serial) {
    return std::nullopt;
  }
  return distance == 0 ? 0 : serial - distance;
}

constexpr std::uint8_t log2_of(std::uint32_t value) {
  std::uint8_t result = 0;
  while (value > 1) {
    value >>= 1;
    ++result;
  }
  return result;
}

}  // namespace

SectorHeaderBytes encode(const SectorHeader& header, std::uint32_t sector_size) {
  SectorHeaderBytes bytes{};
  const MutableBytes out(bytes);
  std::copy(kMagic.begin(), kMagic.end(), bytes.begin());
  bytes[4] = std::byte{kVersion};
  bytes[5] = std::byte{log2_of(sector_size)};
  bytes[6] = static_cast<std::byte>(header.role);
  std::copy(header.uid.begin(), header.uid.end(), bytes.begin() + 8);
  store_le<std::uint64_t>(out.subspan(24, 8), header.serial);
  store_le<std::uint64_t>(out.subspan(32, 8), header.supersedes);
  store_le<std::uint64_t>(out.subspan(40, 8), header.first_order);
  store_le<std::uint64_t>(out.subspan(48, 8), header.first_seq);
  store_le<std::uint64_t>(out.subspan(56, 8), header.chain);
  store_le<std::uint32_t>(out.subspan(64, 4), header.boot);
  store_le<std::uint32_t>(out.subspan(68, 4), distance_to_before(header));
  store_le<std::uint16_t>(out.subspan(72, 2), header.boots_in_a_row);
  store_le<std::uint32_t>(out.subspan(kHeaderCrcAt, 4), crc32c(Bytes(bytes).first(kHeaderCrcAt)));
  return bytes;
}

HeaderCheck decode(Bytes bytes, std::uint32_t sector_size, SectorHeader& header) {
  if (!std::equal(kMagic.begin(), kMagic.end(), bytes.begin()) ||
      load_le<std::uint32_t>(bytes.subspan(kHeaderCrcAt, 4)) != crc32c(bytes.first(kHeaderCrcAt))) {
    return HeaderCheck::kForeign;
  }
  const auto version = static_cast<std::uint8_t>(bytes[4]);
  if (version == 0 || version > kVersion) {
    return HeaderCheck::kNewer;
  }
  if (static_cast<std::uint8_t>(bytes[5]) != log2_of(sector_size)) {
    return HeaderCheck::kOtherGeometry;
  }
  header.role = static_cast<SectorRole>(bytes[6]);
  std::copy_n(bytes.begin() + 8, header.uid.size(), header.uid.begin());
  header.serial = load_le<std::uint64_t>(bytes.subspan(24, 8));
  header.supersedes = load_le<std::uint64_t>(bytes.subspan(32, 8));
  header.first_order = load_le<std::uint64_t>(bytes.subspan(40, 8));
  header.first_seq = load_le<std::uint64_t>(bytes.subspan(48, 8));
  header.chain = load_le<std::uint64_t>(bytes.subspan(56, 8));
  header.boot = load_le<std::uint32_t>(bytes.subspan(64, 4));
  header.before.reset();
  header.boots_in_a_row = 0;
  if (version >= 2) {
    header.before = before_from(header.serial, load_le<std::uint32_t>(bytes.subspan(68, 4)));
    header.boots_in_a_row = load_le<std::uint16_t>(bytes.subspan(72, 2));
  }
  return HeaderCheck::kOk;
}

HeaderCheck decode_repaired(MutableBytes bytes, std::uint32_t sector_size, SectorHeader& header) {
  const HeaderCheck as_is = decode(bytes, sector_size, header);
  int alike = 0;
  for (std::size_t i = 0; i < kMagic.size(); ++i) {
    alike += bytes[i] == kMagic[i] ? 1 : 0;
  }
  if (as_is != HeaderCheck::kForeign || alike < 3) {
    return as_is;  // No search in blank or foreign sectors.
  }
  for (std::size_t bit = 0; bit < kSectorHeaderSize * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1U << (bit % 8));
    bytes[bit / 8] ^= mask;
    const HeaderCheck check = decode(bytes, sector_size, header);
    if (check != HeaderCheck::kForeign) {
      return check;
    }
    bytes[bit / 8] ^= mask;
  }
  return HeaderCheck::kForeign;
}

void encode(const RecordHeader& header, MutableBytes into) {
  into[0] = std::byte{header.record_class};
  into[1] = std::byte{header.kind};
  store_le<std::uint16_t>(into.subspan(2, 2), header.payload_size);
  store_le<std::uint64_t>(into.subspan(8, 8), header.order);
  if (header.record_class == 1) {
    store_le<std::uint64_t>(into.subspan(16, 8), header.seq);
    store_le<std::uint64_t>(into.subspan(24, 8), header.chain);
  }
}

bool decode(Bytes bytes, RecordHeader& header) {
  header.record_class = static_cast<std::uint8_t>(bytes[0]);
  if (header.record_class != 1 && header.record_class != 2) {
    return false;
  }
  header.kind = static_cast<std::uint8_t>(bytes[1]);
  header.payload_size = load_le<std::uint16_t>(bytes.subspan(2, 2));
  header.crc = load_le<std::uint32_t>(bytes.subspan(4, 4));
  header.order = load_le<std::uint64_t>(bytes.subspan(8, 8));
  header.seq = 0;
  header.chain = 0;
  if (header.record_class == 1) {
    header.seq = load_le<std::uint64_t>(bytes.subspan(16, 8));
    header.chain = load_le<std::uint64_t>(bytes.subspan(24, 8));
  }
  return true;
}

std::uint32_t record_crc(Bytes header, Bytes payload, std::uint64_t serial) {
  std::array<std::byte, 8> serial_bytes;
  store_le<std::uint64_t>(serial_bytes, serial);
  std::uint32_t crc = crc32c(serial_bytes);
  crc = crc32c(header.first(4), crc);
  crc = crc32c(header.subspan(8), crc);
  return crc32c(payload, crc);
}

void seal(MutableBytes header, std::uint32_t crc) {
  store_le<std::uint32_t>(header.subspan(4, 4), crc);
}

}  // namespace cubby::store::layout

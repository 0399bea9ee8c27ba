// What power cuts leave, and the faults of parts that are old, broken or not there.
#include <algorithm>

#include "emulator/hardware/nor_flash_device.h"

namespace cubby::emulator {
namespace {

constexpr std::byte kErased{0xFF};
constexpr std::size_t kHeaderKept = 256;
constexpr std::size_t kUnstableMax = 4;

/// Of three random bytes: an eighth of the bits.
std::byte few(std::byte a, std::byte b, std::byte c) {
  return a & b & c;
}

}  // namespace

/// The bits of byte `at` that the operation reached before the power went.
std::byte NorFlashDevice::tear_mask(std::size_t at, std::size_t size, std::size_t edge_bit) {
  const auto low = static_cast<unsigned>(edge_bit % 8);
  const std::size_t edge = edge_bit / 8;
  const auto before = static_cast<std::byte>((1U << low) - 1);  // Of the byte that holds the edge.
  const auto random = [this] { return static_cast<std::byte>(tear_.next()); };
  switch (tear_mode_) {
    case TearMode::kNothing:
    case TearMode::kCount:
      return std::byte{0};
    case TearMode::kPrefix:
      return at < edge ? kErased : std::byte{0};
    case TearMode::kSuffix:
      return at >= edge ? kErased : std::byte{0};
    case TearMode::kPrefixBits:
      return at < edge ? kErased : at == edge ? before : std::byte{0};
    case TearMode::kSuffixBits:
      return at > edge ? kErased : at == edge ? ~before : std::byte{0};
    case TearMode::kInterleaved:
      return (size > kHeaderKept ? at / kHeaderKept : at) % 2 == 0 ? kErased : std::byte{0};
    case TearMode::kHighNibbles:
      return std::byte{0xF0};
    case TearMode::kLowNibbles:
      return std::byte{0x0F};
    case TearMode::kRandomBits:
    case TearMode::kNeighbours:
      return random();
    case TearMode::kFewBits:
      return few(random(), random(), random());
    case TearMode::kMostBits:
      return ~few(~random(), ~random(), ~random());
    case TearMode::kComplete:
    case TearMode::kUnstable:
      return kErased;
  }
  return std::byte{0};
}

void NorFlashDevice::torn_program(std::uint32_t address, Bytes data) {
  if (tear_mode_ == TearMode::kNothing) {
    return;
  }
  // At least one byte, or bit, is on either side of the edge.
  const std::size_t size = data.size();
  const bool bitwise = tear_mode_ == TearMode::kPrefixBits || tear_mode_ == TearMode::kSuffixBits;
  const std::size_t edge_bit = bitwise ? 1 + tear_.below(size * 8 - 1) : size < 2 ? 0 : 8 * (1 + tear_.below(size - 1));
  std::vector<std::byte> partial(data.begin(), data.end());
  for (std::size_t at = 0; at < size; ++at) {
    partial[at] |= ~tear_mask(at, size, edge_bit);
  }
  put(address, partial);
  if (tear_mode_ == TearMode::kUnstable) {
    leave_unstable(address, size);
  }
  if (tear_mode_ == TearMode::kNeighbours) {
    hit_neighbours(address, size);
  }
}

void NorFlashDevice::torn_erase(std::uint32_t number) {
  if (tear_mode_ == TearMode::kNothing) {
    return;
  }
  const std::uint32_t start = number * geometry_.sector_size;
  if (sectors_[number]) {
    Sector& sector = writable(number);
    const std::size_t size = sector.size();
    if (tear_mode_ == TearMode::kPrefix) {
      std::fill(sector.begin() + kHeaderKept, sector.end(), kErased);
    } else if (tear_mode_ == TearMode::kSuffix) {
      std::fill(sector.begin() + static_cast<std::ptrdiff_t>(size / 2), sector.end(), kErased);
    } else if (tear_mode_ == TearMode::kComplete || tear_mode_ == TearMode::kUnstable) {
      sectors_[number].reset();
    } else {
      const std::size_t edge_bit = 1 + tear_.below(size * 8 - 1);
      for (std::size_t at = 0; at < size; ++at) {
        sector[at] |= tear_mask(at, size, edge_bit);
      }
    }
  }
  if (tear_mode_ == TearMode::kUnstable) {
    forget_unstable(number);
    leave_unstable(start, geometry_.sector_size);
  }
}

void NorFlashDevice::leave_unstable(std::uint32_t address, std::size_t size) {
  for (std::uint64_t left = 1 + tear_.below(kUnstableMax); left > 0; --left) {
    destabilise(static_cast<std::uint32_t>(address + tear_.below(size)), static_cast<std::byte>(1U << tear_.below(8)));
  }
}

/// One to four bits of what was programmed before in the page fall.
void NorFlashDevice::hit_neighbours(std::uint32_t address, std::size_t size) {
  const std::uint32_t page = address / geometry_.page_size * geometry_.page_size;
  Sector& sector = writable(page / geometry_.sector_size);
  std::byte* cells = sector.data() + page % geometry_.sector_size;
  for (std::uint64_t left = 1 + tear_.below(kUnstableMax); left > 0; --left) {
    const auto at = static_cast<std::uint32_t>(tear_.below(geometry_.page_size));
    const bool own = page + at >= address && page + at < address + size;
    if (!own && cells[at] != kErased) {
      cells[at] &= ~static_cast<std::byte>(1U << tear_.below(8));
    }
  }
}

void NorFlashDevice::destabilise(std::uint32_t address, std::byte bits) {
  faulty_ = true;
  faults_.unstable.push_back({.address = address, .bits = bits, .value = {}});
}

void NorFlashDevice::stick(std::uint32_t address, std::byte bits, std::byte value) {
  faulty_ = true;
  faults_.stuck.push_back({.address = address, .bits = bits, .value = value & bits});
  apply_stuck(address, 1);
}

void NorFlashDevice::disturb_reads(std::uint32_t reads) {
  faulty_ = true;
  faults_.disturbing_reads = reads;
  faults_.reads_to_disturbance = reads;
}

void NorFlashDevice::wear_out(std::uint32_t sector, bool programs, bool erases, bool silently) {
  faulty_ = true;
  faults_.worn.push_back({.sector = sector, .programs = programs, .erases = erases, .silently = silently});
}

void NorFlashDevice::make_absent(AbsentReads reads) {
  faulty_ = true;
  faults_.absent = reads;
}

void NorFlashDevice::write_protect() {
  faulty_ = true;
  faults_.write_protected = true;
}

void NorFlashDevice::mended() {
  faulty_ = false;
  faults_ = {};
}

std::size_t NorFlashDevice::rot(std::size_t bits) {
  faulty_ = true;
  std::vector<std::uint32_t> written;
  for (std::uint32_t sector = 0; sector < geometry_.sector_count; ++sector) {
    if (sectors_[sector]) {
      written.push_back(sector);
    }
  }
  for (std::size_t i = 0; i < bits && !written.empty(); ++i) {
    Sector& sector = writable(written[tear_.below(written.size())]);
    sector[tear_.below(sector.size())] ^= static_cast<std::byte>(1U << tear_.below(8));
  }
  return written.empty() ? 0 : bits;
}

Status NorFlashDevice::faulty_read(std::uint32_t address, MutableBytes into) {
  if (faults_.absent.has_value()) {
    std::fill(into.begin(), into.end(), *faults_.absent == AbsentReads::kOnes ? kErased : std::byte{0});
    return Status::kOk;
  }
  for (const OddBits& odd : faults_.unstable) {
    if (odd.address >= address && odd.address < address + into.size() && tear_.below(2) == 0) {
      into[odd.address - address] ^= odd.bits;
    }
  }
  if (faults_.disturbing_reads != 0 && --faults_.reads_to_disturbance == 0) {
    faults_.reads_to_disturbance = faults_.disturbing_reads;
    Sector& sector = writable(address / geometry_.sector_size);
    sector[tear_.below(sector.size())] &= ~static_cast<std::byte>(1U << tear_.below(8));
  }
  return Status::kOk;
}

// A part with faults forgives what a good one asserts: nobody can know which of its cells are erased.
std::optional<Status> NorFlashDevice::faulty_program(std::uint32_t address, Bytes data) {
  if (faults_.absent.has_value()) {
    return *faults_.absent == AbsentReads::kOnes ? Status::kIo : Status::kOk;
  }
  if (faults_.write_protected) {
    return Status::kOk;
  }
  const std::uint32_t sector = address / geometry_.sector_size;
  const auto worn = std::find_if(faults_.worn.begin(), faults_.worn.end(),
                                 [&](const WornSector& each) { return each.sector == sector && each.programs; });
  std::vector<std::byte> bytes(data.begin(), data.end());
  for (std::size_t at = 0; worn != faults_.worn.end() && at < bytes.size(); ++at) {
    bytes[at] |= static_cast<std::byte>(tear_.next());
  }
  put(address, bytes);
  apply_stuck(address, data.size());
  return worn != faults_.worn.end() ? worn->status() : Status::kOk;
}

std::optional<Status> NorFlashDevice::faulty_erase(std::uint32_t number) {
  if (faults_.absent.has_value()) {
    return *faults_.absent == AbsentReads::kOnes ? Status::kIo : Status::kOk;
  }
  if (faults_.write_protected) {
    return Status::kOk;
  }
  forget_unstable(number);
  const auto worn = std::find_if(faults_.worn.begin(), faults_.worn.end(),
                                 [&](const WornSector& each) { return each.sector == number && each.erases; });
  if (worn == faults_.worn.end()) {
    return std::nullopt;
  }
  if (sectors_[number]) {
    for (std::byte& cell : writable(number)) {
      cell |= static_cast<std::byte>(tear_.next());
    }
  }
  return worn->status();
}

void NorFlashDevice::forget_unstable(std::uint32_t number) {
  std::erase_if(faults_.unstable, [&](const OddBits& odd) { return odd.address / geometry_.sector_size == number; });
}

void NorFlashDevice::apply_stuck(std::uint32_t address, std::size_t size) {
  for (const OddBits& odd : faults_.stuck) {
    if (odd.address >= address && odd.address < address + size) {
      std::byte& cell = writable(odd.address / geometry_.sector_size)[odd.address % geometry_.sector_size];
      cell = (cell & ~odd.bits) | odd.value;
    }
  }
}

}  // namespace cubby::emulator

#include "emulator/hardware/nor_flash_device.h"

#include <algorithm>
#include <cstring>

namespace cubby::emulator {
namespace {

constexpr std::byte kErased{0xFF};

void append_le32(std::vector<std::byte>& blob, std::uint32_t value) {
  const std::size_t at = blob.size();
  blob.resize(at + 4);
  store_le<std::uint32_t>(MutableBytes(blob).subspan(at, 4), value);
}

bool take_le32(Bytes& blob, std::uint32_t& value) {
  if (blob.size() < 4) {
    return false;
  }
  value = load_le<std::uint32_t>(blob.first(4));
  blob = blob.subspan(4);
  return true;
}

}  // namespace

NorFlashDevice::NorFlashDevice(const hal::FlashGeometry& geometry, std::uint64_t tear_seed)
    : geometry_(geometry), sectors_(geometry.sector_count), wear_(geometry.sector_count), tear_(tear_seed) {}

void NorFlashDevice::cut_after(std::uint64_t operations, TearMode mode) {
  power_ = Power::kCutPending;
  cut_in_ = operations;
  tear_mode_ = mode;
}

void NorFlashDevice::power_on() {
  power_ = Power::kOn;
}

std::size_t NorFlashDevice::allocated() const {
  std::size_t total = 0;
  for (const auto& sector : sectors_) {
    total += sector ? sector->size() : 0;
  }
  return total;
}

std::uint32_t NorFlashDevice::blank_until(std::uint32_t address) const {
  if (faulty_ || power_ == Power::kOff) {
    return address;
  }
  while (address < geometry_.size()) {
    const std::uint32_t number = address / geometry_.sector_size;
    const std::uint32_t next = (number + 1) * geometry_.sector_size;
    if (sectors_[number]) {
      const Sector& cells = *sectors_[number];
      const auto from = cells.begin() + static_cast<std::ptrdiff_t>(address % geometry_.sector_size);
      const auto found = std::find_if(from, cells.end(), [](std::byte cell) { return cell != kErased; });
      if (found != cells.end()) {
        return address + static_cast<std::uint32_t>(found - from);
      }
    }
    address = next;
  }
  return address;
}

NorFlashDevice::Sector& NorFlashDevice::writable(std::uint32_t sector) {
  std::shared_ptr<Sector>& slot = sectors_[sector];
  if (!slot) {
    slot = std::make_shared<Sector>(geometry_.sector_size, kErased);
  } else if (slot.use_count() > 1) {
    slot = std::make_shared<Sector>(*slot);
  }
  return *slot;
}

bool NorFlashDevice::hit_by_cut() {
  if (power_ != Power::kCutPending) {
    return false;
  }
  if (cut_in_ > 0) {
    --cut_in_;
    return false;
  }
  power_ = Power::kOff;
  return true;
}

Status NorFlashDevice::do_read(std::uint32_t address, MutableBytes into) {
  const RoomScope scope(meter_, Room::kFlash);
  if (power_ == Power::kOff) {
    return Status::kIo;
  }
  ++counters_.reads;
  std::size_t done = 0;
  while (done < into.size()) {
    const std::size_t at = address + done;
    const std::size_t sector = at / geometry_.sector_size;
    const std::size_t offset = at % geometry_.sector_size;
    const std::size_t count = std::min(into.size() - done, geometry_.sector_size - offset);
    if (sectors_[sector]) {
      std::memcpy(into.data() + done, sectors_[sector]->data() + offset, count);
    } else {
      std::memset(into.data() + done, 0xFF, count);
    }
    done += count;
  }
  return faulty_ ? faulty_read(address, into) : Status::kOk;
}

// A page never crosses a sector, so one sector is enough.
void NorFlashDevice::put(std::uint32_t address, Bytes data) {
  Sector& sector = writable(address / geometry_.sector_size);
  std::byte* cells = sector.data() + address % geometry_.sector_size;
  for (std::size_t i = 0; i < data.size(); ++i) {
    cells[i] &= data[i];
  }
}

Status NorFlashDevice::do_program(std::uint32_t address, Bytes data) {
  const RoomScope scope(meter_, Room::kFlash);
  if (power_ == Power::kOff || fail_writes_) {
    return Status::kIo;
  }
  if (hit_by_cut()) {
    torn_program(address, data);
    return Status::kIo;
  }
  ++counters_.programs;
  counters_.bytes_programmed += data.size();
  if (faulty_) {
    if (const auto status = faulty_program(address, data); status.has_value()) {
      return *status;
    }
  }
  CUBBY_ASSERT(!would_overwrite(address, data.size()));  // Real parts forgive it, and then corrupt.
  std::memcpy(writable(address / geometry_.sector_size).data() + address % geometry_.sector_size, data.data(),
              data.size());
  return Status::kOk;
}

bool NorFlashDevice::would_overwrite(std::uint32_t address, std::size_t size) const {
  const auto& sector = sectors_[address / geometry_.sector_size];
  if (power_ == Power::kOff || fail_writes_ || faulty_ || !sector) {
    return false;
  }
  const std::byte* const cells = sector->data() + address % geometry_.sector_size;
  // Equal to one that is erased, and all equal to their neighbours.
  return size != 0 && (cells[0] != kErased || std::memcmp(cells, cells + 1, size - 1) != 0);
}

Status NorFlashDevice::do_erase(std::uint32_t sector) {
  const RoomScope scope(meter_, Room::kFlash);
  if (power_ == Power::kOff || fail_writes_) {
    return Status::kIo;
  }
  if (hit_by_cut()) {
    torn_erase(sector);
    return Status::kIo;
  }
  ++counters_.erases;
  ++wear_[sector];
  if (faulty_) {
    if (const auto status = faulty_erase(sector); status.has_value()) {
      return *status;
    }
  }
  sectors_[sector].reset();
  if (faulty_) {
    apply_stuck(sector * geometry_.sector_size, geometry_.sector_size);
  }
  return Status::kOk;
}

void NorFlashDevice::damage(std::uint32_t address, Bytes bytes) {
  Sector& sector = writable(address / geometry_.sector_size);
  CUBBY_ASSERT(address % geometry_.sector_size + bytes.size() <= sector.size());
  std::copy(bytes.begin(), bytes.end(), sector.begin() + static_cast<std::ptrdiff_t>(address % geometry_.sector_size));
}

void NorFlashDevice::save(std::vector<std::byte>& blob) const {
  append_le32(blob, geometry_.sector_size);
  append_le32(blob, geometry_.sector_count);
  for (std::uint32_t i = 0; i < geometry_.sector_count; ++i) {
    append_le32(blob, wear_[i]);
    append_le32(blob, sectors_[i] ? 1 : 0);
    if (sectors_[i]) {
      blob.insert(blob.end(), sectors_[i]->begin(), sectors_[i]->end());
    }
  }
}

bool NorFlashDevice::load(Bytes& blob) {
  std::uint32_t sector_size = 0;
  std::uint32_t sector_count = 0;
  if (!take_le32(blob, sector_size) || !take_le32(blob, sector_count) || sector_size != geometry_.sector_size ||
      sector_count != geometry_.sector_count) {
    return false;
  }
  for (std::uint32_t i = 0; i < sector_count; ++i) {
    std::uint32_t written = 0;
    if (!take_le32(blob, wear_[i]) || !take_le32(blob, written) || (written != 0 && blob.size() < sector_size)) {
      return false;
    }
    sectors_[i].reset();
    if (written != 0) {
      sectors_[i] = std::make_shared<Sector>(blob.begin(), blob.begin() + sector_size);
      blob = blob.subspan(sector_size);
    }
  }
  return true;
}

}  // namespace cubby::emulator

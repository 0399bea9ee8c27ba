// Sectors that no longer take what is written, and boots that do not last.
#include <algorithm>
#include <cstring>

#include "firmware/store/recovery.h"

namespace cubby::store {

using layout::OwnKind;
using layout::RecordHeader;
using layout::SectorHeader;

// A worn cell may answer "done" and hold something else. In small pieces, for the stack's sake.
bool Journal::reads_as(std::uint32_t address, Bytes data) const {
  std::array<std::byte, 64> piece;
  for (std::size_t done = 0; done < data.size(); done += piece.size()) {
    const MutableBytes read = MutableBytes(piece).first(std::min(piece.size(), data.size() - done));
    if (flash_.read(static_cast<std::uint32_t>(address + done), read) != Status::kOk ||
        std::memcmp(read.data(), data.data() + done, read.size()) != 0) {
      return false;
    }
  }
  return true;
}

// Whatever the sector reads: blank flash is never trusted. Nor is an erase.
Status Journal::erase(std::uint16_t sector) {
  if (flash_.erase(sector) != Status::kOk) {
    return Status::kIo;
  }
  std::array<std::byte, 256> bytes;  // Each read wears on a part a little, so they are few.
  const std::uint32_t size = flash_.geometry().sector_size;
  for (std::uint32_t offset = 0; offset < size; offset += bytes.size()) {
    if (flash_.read(sector * size + offset, bytes) != Status::kOk || !is_erased(bytes)) {
      return Status::kIo;
    }
  }
  return Status::kOk;
}

bool Journal::retired(std::uint16_t sector) const {
  return (std::to_integer<unsigned>(retired_[sector / 8]) >> (sector % 8) & 1U) != 0;
}

void Journal::retire(std::uint16_t sector) {
  if (!retired(sector)) {
    retired_[sector / 8] |= static_cast<std::byte>(1U << (sector % 8));
    ++retired_count_;
    retired_untold_ = true;
  }
}

void Journal::take_retired(const SectorBits& bits) {
  retired_ = bits;
  retired_count_ = 0;
  for (std::uint16_t sector = 0; sector < limits::kSectorsMax; ++sector) {
    if (sector >= flash_.geometry().sector_count) {
      retired_[sector / 8] &= ~static_cast<std::byte>(1U << (sector % 8));
    }
    retired_count_ += retired(sector) ? 1 : 0;
  }
  retired_untold_ = false;
}

std::uint32_t Journal::spare_percent() const {
  const std::uint32_t count = flash_.geometry().sector_count;
  const std::uint32_t good = count - retired_count_;
  return good <= kSectorsLeast ? 0 : (good - kSectorsLeast) * 100 / (count - kSectorsLeast);
}

// Without room for it, it is told with the next record that finds some; until then a boot would find out anew.
Status Journal::append_retired() {
  retired_untold_ = false;
  const SectorBits bits = retired_;  // Another sector may be retired while this is written.
  const Bytes used = Bytes(bits).first((flash_.geometry().sector_count + 7) / 8);
  const Status status = append(RecordClass::kInternal, static_cast<std::uint8_t>(OwnKind::kRetired), used);
  if (status == Status::kNoSpace) {
    retired_untold_ = true;
    return Status::kOk;
  }
  return status;
}

// A part without power, or that is gone, does not fail of wear.
bool Journal::answers() const {
  if (live_count_ == 0) {
    return true;
  }
  const LiveSector& newest = live_[live_count_ - 1];
  layout::SectorHeaderBytes bytes;
  SectorHeader header;
  return flash_.read(address_of(newest, 0), bytes) == Status::kOk &&
         layout::decode_repaired(bytes, flash_.geometry().sector_size, header) == layout::HeaderCheck::kOk &&
         header.serial == newest.serial;
}

// Opens the sector after the newest one, for the next record.
Status Journal::open_next(std::uint32_t leave) {
  const SectorBits known = retired_;
  const bool untold = retired_untold_;
  for (std::uint32_t worn = 0; worn < kWornInARow; ++worn) {
    // The sector that is given up is the one that is erased: were it another one, the next boot would find
    // this one full of history still, and no room for a sector of its own.
    std::uint16_t given_up = kNoSector;
    while (sectors_unused() <= leave && reclaimable(0, discardable_seq())) {
      given_up = retired(live_[0].sector) ? given_up : live_[0].sector;
      reclaim_oldest();
    }
    if (sectors_unused() <= leave) {
      return Status::kNoSpace;
    }
    const Status status = open_sector(layout::SectorRole::kNext, 0, next_order_, next_seq_, chain_, given_up);
    if (status != Status::kIo) {
      return status;
    }
    if (!answers()) {
      break;
    }
  }
  take_retired(known);
  retired_untold_ = untold;
  failed_ = true;
  return Status::kIo;
}

// What a failed program left behind the last good record may verify: the next sector begins with that order again,
// so it does not count.
Status Journal::leave_worn_sector() {
  const std::uint16_t sector = live_[live_count_ - 1].sector;
  retire(sector);
  if (write_offset_ == data_offset()) {
    --live_count_;
    in_use_[sector] = false;
    cursor_ = {};
  }
  return open_next();
}

Status Journal::settle() {
  if (settled()) {
    return Status::kOk;
  }
  std::array<std::byte, 4> boot;
  store_le<std::uint32_t>(boot, boot_);
  CUBBY_TRY(append(RecordClass::kInternal, static_cast<std::uint8_t>(OwnKind::kSettled), boot));
  boots_in_a_row_ = 0;
  return Status::kOk;
}

std::uint32_t Journal::unsettled_boots() {
  Recovery recovery;
  mounted_ = false;
  if (scan_headers(recovery) != Status::kOk) {
    return 0;
  }
  for (std::size_t i = 0; recovery.boots_in_a_row != 0 && i < live_count_; ++i) {
    std::uint32_t offset = data_offset();
    RecordHeader record;
    Bytes payload;
    while (read_record(live_[i], offset, record, payload)) {
      note_settled(recovery, record, payload);
      offset += padded(layout::header_size(record.record_class) + record.payload_size);
    }
  }
  return recovery.unsettled_boots();
}

void Journal::note_settled(Recovery& recovery, const RecordHeader& record, Bytes payload) {
  if (record.record_class == 2 && record.kind == static_cast<std::uint8_t>(OwnKind::kSettled) && payload.size() == 4) {
    recovery.settled_boot = std::max(recovery.settled_boot, load_le<std::uint32_t>(payload));
  }
}

}  // namespace cubby::store

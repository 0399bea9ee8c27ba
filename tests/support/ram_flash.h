#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "firmware/hal/nor_flash.h"

namespace cubby::tests {

/// NOR flash without faults, as long as nobody asks for one.
class RamFlash final : public hal::NorFlash {
 public:
  explicit RamFlash(const hal::FlashGeometry& geometry = {})
      : geometry_(geometry), cells_(geometry.size(), std::byte{0xFF}) {}

  /// From now on no program or erase succeeds (F7: write-protected).
  void protect(bool value) { protected_ = value; }
  std::size_t operations() const { return operations_; }
  /// The power goes in the middle of the operation after so many more; until it comes back nothing works.
  void cut_power_after(std::size_t operations) { cut_at_ = operations_ + operations; }
  void restore_power() { cut_at_ = SIZE_MAX; }

 private:
  const hal::FlashGeometry& do_geometry() const override { return geometry_; }
  Status do_read(std::uint32_t address, MutableBytes into) override {
    std::copy_n(cells_.begin() + address, into.size(), into.begin());
    return Status::kOk;
  }
  Status do_program(std::uint32_t address, Bytes data) override {
    if (protected_ || operations_ > cut_at_) {
      return Status::kIo;
    }
    const bool torn = operations_ == cut_at_;
    auto torn_left = data.size() / 2 + 1;
    ++operations_;
    for (const std::byte value : data) {
      CUBBY_ASSERT(cells_[address] == std::byte{0xFF});
      cells_[address++] = value;
      if (torn && --torn_left == 0) {
        break;
      }
    }
    return torn ? Status::kIo : Status::kOk;
  }
  Status do_erase(std::uint32_t sector) override {
    if (protected_ || operations_ > cut_at_) {
      return Status::kIo;
    }
    if (operations_++ == cut_at_) {
      return Status::kIo;
    }
    std::fill_n(cells_.begin() + sector * geometry_.sector_size, geometry_.sector_size, std::byte{0xFF});
    return Status::kOk;
  }

  hal::FlashGeometry geometry_;
  std::vector<std::byte> cells_;
  std::size_t operations_ = 0;
  std::size_t cut_at_ = SIZE_MAX;
  bool protected_ = false;
};

}  // namespace cubby::tests

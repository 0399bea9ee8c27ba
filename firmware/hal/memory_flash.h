#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "firmware/hal/nor_flash.h"

namespace cubby::hal {

/// Flash whose cells are memory of somebody else's: the copy of an image, which a mount may write to and nobody keeps.
/// Never fails.
class MemoryFlash final : public NorFlash {
 public:
  /// `cells` are geometry.size() bytes and outlive the flash.
  MemoryFlash(const FlashGeometry& geometry, MutableBytes cells) : geometry_(geometry), cells_(cells) {
    CUBBY_ASSERT(cells.size() == geometry.size());
  }

 private:
  const FlashGeometry& do_geometry() const override { return geometry_; }
  Status do_read(std::uint32_t address, MutableBytes into) override {
    std::copy_n(cells_.begin() + address, into.size(), into.begin());
    return Status::kOk;
  }
  Status do_program(std::uint32_t address, Bytes data) override {
    std::copy(data.begin(), data.end(), cells_.begin() + address);
    return Status::kOk;
  }
  Status do_erase(std::uint32_t sector) override {
    const auto from = static_cast<std::ptrdiff_t>(sector) * geometry_.sector_size;
    std::fill_n(cells_.begin() + from, geometry_.sector_size, std::byte{0xFF});
    return Status::kOk;
  }

  FlashGeometry geometry_;
  MutableBytes cells_;
};

}  // namespace cubby::hal

#pragma once

#include "firmware/hal/nor_flash.h"

namespace cubby::cortex_m3 {

/// NOR flash whose cells are a region of memory, as QEMU backs it with a file (docs/cortex-m3.md). It keeps the part's
/// rules, and its times, so that a cut falls into the middle of an operation as often as it would there.
class NorRegion final : public hal::NorFlash {
 public:
  /// `cells` are geometry.size() bytes and outlive the flash.
  NorRegion(const hal::FlashGeometry& geometry, volatile std::byte* cells) : geometry_(geometry), cells_(cells) {}

 private:
  static constexpr std::int64_t kPageProgramUs = 700;
  static constexpr std::int64_t kEraseUs = 45'000;
  static constexpr std::uint32_t kSteps = 4;  // Parts of an operation between which time passes.

  const hal::FlashGeometry& do_geometry() const override { return geometry_; }
  Status do_read(std::uint32_t address, MutableBytes into) override;
  /// kIo: a cell was not erased; nothing was programmed.
  Status do_program(std::uint32_t address, Bytes data) override;
  Status do_erase(std::uint32_t sector) override;

  hal::FlashGeometry geometry_;
  volatile std::byte* cells_;
};

}  // namespace cubby::cortex_m3

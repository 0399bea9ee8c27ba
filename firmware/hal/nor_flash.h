#pragma once

#include <cstdint>

#include "firmware/base/assert.h"
#include "firmware/base/bytes.h"
#include "firmware/base/status.h"

namespace cubby::hal {

/// The flash region that holds the journal. Erased cells read FF; programming clears bits.
struct FlashGeometry {
  std::uint32_t sector_size = 4096;  // Bytes erased at once; a power of two.
  std::uint32_t sector_count = 32;
  std::uint32_t program_size = 1;  // Alignment and unit of a program; a power of two <= page_size.
  std::uint32_t page_size = 256;   // A program may not cross a page.
  friend bool operator==(const FlashGeometry&, const FlashGeometry&) = default;
  constexpr std::uint32_t size() const { return sector_size * sector_count; }
};

/// NOR flash. Calls return when the operation is complete (a page program takes about 0.7 ms, an erase
/// 45 ms); the port feeds its watchdog meanwhile.
class NorFlash {
 public:
  const FlashGeometry& geometry() const { return do_geometry(); }
  /// kIo: the chip does not answer; `into` holds anything.
  Status read(std::uint32_t address, MutableBytes into) {
    CUBBY_ASSERT(address + into.size() <= geometry().size());
    return do_read(address, into);
  }
  /// Programs erased cells within one page, aligned to program_size. Cells that are not erased are a
  /// programmer's error. kIo: some, all or none of the bits were programmed.
  Status program(std::uint32_t address, Bytes data) {
    CUBBY_ASSERT(!data.empty() && address + data.size() <= geometry().size());
    CUBBY_ASSERT(address % geometry().program_size == 0 && data.size() % geometry().program_size == 0);
    CUBBY_ASSERT(address / geometry().page_size == (address + data.size() - 1) / geometry().page_size);
    return do_program(address, data);
  }
  /// kIo: the sector holds anything and must be erased again before use.
  Status erase(std::uint32_t sector) {
    CUBBY_ASSERT(sector < geometry().sector_count);
    return do_erase(sector);
  }

 protected:
  ~NorFlash() = default;

 private:
  virtual const FlashGeometry& do_geometry() const = 0;
  virtual Status do_read(std::uint32_t address, MutableBytes into) = 0;
  virtual Status do_program(std::uint32_t address, Bytes data) = 0;
  virtual Status do_erase(std::uint32_t sector) = 0;
};

}  // namespace cubby::hal

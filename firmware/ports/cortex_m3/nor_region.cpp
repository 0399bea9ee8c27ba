#include "firmware/ports/cortex_m3/nor_region.h"

#include "firmware/ports/cortex_m3/board_watchdog.h"
#include "firmware/ports/cortex_m3/time_base.h"

namespace cubby::cortex_m3 {
namespace {

constexpr std::byte kErased{0xFF};

void wait(std::int64_t us) {
  const Instant until = time_now() + Duration::microseconds(us);
  while (time_now() < until) {
    doze_until(until);
  }
}

}  // namespace

Status NorRegion::do_read(std::uint32_t address, MutableBytes into) {
  for (std::size_t i = 0; i < into.size(); ++i) {
    into[i] = cells_[address + i];
  }
  return Status::kOk;
}

Status NorRegion::do_program(std::uint32_t address, Bytes data) {
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (cells_[address + i] != kErased) {
      return Status::kIo;
    }
  }
  const std::size_t step = data.size() / kSteps + 1;
  for (std::size_t i = 0; i < data.size(); ++i) {
    cells_[address + i] = data[i];
    if (i % step == step - 1) {
      wait(kPageProgramUs / kSteps);
    }
  }
  return Status::kOk;
}

Status NorRegion::do_erase(std::uint32_t sector) {
  const std::uint32_t from = sector * geometry_.sector_size;
  const std::uint32_t step = geometry_.sector_size / kSteps;
  for (std::uint32_t i = 0; i < geometry_.sector_size; ++i) {
    cells_[from + i] = kErased;
    if (i % step == step - 1) {
      wait(kEraseUs / kSteps);
    }
  }
  feed_watchdog();
  return Status::kOk;
}

}  // namespace cubby::cortex_m3

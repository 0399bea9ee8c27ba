#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "emulator/hardware/nor_flash_device.h"

namespace cubby::power_loss {

/// How a flash may lie to the journal, so that the checker has something to catch.
enum class Lie : std::uint8_t {
  kNone,
  kDroppedProgram,  // One program answers "done" and writes nothing.
  kStuckBit,        // One program leaves one bit as it was.
};

/// Stands between a journal and a flash device that can be exchanged, so that one journal in memory can
/// be tried on many copies of its flash. Adds unstable bits: cells that were half programmed or half
/// erased when the power went and that read differently each time until their sector is erased.
class CutFlash final : public hal::NorFlash {
 public:
  explicit CutFlash(const hal::FlashGeometry& geometry) : geometry_(geometry) {}

  void attach(emulator::NorFlashDevice& device) { device_ = &device; }
  /// From now on a cut leaves 1..4 unstable bits in what it hits.
  void leave_unstable_bits(bool leave, std::uint64_t seed) {
    leave_unstable_ = leave;
    noise_ = Prng(seed);
  }
  void lie(Lie lie, std::uint64_t after_programs) {
    lie_ = lie;
    lie_after_ = after_programs;
  }
  std::uint64_t erases() const { return erases_; }
  std::uint64_t programs() const { return programs_; }

  using UnstableBits = std::vector<std::pair<std::uint32_t, std::byte>>;  // Address and the bit in it.
  const UnstableBits& unstable() const { return unstable_; }
  void set_unstable(UnstableBits bits) { unstable_ = std::move(bits); }

 private:
  const hal::FlashGeometry& do_geometry() const override { return geometry_; }

  Status do_read(std::uint32_t address, MutableBytes into) override {
    const Status status = device_->read(address, into);
    for (const auto& [at, bit] : unstable_) {
      if (at >= address && at < address + into.size() && noise_.below(2) == 0) {
        into[at - address] ^= bit;
      }
    }
    return status;
  }

  Status do_program(std::uint32_t address, Bytes data) override {
    ++programs_;
    if (lie_ == Lie::kDroppedProgram && lie_after_-- == 0) {
      return Status::kOk;
    }
    if (lie_ == Lie::kStuckBit && lie_after_-- == 0) {
      std::vector<std::byte> changed(data.begin(), data.end());
      changed.back() ^= std::byte{0x10};
      return device_->program(address, changed);
    }
    const Status status = device_->program(address, data);
    if (device_->is_cut() && status != Status::kOk) {
      after_cut(address, static_cast<std::uint32_t>(data.size()));
    }
    return status;
  }

  Status do_erase(std::uint32_t sector) override {
    const Status status = device_->erase(sector);
    const std::uint32_t start = sector * geometry_.sector_size;
    if (status == Status::kOk) {
      ++erases_;
      std::erase_if(unstable_, [&](const auto& bit) { return bit.first / geometry_.sector_size == sector; });
    } else if (device_->is_cut()) {
      after_cut(start, geometry_.sector_size);
    }
    return status;
  }

  void after_cut(std::uint32_t address, std::uint32_t size) {
    if (!leave_unstable_) {
      return;
    }
    leave_unstable_ = false;  // Once a cut: later calls find the chip dead.
    const std::uint64_t count = 1 + noise_.below(4);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto at = static_cast<std::uint32_t>(address + noise_.below(size));
      unstable_.emplace_back(at, static_cast<std::byte>(1U << noise_.below(8)));
    }
  }

  hal::FlashGeometry geometry_;
  emulator::NorFlashDevice* device_ = nullptr;
  UnstableBits unstable_;
  bool leave_unstable_ = false;
  Prng noise_{1};
  std::uint64_t erases_ = 0;
  std::uint64_t programs_ = 0;
  Lie lie_ = Lie::kNone;
  std::uint64_t lie_after_ = 0;
};

}  // namespace cubby::power_loss

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "emulator/world/room_meter.h"
#include "firmware/base/prng.h"
#include "firmware/hal/nor_flash.h"

namespace cubby::emulator {

/// What a power cut leaves of the operation that it hits.
enum class TearMode : std::uint8_t {
  kNothing,     // Not begun.
  kPrefix,      // Program: the first bytes. Erase: the header is still there, the rest reads FF.
  kSuffix,      // Program: the last bytes. Erase: the second half reads FF.
  kRandomBits,  // Program: a random subset of the 1-to-0 bits. Erase: random bits are set.
  kComplete,    // Done, but nobody was told.
  kCount,
};

struct FlashCounters {
  std::uint64_t programs = 0;
  std::uint64_t erases = 0;
  std::uint64_t bytes_programmed = 0;
  std::uint64_t reads = 0;
  std::uint64_t operations() const { return programs + erases; }
};

/// NOR flash, stricter than the part: programming a cell that is not erased is a programmer's error.
/// Sectors are allocated when first written and shared copy-on-write between copies of the device.
class NorFlashDevice final : public hal::NorFlash {
 public:
  explicit NorFlashDevice(const hal::FlashGeometry& geometry, std::uint64_t tear_seed = 1);

  /// The `operations`-th program or erase from now (0: the next) is torn; it and all later calls fail
  /// with kIo until power_on().
  void cut_after(std::uint64_t operations, TearMode mode);
  void power_on();
  /// Books its processor time there; may be null.
  void set_meter(RoomMeter* meter) { meter_ = meter; }
  bool is_cut() const { return power_ == Power::kOff; }
  /// Every program and erase fails with kIo and changes nothing, until called with false.
  void fail_writes(bool fail) { fail_writes_ = fail; }

  const FlashCounters& counters() const { return counters_; }
  /// Goes on counting from a saved state.
  void restore_counts(std::uint64_t operations, std::uint64_t bytes) {
    counters_ = {};
    counters_.programs = operations;
    counters_.bytes_programmed = bytes;
  }
  std::uint32_t erases_of(std::uint32_t sector) const { return wear_[sector]; }
  /// Bytes of memory that the image takes.
  std::size_t allocated() const;

  /// Appends the image: number and bytes of every sector that is not blank, and the wear counts.
  void save(std::vector<std::byte>& blob) const;
  /// Consumes what save() wrote from the front of `blob`; false: it is not an image of this geometry.
  bool load(Bytes& blob);
  /// Overwrites bytes behind the controller's back (damage).
  void damage(std::uint32_t address, Bytes bytes);

 private:
  using Sector = std::vector<std::byte>;
  enum class Power : std::uint8_t { kOn, kCutPending, kOff };

  const hal::FlashGeometry& do_geometry() const override { return geometry_; }
  Status do_read(std::uint32_t address, MutableBytes into) override;
  Status do_program(std::uint32_t address, Bytes data) override;
  Status do_erase(std::uint32_t sector) override;

  Sector& writable(std::uint32_t sector);
  /// True when this operation is the one that the cut hits.
  bool hit_by_cut();
  void torn_program(std::uint32_t address, Bytes data);
  void torn_erase(std::uint32_t sector);
  void put(std::uint32_t address, Bytes data);

  RoomMeter* meter_ = nullptr;
  hal::FlashGeometry geometry_;
  std::vector<std::shared_ptr<Sector>> sectors_;  // Null: blank.
  std::vector<std::uint32_t> wear_;
  FlashCounters counters_;
  Power power_ = Power::kOn;
  std::uint64_t cut_in_ = 0;
  TearMode tear_mode_ = TearMode::kNothing;
  bool fail_writes_ = false;
  Prng tear_;
};

}  // namespace cubby::emulator

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "emulator/world/room_meter.h"
#include "firmware/base/prng.h"
#include "firmware/hal/nor_flash.h"

namespace cubby::emulator {

/// What a power cut leaves of the operation that it hits. Each means something else for a program than for an
/// erase; `edge` is a random place within what is programmed or erased.
enum class TearMode : std::uint8_t {
  kNothing,      // Not begun.
  kPrefix,       // Program: the bytes before the edge. Erase: the header is still there, the rest reads FF.
  kSuffix,       // Program: the bytes from the edge on. Erase: the second half reads FF.
  kRandomBits,   // Program: a random subset of the 1-to-0 bits. Erase: random bits are set.
  kComplete,     // Done, but nobody was told.
  kPrefixBits,   // Up to an edge within a byte.
  kSuffixBits,   // From an edge within a byte on.
  kInterleaved,  // Program: every second byte. Erase: every second page.
  kHighNibbles,  // The upper four bits of each byte.
  kLowNibbles,   // The lower four bits of each byte.
  kFewBits,      // One bit in eight, at random.
  kMostBits,     // Seven bits in eight, at random.
  kUnstable,     // All of it, but 1..4 bits read differently each time until their sector is erased.
  kCount,
  /// Not among those above, for no part is said to do it: as kRandomBits, and bytes of the same page that were
  /// programmed before lose bits too. Nothing that is erased is hit, so an erase is as kRandomBits.
  kNeighbours,
};

/// What a chip that does not answer leaves on the data line.
enum class AbsentReads : std::uint8_t {
  kOnes,   // FF. The status register says "busy" for ever: programs and erases fail.
  kZeros,  // 00. The status register says "ready" at once: programs and erases seem to succeed.
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
  /// Chance of tears and faults begins anew.
  void seed_chance(std::uint64_t seed) { tear_ = Prng(seed); }
  /// Books its processor time there; may be null.
  void set_meter(RoomMeter* meter) { meter_ = meter; }
  bool is_cut() const { return power_ == Power::kOff; }
  /// Every program and erase fails with kIo and changes nothing, until called with false.
  void fail_writes(bool fail) { fail_writes_ = fail; }

  // Faults of a part; they are no part of a saved image. Each stays until mended().
  /// These bits of the byte read differently each time, until their sector is erased.
  void destabilise(std::uint32_t address, std::byte bits);
  /// These bits of the byte read as in `value`, whatever is programmed or erased.
  void stick(std::uint32_t address, std::byte bits, std::byte value);
  /// Every `reads`-th read turns one bit of the sector that it reads from 1 to 0; 0: none does.
  void disturb_reads(std::uint32_t reads);
  /// Programs or erases of the sector do half of their bits and fail with kIo, or say that all is well.
  void wear_out(std::uint32_t sector, bool programs, bool erases, bool silently = false);
  void make_absent(AbsentReads reads);
  /// The protection bits are set: programs and erases seem to succeed, and change nothing.
  void write_protect();
  /// Turns so many random bits of sectors that are not blank; returns how many.
  std::size_t rot(std::size_t bits);
  void mended();
  /// Bits that read differently each time.
  std::size_t unstable_bits() const { return faults_.unstable.size(); }

  const FlashCounters& counters() const { return counters_; }
  /// Goes on counting from a saved state.
  void restore_counts(std::uint64_t operations, std::uint64_t bytes) {
    counters_ = {};
    counters_.programs = operations;
    counters_.bytes_programmed = bytes;
  }
  std::uint32_t erases_of(std::uint32_t sector) const { return wear_[sector]; }
  /// Every read from `address` up to there gives FF until something is programmed, erased, cut or broken; `address`
  /// itself: nothing can be said.
  std::uint32_t blank_until(std::uint32_t address) const;
  /// A program of `size` bytes within one page there would meet cells that are not erased, on a part without faults: it
  /// is a programmer's error. Not while the power is off or writes fail.
  bool would_overwrite(std::uint32_t address, std::size_t size) const;
  /// Bytes of memory that the image takes.
  std::size_t allocated() const;

  /// Appends the image: number and bytes of every sector that is not blank, and the wear counts.
  void save(std::vector<std::byte>& blob) const;
  /// Consumes what save() wrote from the front of `blob`; false: it is not an image of this geometry.
  bool load(Bytes& blob);
  /// Overwrites bytes behind the controller's back (damage).
  void damage(std::uint32_t address, Bytes bytes);

  /// What save() leaves out: cut, faults, counters and chance. See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(counters_, power_, cut_in_, tear_mode_, fail_writes_, faulty_, faults_.unstable, faults_.stuck, faults_.worn,
          faults_.disturbing_reads, faults_.reads_to_disturbance, faults_.absent, faults_.write_protected, tear_);
  }

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
  void leave_unstable(std::uint32_t address, std::size_t size);
  void hit_neighbours(std::uint32_t address, std::size_t size);
  std::byte tear_mask(std::size_t at, std::size_t size, std::size_t edge_bit);

  struct OddBits {
    std::uint32_t address = 0;
    std::byte bits{};
    std::byte value{};  // Of those that are stuck.
  };
  struct WornSector {
    std::uint32_t sector = 0;
    bool programs = false;
    bool erases = false;
    bool silently = false;
    Status status() const { return silently ? Status::kOk : Status::kIo; }
  };
  struct Faults {
    std::vector<OddBits> unstable;
    std::vector<OddBits> stuck;
    std::vector<WornSector> worn;
    std::uint32_t disturbing_reads = 0;
    std::uint32_t reads_to_disturbance = 0;
    std::optional<AbsentReads> absent;
    bool write_protected = false;
  };
  Status faulty_read(std::uint32_t address, MutableBytes into);
  /// What a fault makes of a program or an erase; nullopt: nothing, do it.
  std::optional<Status> faulty_program(std::uint32_t address, Bytes data);
  std::optional<Status> faulty_erase(std::uint32_t sector);
  void forget_unstable(std::uint32_t sector);
  void apply_stuck(std::uint32_t address, std::size_t size);

  RoomMeter* meter_ = nullptr;
  hal::FlashGeometry geometry_;
  std::vector<std::shared_ptr<Sector>> sectors_;  // Null: blank.
  std::vector<std::uint32_t> wear_;
  FlashCounters counters_;
  Power power_ = Power::kOn;
  std::uint64_t cut_in_ = 0;
  TearMode tear_mode_ = TearMode::kNothing;
  bool fail_writes_ = false;
  bool faulty_ = false;  // One flag, so that a good part pays for none of `faults_`.
  Faults faults_;
  Prng tear_;
};

}  // namespace cubby::emulator

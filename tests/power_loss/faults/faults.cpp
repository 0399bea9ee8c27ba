#include "power_loss/faults/faults.h"

#include <algorithm>

#include "firmware/base/prng.h"
#include "firmware/store/layout.h"

namespace cubby::power_loss {
namespace {

constexpr std::uint32_t kDisturbingReads = 97;
constexpr std::uint32_t kManyBytes = 16;
constexpr std::size_t kRecentSteps = 8;

std::byte random_bit(Prng& random) {
  return static_cast<std::byte>(1U << random.below(8));
}

void flip(emulator::NorFlashDevice& flash, std::uint32_t address, std::byte bits) {
  std::array<std::byte, 1> cell{};
  CUBBY_ASSERT(static_cast<hal::NorFlash&>(flash).read(address, cell) == Status::kOk);
  cell[0] ^= bits;
  flash.damage(address, cell);
  flash.disturb_reads(0);  // A part with faults forgives a program of what it cannot know to be rotten.
}

const hal::FlashGeometry& geometry_of(World& world) {
  return static_cast<hal::NorFlash&>(world.flash).geometry();
}

bool is_blank(emulator::NorFlashDevice& flash, std::uint32_t sector) {
  hal::NorFlash& part = flash;
  std::vector<std::byte> bytes(part.geometry().sector_size);
  CUBBY_ASSERT(part.read(sector * part.geometry().sector_size, bytes) == Status::kOk);
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte value) { return value == std::byte{0xFF}; });
}

/// A sector with something in it; there is one as soon as a journal was begun.
std::uint32_t written_sector(World& world, Prng& random) {
  const std::uint32_t count = geometry_of(world).sector_count;
  const auto first = static_cast<std::uint32_t>(random.below(count));
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!is_blank(world.flash, (first + i) % count)) {
      return (first + i) % count;
    }
  }
  return first;
}

/// One of the programs among the last `steps` but the newest `spared`; size 0: there is none.
FlashStep program_of(const std::vector<FlashStep>& done, std::size_t spared, std::size_t steps, Prng& random) {
  std::vector<FlashStep> programs;
  for (std::size_t back = spared; back < done.size() && back < spared + steps; ++back) {
    const FlashStep& step = done[done.size() - 1 - back];
    if (step.size == 0) {
      break;  // What lies before may have been erased.
    }
    programs.push_back(step);
  }
  return programs.empty() ? FlashStep{} : programs[random.below(programs.size())];
}

bool rot(World& world, const FlashStep& step, Prng& random) {
  if (step.size != 0) {
    flip(world.flash, step.address + static_cast<std::uint32_t>(random.below(step.size)), random_bit(random));
  }
  return step.size != 0;
}

void rot_many_bits(World& world, Prng& random) {
  const hal::FlashGeometry& geometry = geometry_of(world);
  const std::uint32_t head = std::max<std::uint32_t>(store::layout::kSectorHeaderSize, geometry.program_size);
  const std::uint32_t start = written_sector(world, random) * geometry.sector_size + head;
  const auto at = static_cast<std::uint32_t>(random.below(geometry.sector_size - head - kManyBytes));
  for (std::uint32_t i = 0; i < kManyBytes; ++i) {
    flip(world.flash, start + at + i, static_cast<std::byte>(1 + random.below(255)));
  }
}

void stick_blank(World& world, const FlashStep& next, Bytes data, Prng& random) {
  const hal::FlashGeometry& geometry = geometry_of(world);
  std::vector<std::size_t> ones;  // Bytes that want a bit which is stuck written.
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data[i] != std::byte{0}) {
      ones.push_back(i);
    }
  }
  if (!ones.empty()) {
    const std::size_t at = ones[random.below(ones.size())];
    world.flash.stick(next.address + static_cast<std::uint32_t>(at), data[at], std::byte{0});
  }
  for (std::uint32_t sector = 0; sector < geometry.sector_count; ++sector) {
    if (is_blank(world.flash, sector)) {
      // Where something will stand soon.
      const auto at = static_cast<std::uint32_t>(random.below(std::min<std::uint32_t>(geometry.sector_size, 512)));
      world.flash.stick(sector * geometry.sector_size + at, random_bit(random), std::byte{0});
    }
  }
}

void tear_hostile_page(World& world, const FlashStep& next, Bytes data) {
  hal::NorFlash& flash = world.flash;
  world.flash.cut_after(0, emulator::TearMode::kNeighbours);
  (void)(next.size != 0 ? flash.program(next.address, data) : flash.erase(next.address / flash.geometry().sector_size));
  world.flash.power_on();
}

void wear_every_second(World& world, bool programs) {
  for (std::uint32_t sector = 0; sector < geometry_of(world).sector_count; sector += 2) {
    world.flash.wear_out(sector, programs, !programs);
  }
}

}  // namespace

const std::array<FaultKind, kFaults> kFaultKinds{{
    {Fault::kRotOfTheLast, "rot-of-the-last", "F5", true, false, true},
    {Fault::kRotOfTheRecent, "rot-of-the-recent", "F5", true, false, true},
    {Fault::kRotOfAHeader, "rot-of-a-header", "F5", true, true, true},
    {Fault::kRotAnywhere, "rot-anywhere", "F5", true, true, true},
    {Fault::kRotOfManyBits, "rot-of-many-bits", "F5", true, true, true},
    {Fault::kStuckWritten, "stuck-written", "F5", true, true, true},
    {Fault::kStuckBlank, "stuck-blank", "F5", true, true, false},
    {Fault::kReadDisturb, "read-disturb", "F5", true, true, true},
    {Fault::kHostilePage, "hostile-page", "F4", true, false, true},
    {Fault::kProgramErrors, "program-errors", "F6", true, true, false},
    {Fault::kEraseErrors, "erase-errors", "F6", true, true, false},
    {Fault::kAllErrors, "all-errors", "F6", true, true, false},
    {Fault::kBusyForEver, "busy-for-ever", "F7", true, true, false},
    {Fault::kReadsZeros, "reads-zeros", "F7", true, true, false},
    {Fault::kWriteProtected, "write-protected", "F7", true, true, false},
}};

bool strike(Fault fault, World& world, const std::vector<FlashStep>& done, const FlashStep& next, Bytes data,
            std::uint64_t seed) {
  Prng random(seed);
  emulator::NorFlashDevice& flash = world.flash;
  flash.seed_chance(random.next());
  switch (fault) {
    case Fault::kRotOfTheLast:
      return rot(world, program_of(done, 0, 1, random), random);
    case Fault::kRotOfTheRecent:
      return rot(world, program_of(done, 1, kRecentSteps, random), random);
    case Fault::kRotOfAHeader: {
      const std::uint32_t start = written_sector(world, random) * geometry_of(world).sector_size;
      flip(flash, start + static_cast<std::uint32_t>(random.below(store::layout::kSectorHeaderSize)),
           random_bit(random));
      return true;
    }
    case Fault::kRotAnywhere:
      return flash.rot(1) == 1;
    case Fault::kRotOfManyBits:
      rot_many_bits(world, random);
      return true;
    case Fault::kStuckWritten:
      if (const FlashStep step = program_of(done, 0, done.size(), random); step.size != 0) {
        flash.stick(step.address + static_cast<std::uint32_t>(random.below(step.size)), random_bit(random),
                    random.below(2) == 0 ? std::byte{0} : std::byte{0xFF});
        return true;
      }
      return false;
    case Fault::kStuckBlank:
      stick_blank(world, next, data, random);
      return true;
    case Fault::kReadDisturb:
      flash.disturb_reads(kDisturbingReads);
      return true;
    case Fault::kHostilePage:
      tear_hostile_page(world, next, data);
      return true;
    case Fault::kProgramErrors:
      wear_every_second(world, true);
      return true;
    case Fault::kEraseErrors:
      wear_every_second(world, false);
      return true;
    case Fault::kAllErrors:
      flash.fail_writes(true);
      return true;
    case Fault::kBusyForEver:
      flash.make_absent(emulator::AbsentReads::kOnes);
      return true;
    case Fault::kReadsZeros:
      flash.make_absent(emulator::AbsentReads::kZeros);
      return true;
    case Fault::kWriteProtected:
      flash.write_protect();
      return true;
    case Fault::kCount:
      return false;
  }
  return false;
}

}  // namespace cubby::power_loss

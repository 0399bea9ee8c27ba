#include "power_loss/lives/explorer.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "power_loss/lives/checks.h"

namespace cubby::power_loss {
namespace {

constexpr Duration kOff = Duration::seconds(4);
constexpr std::int64_t kSettleMs = 3'000;
constexpr std::uint64_t kTicksMax = 2'000;  // Of the first seconds after a boot.
// A header with unstable bits may verify in one reading of a boot and not in the next, about one time in five.
constexpr int kBootTries = 8;

std::uint64_t mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15U;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

std::uint64_t number_of(std::string_view text, std::uint64_t number) {
  for (const char each : text) {
    number = mix(number ^ static_cast<unsigned char>(each));
  }
  return number;
}

}  // namespace

std::uint64_t Totals::cut_count() const {
  std::uint64_t count = 0;
  for (const auto& depth : cuts) {
    for (const std::uint64_t kind : depth) {
      count += kind;
    }
  }
  return count;
}

std::string Explorer::replay() const {
  std::string text = "--life " + std::string(life_->name) + " --geometry " + std::string(geometry_->name) + " --seed " +
                     std::to_string(options_.seed);
  for (std::size_t i = 0; i < path_.size(); ++i) {
    text += (i == 0 ? " --path " : ",") + std::to_string(path_[i].operation) + ":" + std::to_string(path_[i].mode);
  }
  return text;
}

void Explorer::fail(const std::string& complaint) {
  if (totals_.failures++ == 0) {
    totals_.first_failure = complaint;
    totals_.cuts_to_first_failure = totals_.cut_count();
  }
  std::printf("FAILED: %s\n  replay: %s\n", complaint.c_str(), replay().c_str());
}

Explorer::Counts Explorer::counts_of(const World& world) {
  return {.programs = world.flash.counters().programs,
          .erases = world.flash.counters().erases,
          .frames = world.bus.frames().size(),
          .link_writes = world.link_writes};
}

void Explorer::explore(const Life& life, const Geometry& geometry) {
  life_ = &life;
  geometry_ = &geometry;
  depth_ = 0;
  path_.clear();
  levels_[0] = {.cutting = true};
  Machine machine(world_before(life, geometry), *this);
  const Counts before = counts_of(machine.world);
  machine.observe(true);
  if (machine.boot() != Status::kOk) {
    fail("the first boot fails without any cut");
    return;
  }
  machine.advance_ms(kSettleMs);
  std::string complaint = life.live(machine);
  machine.observe(false);
  if (complaint.empty()) {
    complaint = check_beliefs(machine);
  }
  if (complaint.empty() && life.reachable &&
      machine.world.centre.chains().size() + 1 != machine.controller().journal().next_seq()) {
    complaint = "not everything was reported (L3)";
  }
  if (!complaint.empty()) {
    fail("without any cut: " + complaint);
  }
  close_level(machine, before);
}

// The world has counted for itself: every operation was seen, and every way tried at each.
void Explorer::close_level(const Machine& machine, const Counts& before) {
  const Level& level = levels_[depth_];
  const Counts after = counts_of(machine.world);
  const auto seen = [&](Operation operation) { return level.of_kind[static_cast<std::size_t>(operation)]; };
  std::uint64_t cuts = 0;
  for (std::size_t kind = 0; kind < kOperations; ++kind) {
    cuts += level.of_kind[kind] * static_cast<std::uint64_t>(modes_of(static_cast<Operation>(kind)));
  }
  const bool all_seen = after.programs - before.programs == seen(Operation::kProgram) &&
                        after.erases - before.erases == seen(Operation::kErase) &&
                        after.frames - before.frames == seen(Operation::kFrame) + seen(Operation::kUnlockFrame) &&
                        after.link_writes - before.link_writes == seen(Operation::kLinkWrite);
  if (!enough() && (!all_seen || (options_.only.empty() && level.cuts != cuts))) {
    fail("cuts were skipped");
  }
}

bool Explorer::wanted(std::uint64_t operation, int mode) const {
  if (options_.only.empty()) {
    return true;
  }
  return depth_ < options_.only.size() && options_.only[depth_].operation == operation &&
         options_.only[depth_].mode == mode;
}

/// Whether the recovery from the cut just made is cut too; depth_ is its depth.
bool Explorer::goes_deeper(std::uint64_t number) const {
  if (!options_.only.empty()) {
    return depth_ < options_.only.size();
  }
  const std::uint64_t stride = depth_ == 1 ? options_.second_stride : depth_ == 2 ? options_.third_stride : 0;
  return stride != 0 && number % stride == 0;
}

template <typename Apply>
void Explorer::cut_everyway(Machine& machine, Operation operation, const Apply& apply) {
  Level& level = levels_[depth_];
  const std::uint64_t number = level.operations++;
  const auto kind = static_cast<std::size_t>(operation);
  ++level.of_kind[kind];
  if (!level.cutting || enough()) {
    return;
  }
  ++totals_.operations[depth_][kind];
  for (int mode = 0; mode < modes_of(operation) && !enough(); ++mode) {
    if (!wanted(number, mode)) {
      continue;
    }
    path_.push_back({.operation = number, .mode = mode});
    std::uint64_t tuple = number_of(geometry_->name, number_of(life_->name, options_.seed));
    for (const Cut& cut : path_) {
      tuple = mix(tuple ^ (cut.operation * 64 + static_cast<unsigned>(cut.mode)));
    }
    totals_.tuples.push_back(tuple);
    ++level.cuts;
    ++totals_.cuts[depth_][kind];
    World world = machine.world;
    world.flash.seed_chance(tuple);
    apply(world, mode);
    ++depth_;
    levels_[depth_] = {.cutting = goes_deeper(mix(tuple))};
    recover(std::move(world), tuple);
    --depth_;
    path_.pop_back();
  }
}

void Explorer::before_program(Machine& machine, std::uint32_t address, Bytes data) {
  cut_everyway(machine, Operation::kProgram, [&](World& world, int mode) {
    world.flash.cut_after(0, static_cast<emulator::TearMode>(mode));
    (void)static_cast<hal::NorFlash&>(world.flash).program(address, data);
    world.flash.power_on();
  });
}

void Explorer::before_erase(Machine& machine, std::uint32_t sector) {
  cut_everyway(machine, Operation::kErase, [&](World& world, int mode) {
    world.flash.cut_after(0, static_cast<emulator::TearMode>(mode));
    (void)static_cast<hal::NorFlash&>(world.flash).erase(sector);
    world.flash.power_on();
  });
}

void Explorer::before_frame(Machine& machine, Bytes frame) {
  const unsigned door = door_unlocked_by(frame);
  if (door != 0) {
    if (std::string complaint = check_authority(machine, door, machine.world.flash); !complaint.empty()) {
      fail(complaint);
    }
  }
  if (!machine.observed()) {
    return;
  }
  cut_everyway(machine, door != 0 ? Operation::kUnlockFrame : Operation::kFrame, [&](World& world, int mode) {
    const auto cut = static_cast<LineCut>(mode);
    if (cut == LineCut::kBefore) {
      return;
    }
    const Bytes sent = cut == LineCut::kHalf ? frame.first(frame.size() / 2) : frame;
    bool* jammed = door == 0 ? nullptr : &world.bus.board(1).doors[door - 1].jammed;
    if (cut == LineCut::kInPulse) {
      *jammed = true;  // The board hears the frame, but the bolt does not come free.
    }
    (void)static_cast<hal::SerialBus&>(world.bus).send(sent, world.now, false);
    if (cut == LineCut::kInPulse) {
      *jammed = false;
    }
  });
}

void Explorer::before_link_write(Machine& machine, Bytes bytes) {
  cut_everyway(machine, Operation::kLinkWrite, [&](World& world, int mode) {
    const auto cut = static_cast<LineCut>(mode);
    if (cut != LineCut::kBefore) {
      const std::size_t size = cut == LineCut::kHalf ? bytes.size() / 2 : bytes.size();
      (void)world.centre.receive({reinterpret_cast<const char*>(bytes.data()), size}, world.down);
    }
  });
}

void Explorer::recover(World world, std::uint64_t seed) {
  constexpr std::uint64_t kCentreAnswersEvery = 8;
  const bool in_the_dark = (seed & 1) != 0;  // Whoever stands at an open door goes on without light, or waits.
  world.reachable = seed / 2 % kCentreAnswersEvery == 0;
  world.bus.forget_frames();
  Machine machine(std::move(world), *this);
  machine.power_off();
  machine.world.now = machine.world.now + Duration::seconds(1);
  if (in_the_dark) {
    machine.world.act_at_open_doors();
  }
  machine.world.now = machine.world.now + kOff;
  const Counts before = counts_of(machine.world);
  const bool cutting = levels_[depth_].cutting;
  machine.observe(cutting);
  std::string complaint = live_again(machine, in_the_dark);
  machine.observe(false);
  if (cutting) {
    close_level(machine, before);
  }
  if (complaint.empty()) {
    complaint = check_beliefs(machine);
  }
  for (unsigned door = 1; door <= kDoors && complaint.empty(); ++door) {
    if (!machine.world.inside[door].empty() && !take_out(machine, door)) {
      complaint = "door " + std::to_string(door) + ": nobody gets the parcel out (L2)";
    }
  }
  if (!complaint.empty()) {
    fail(complaint);
  }
}

// The boot, then a few seconds in which nobody asks for anything.
std::string Explorer::live_again(Machine& machine, bool in_the_dark) {
  if (std::string complaint = boot(machine); !complaint.empty()) {
    return complaint;
  }
  const std::uint64_t ticks = machine.ticks();
  machine.advance_ms(kSettleMs);
  if (!machine.controller().doors().started() || machine.ticks() - ticks > kTicksMax) {
    return "the boot does not come to rest (L1)";
  }
  if (!in_the_dark) {
    machine.world.act_at_open_doors();
    machine.advance_ms(kSettleMs);
  }
  machine.world.act = Act::kNothing;
  machine.world.in_hand.clear();
  return {};
}

// A boot may find that a record no longer reads as it did a moment ago, and ends; the next one decides anew.
std::string Explorer::boot(Machine& machine) {
  const std::uint64_t operations_max = geometry_->flash.sector_size / 16 + 64;
  for (int attempt = 0; attempt < kBootTries; ++attempt) {
    const std::uint64_t before = machine.world.flash.counters().operations();
    ++totals_.boots;
    const Status status = machine.boot();
    if (machine.world.flash.counters().operations() - before > operations_max) {
      return "a boot takes too many flash operations (L1)";
    }
    if (status == Status::kOk) {
      return {};
    }
    if (machine.world.flash.unstable_bits() == 0) {
      return "a boot fails with status " + std::to_string(static_cast<int>(status));
    }
    ++totals_.second_tries;
  }
  return "no boot succeeds";
}

}  // namespace cubby::power_loss

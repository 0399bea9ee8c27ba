#include "power_loss/faults/campaign.h"

#include <algorithm>
#include <cstdio>

#include "power_loss/lives/checks.h"

namespace cubby::power_loss {
namespace {

constexpr Duration kOff = Duration::seconds(5);
constexpr std::int64_t kSettleMs = 3'000;
constexpr std::uint64_t kTicksMax = 2'000;  // Of the first seconds after a boot.
constexpr int kBootTries = 3;
constexpr Duration kReportMax = Duration::minutes(10);
constexpr Duration kReportStep = Duration::seconds(10);

std::size_t index_of(When when) {
  return static_cast<std::size_t>(when);
}

/// The part as it is, but good.
emulator::NorFlashDevice mended(const emulator::NorFlashDevice& flash) {
  emulator::NorFlashDevice copy = flash;
  copy.mended();
  copy.fail_writes(false);
  return copy;
}

/// Whoever waits at a door without light does so by the light of the other half of the trials.
bool in_the_dark(std::uint64_t operation) {
  return operation % 2 != 0;
}

}  // namespace

std::uint64_t FaultTotals::trial_count() const {
  std::uint64_t count = 0;
  for (const auto& of_fault : trials) {
    count += of_fault[0] + of_fault[1];
  }
  return count;
}

std::string FaultCampaign::replay() const {
  return "--life " + std::string(life_->name) + " --geometry " + std::string(geometry_->name) + " --seed " +
         std::to_string(options_.seed) +
         (kind_ == nullptr
              ? std::string()
              : " --fault " + std::string(kind_->name) + (when_ == When::kAtRest ? " --when rest" : " --when running") +
                    " --operation " + std::to_string(struck_at_));
}

void FaultCampaign::fail(const std::string& complaint) {
  failed_ = true;
  if (totals_.failures++ == 0) {
    totals_.first_failure = complaint;
    totals_.trials_to_first_failure = totals_.trial_count();
  }
  std::printf("FAILED: %s\n  replay: %s\n", complaint.c_str(), replay().c_str());
}

bool FaultCampaign::wanted(Fault fault, When when, std::uint64_t operation) const {
  const bool chosen = options_.fault.value_or(fault) == fault && options_.when.value_or(when) == when;
  if (options_.operation.has_value()) {
    return chosen && *options_.operation == operation;
  }
  return chosen && (operation + static_cast<std::uint64_t>(fault)) % options_.stride == 0;
}

std::uint64_t FaultCampaign::seed_of(std::uint64_t operation) const {
  const Prng of_life = Prng(options_.seed).child(life_->name).child(geometry_->name);
  return of_life.child(kind_->name, operation * 2 + index_of(when_)).state().seed;
}

void FaultCampaign::begin_trial(const FaultKind& kind, When when, std::uint64_t operation) {
  kind_ = &kind;
  when_ = when;
  struck_at_ = operation;
  struck_ = failed_ = told_of_loss_ = safe_mode_ = unknowable_ = false;
  in_flight_ = 0;
  truth_.lost.clear();
  ++totals_.trials[static_cast<std::size_t>(kind.fault)][index_of(when)];
}

void FaultCampaign::explore(const Life& life, const Geometry& geometry) {
  life_ = &life;
  geometry_ = &geometry;
  const World start = world_before(life, geometry);
  const auto written = [](const World& world) { return world.flash.counters().operations(); };
  phase_ = Phase::kCounting;
  kind_ = nullptr;
  operation_ = 0;
  done_.clear();
  truth_ = {};
  Machine machine(start, *this);
  machine.observe(true);
  if (machine.boot() != Status::kOk) {
    fail("the first boot fails without any fault");
    return;
  }
  machine.advance_ms(kSettleMs);
  if (const std::string complaint = life.live(machine); !complaint.empty()) {
    fail("without any fault: " + complaint);
  }
  const std::uint64_t operations = operation_;
  if (written(machine.world) - written(start) != operations) {
    fail("operations were not seen");
  }
  totals_.operations += operations;
  for (const FaultKind& kind : kFaultKinds) {
    auto& expected = totals_.expected[static_cast<std::size_t>(kind.fault)];
    for (std::uint64_t operation = 0; operation < operations && !enough(); ++operation) {
      expected[0] += kind.at_rest && wanted(kind.fault, When::kAtRest, operation) ? 1 : 0;
      if (kind.running && wanted(kind.fault, When::kRunning, operation)) {
        ++expected[1];
        try_running(start, kind, operation);
      }
    }
  }
}

void FaultCampaign::before_program(Machine& machine, std::uint32_t address, Bytes data) {
  on_step(machine, {.address = address, .size = static_cast<std::uint32_t>(data.size())}, data);
}

void FaultCampaign::before_erase(Machine& machine, std::uint32_t sector) {
  on_step(machine, {.address = sector * geometry_->flash.sector_size, .size = 0}, {});
}

void FaultCampaign::on_step(Machine& machine, const FlashStep& step, Bytes data) {
  const std::uint64_t number = operation_++;
  truth_.note(machine);
  if (phase_ == Phase::kCounting) {
    for (const FaultKind& kind : kFaultKinds) {
      if (kind.at_rest && !enough() && wanted(kind.fault, When::kAtRest, number)) {
        const Truth before = truth_;
        phase_ = Phase::kTrying;
        begin_trial(kind, When::kAtRest, number);
        try_at_rest(machine, kind, step, data);
        phase_ = Phase::kCounting;
        kind_ = nullptr;
        truth_ = before;
      }
    }
  } else if (phase_ == Phase::kStriking && number == struck_at_) {
    struck_ = true;
    totals_.missed[static_cast<std::size_t>(kind_->fault)] +=
        strike(kind_->fault, machine.world, done_, step, data, seed_of(number)) ? 0 : 1;
  }
  done_.push_back(step);
}

void FaultCampaign::before_frame(Machine& machine, Bytes frame) {
  const unsigned door = door_unlocked_by(frame);
  if (door == 0 || failed_) {
    return;
  }
  // What was durable when it was written may have been what the fault took.
  const bool spoiled = kind_ != nullptr && kind_->damages;
  const std::string complaint =
      spoiled ? check_asked_for(machine, door) : check_authority(machine, door, mended(machine.world.flash));
  if (!complaint.empty()) {
    fail(complaint);
  }
}

void FaultCampaign::try_at_rest(const Machine& machine, const FaultKind& kind, const FlashStep& step, Bytes data) {
  struck_ = true;
  for (unsigned door = 1; door <= kDoors; ++door) {
    const auto& state = machine.controller().state();
    if (state.find_opening(static_cast<std::uint8_t>(door)) < core::StationState::kOpeningsMax) {
      in_flight_ = door;
    }
  }
  World world = machine.world;
  totals_.missed[static_cast<std::size_t>(kind.fault)] +=
      strike(kind.fault, world, done_, step, data, seed_of(struck_at_)) ? 0 : 1;
  boot_again(std::move(world));
}

void FaultCampaign::try_running(const World& start, const FaultKind& kind, std::uint64_t operation) {
  truth_ = {};
  begin_trial(kind, When::kRunning, operation);
  phase_ = Phase::kStriking;
  operation_ = 0;
  done_.clear();
  Machine machine(start, *this);
  machine.observe(true);
  if (machine.boot() == Status::kOk) {
    machine.advance_ms(kSettleMs);
    (void)life_->live(machine);  // It goes as it can.
    machine.advance_ms(kSettleMs);
  }
  machine.observe(false);
  phase_ = Phase::kTrying;
  if (!struck_) {
    fail("the fault never came");
  }
  if (machine.controller().running() && judge(machine, false)) {
    truth_.note(machine);
  }
  boot_again(machine.world);
  phase_ = Phase::kCounting;
}

/// The power goes and comes with the fault still there, goes and comes without it, and once more.
void FaultCampaign::boot_again(World world) {
  world.centre.take_gaps();
  world.bus.forget_frames();
  Machine machine(std::move(world), *this);
  machine.power_off();
  machine.world.now = machine.world.now + Duration::seconds(1);
  if (in_the_dark(struck_at_)) {
    machine.world.act_at_open_doors();
  }
  machine.world.now = machine.world.now + kOff;
  if (power_up(machine, false) && !failed_) {
    visit(machine);
  }
  if (!failed_) {
    end_of_fault(machine);
  }
  const auto fault = static_cast<std::size_t>(kind_->fault);
  totals_.reported[fault] += told_of_loss_ ? 1 : 0;
  totals_.safe_mode[fault] += safe_mode_ ? 1 : 0;
  totals_.unknowable[fault] += unknowable_ ? 1 : 0;
}

/// Number of the first door whose parcel nobody gets out; 0: there is none.
unsigned FaultCampaign::door_not_emptied(Machine& machine) {
  for (unsigned door = 1; door <= kDoors; ++door) {
    if (!machine.world.inside[door].empty() && !take_out(machine, door)) {
      return door;
    }
  }
  return 0;
}

/// False: not within ten minutes, as where the centre has met another history under the same numbers.
bool FaultCampaign::report_all(Machine& machine) {
  const auto all_reported = [&] {
    return machine.world.centre.chains().size() + 1 == machine.controller().journal().next_seq();
  };
  for (Duration waited{}; !all_reported() && waited < kReportMax; waited = waited + kReportStep) {
    machine.advance(kReportStep);
  }
  return all_reported();
}

void FaultCampaign::end_of_fault(Machine& machine) {
  machine.power_off();
  machine.world.flash = mended(machine.world.flash);
  machine.world.now = machine.world.now + kOff;
  if (!power_up(machine, true) || failed_ || unknowable_) {
    return;
  }
  if (const unsigned door = door_not_emptied(machine);
      door != 0 && machine.controller().journal().room_for_deposits()) {
    fail("door " + std::to_string(door) + ": nobody gets the parcel out (L2)");
    return;
  }
  machine.world.reachable = true;
  const bool all_reported = report_all(machine);
  if (!kind_->damages && !all_reported) {
    fail("not everything is reported after ten minutes (L1)");
    return;
  }
  // The centre has made room where there was none, unless the checkpoint that this takes is what was lost.
  const unsigned door = door_not_emptied(machine);
  const bool full = !machine.controller().journal().room_for_deposits() && told_of_loss_;
  if (door != 0 && all_reported && !full) {
    fail("door " + std::to_string(door) + ": nobody gets the parcel out (L2)");
    return;
  }
  totals_.full += door != 0 && full ? 1 : 0;
  truth_.note(machine);
  machine.power_off();
  machine.world.now = machine.world.now + kOff;
  (void)power_up(machine, true);
}

/// False: safe mode, which only a part that does not work excuses.
bool FaultCampaign::power_up(Machine& machine, bool mended) {
  const std::uint64_t operations_max = geometry_->flash.sector_size / 16 + 64;
  const std::uint64_t reads_max = geometry_->flash.size();
  Status status = Status::kOk;
  for (int attempt = 0; attempt < kBootTries; ++attempt) {
    const emulator::FlashCounters before = machine.world.flash.counters();
    ++totals_.boots;
    status = machine.boot();
    const emulator::FlashCounters after = machine.world.flash.counters();
    totals_.most_reads = std::max(totals_.most_reads, after.reads - before.reads);
    if (after.operations() - before.operations() > operations_max || after.reads - before.reads > reads_max) {
      fail("a boot takes too many flash operations (L3)");
      return false;
    }
    if (status == Status::kOk) {
      break;
    }
  }
  safe_mode_ |= status != Status::kOk;
  if (status != Status::kOk) {
    if (mended && !truth_.chains.empty()) {  // Before, what rots makes a blank part look like a foreign one.
      fail("no boot succeeds on a part that works: status " + std::to_string(static_cast<int>(status)));
    }
    machine.advance_ms(kSettleMs);
    return false;
  }
  const std::uint64_t ticks = machine.ticks();
  machine.advance_ms(kSettleMs);
  if (!machine.controller().doors().started() || machine.ticks() - ticks > kTicksMax) {
    fail("the boot does not come to rest (L3)");
    return false;
  }
  machine.world.act_at_open_doors();
  machine.advance_ms(kSettleMs);
  machine.world.act = Act::kNothing;
  machine.world.in_hand.clear();
  const auto& report = machine.controller().mount_report();
  if (report.events_lost_from != 0) {
    truth_.lost.push_back({.from = report.events_lost_from, .to = report.events_lost_to});
  }
  told_of_loss_ |= report.damaged != 0 || report.events_lost_from != 0 || report.records_lost != 0;
  if (judge(machine, mended)) {
    truth_.note(machine);
  }
  return true;
}

bool FaultCampaign::judge(Machine& machine, bool mended) {
  if (failed_) {
    return false;
  }
  const std::string complaint = check_under_fault(
      machine, truth_,
      {.damages = kind_->damages, .works = mended, .reports_loss = told_of_loss_, .in_flight = in_flight_},
      unknowable_);
  if (!complaint.empty()) {
    fail(complaint);
    return false;
  }
  if (!kind_->damages && told_of_loss_) {
    fail("a part that did not work is taken for damage (S5)");
    return false;
  }
  return true;
}

/// A courier comes with a parcel, and whoever has one inside comes for it; what the flash does not take is refused.
void FaultCampaign::visit(Machine& machine) {
  const auto parcels = machine.world.accepted;
  (void)bring(machine, "PARCEL9");
  for (const Accepted& each : parcels) {
    if (!failed_) {
      (void)take_out(machine, each.door);
    }
  }
  machine.advance_ms(kSettleMs);
  if (machine.controller().running() && judge(machine, false)) {
    truth_.note(machine);
  }
}

}  // namespace cubby::power_loss

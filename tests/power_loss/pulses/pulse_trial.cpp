#include "power_loss/pulses/pulse_trial.h"

#include <algorithm>
#include <memory>

namespace cubby::power_loss {
namespace {

using core::CompartmentState;

constexpr Duration kSettle = Duration::seconds(5);
constexpr Duration kWatched = Duration::milliseconds(2'500);  // From the last key on: the pulse, and reading back.
constexpr Duration kPulseMax = Duration::seconds(1);
constexpr Duration kLivesOn = Duration::seconds(20);  // Three attempts, and a silent board.
constexpr Duration kGlance = Duration::milliseconds(250);

/// Up to, but not including, the last key.
void prepare(PulseWorld& world, Errand errand) {
  CUBBY_ASSERT(world.boot() == Status::kOk);
  world.advance(kSettle);
  world.scan(world.courier_pass());
  world.scan("PARCEL1");
  if (errand == Errand::kDeposit) {
    return;
  }
  world.key('S');
  world.advance(Duration::seconds(4));
  const unsigned door = world.asked_to();
  CUBBY_ASSERT(door != 0 && world.is_open(door));
  world.shut(door);
  world.advance(kSettle);
  world.key('*');
  world.keys(world.code_of(door));
}

void press_last_key(PulseWorld& world, Errand errand) {
  world.key(errand == Errand::kDeposit ? 'S' : '#');
}

/// What is durable of the opening at the door.
struct Durable {
  bool intent = false;
  core::AttemptOutcome outcome = core::AttemptOutcome::kNone;
};
Durable durable(const PulseWorld& world, unsigned door) {
  emulator::NorFlashDevice copy = world.flash();
  const auto scratch = std::make_unique<cubby_v1_Event>();
  const auto state = std::make_unique<core::StationState>(*scratch);
  const auto journal = std::make_unique<store::Journal>(copy);
  store::MountReport report;
  CUBBY_ASSERT(journal->mount(*state, report) == Status::kOk);
  const std::size_t slot = state->find_opening(static_cast<std::uint8_t>(door));
  if (slot == core::StationState::kOpeningsMax) {
    return {};
  }
  return {.intent = true, .outcome = state->opening(slot).outcome};
}

/// The pulses of the errand itself: how many, how long, and at which door.
std::string check_pulses(const PulseWorld& world, std::size_t before, unsigned door, std::size_t attempts,
                         TrialResult& result) {
  const auto& pulses = world.pulses();
  result.pulses = pulses.size() - before;
  for (std::size_t i = before; i < pulses.size(); ++i) {
    if (pulses[i].channel + 1U != door) {
      return "another door's coil got current";
    }
    if (pulses[i].end == Instant::max()) {
      return "the coil still has its current (S10)";
    }
    result.longest = std::max(result.longest, pulses[i].end - pulses[i].begin);
    if (result.longest > kPulseMax) {
      return "the coil had current for more than a second (S10)";
    }
  }
  return result.pulses > attempts ? "more pulses than attempts (S2)" : std::string();
}

std::string name_of(CompartmentState state) {
  return std::string(core::to_string(state));
}

/// What has to be believed right after the boot.
CompartmentState expected_of(const Trial& trial, Known known) {
  const bool deposit = trial.errand == Errand::kDeposit;
  switch (known) {
    case Known::kSwitchOpen:
      return deposit ? CompartmentState::kLoading : CompartmentState::kUnloading;
    case Known::kSeenBefore:
      return deposit ? CompartmentState::kOccupied : CompartmentState::kVacant;
    case Known::kUnknown:
      return CompartmentState::kDisputed;
    case Known::kNothingAsked:
    case Known::kLivedOn:
      break;
  }
  return deposit ? CompartmentState::kVacant : CompartmentState::kOccupied;
}

/// The person does what they came for at the open door, and shuts it.
void act(PulseWorld& world, const Trial& trial, bool& inside) {
  inside = trial.errand == Errand::kDeposit;
  world.shut(trial.door);
}

/// Nothing is believed that is not so.
std::string check_custody(const PulseWorld& world, unsigned door, bool inside) {
  const CompartmentState state = world.state(door);
  if (inside && core::in_allocation(state)) {
    return "given to the next parcel with one inside (S1)";
  }
  if (!inside && (state == CompartmentState::kOccupied || state == CompartmentState::kOverdue)) {
    return "believed to hold a parcel that is not there (S1)";
  }
  return {};
}

Known known_after(const Durable& found, bool open) {
  if (!found.intent) {
    return Known::kNothingAsked;
  }
  if (open) {
    return Known::kSwitchOpen;
  }
  return found.outcome == core::AttemptOutcome::kOpened ? Known::kSeenBefore : Known::kUnknown;
}

void cut_station(PulseWorld& world, const Trial& trial, std::size_t before, TrialResult& result) {
  const Durable found = durable(world, trial.door);
  bool inside = trial.errand == Errand::kCollect;
  world.cut_station();
  if (trial.supply == Supply::kBoth) {
    world.cut_cabinet();
  }
  world.advance(Duration::seconds(2));
  if (trial.dark == InTheDark::kActsAndShuts && world.is_open(trial.door)) {
    act(world, trial, inside);
  }
  world.advance(Duration::seconds(2));
  const std::size_t pulses_then = world.pulses().size();
  if (world.boot() != Status::kOk) {
    result.complaint = "no boot";
    return;
  }
  const bool open = world.is_open(trial.door);
  world.advance(kSettle);
  result.known = known_after(found, open);
  const CompartmentState expected = expected_of(trial, result.known);
  const CompartmentState state = world.state(trial.door);
  const bool uncertain = world.journalled(cubby_v1_Event_custody_uncertain_tag) != 0;
  if (world.pulses().size() != pulses_then) {
    result.complaint = "a coil got current after the boot by itself (S2, S10)";
  } else if (!found.intent && pulses_then != before) {
    result.complaint = "a coil got current without a durable intent (S2)";
  } else if (state != expected) {
    result.complaint = "is " + name_of(state) + " after the boot and should be " + name_of(expected);
  } else if (uncertain != (result.known == Known::kUnknown)) {
    result.complaint = uncertain ? "unknown, though it can be told" : "known, though nobody can tell (S12)";
  }
  if (result.complaint.empty() && open) {
    act(world, trial, inside);
    world.advance(kSettle);
  }
  if (result.complaint.empty()) {
    result.complaint = check_custody(world, trial.door, inside);
  }
  if (result.complaint.empty()) {
    result.complaint = check_pulses(world, before, trial.door, 1, result);
  }
}

void cut_cabinet(PulseWorld& world, const Trial& trial, std::size_t before, std::uint32_t wear, TrialResult& result) {
  bool inside = trial.errand == Errand::kCollect;
  bool acted = false;
  result.known = Known::kLivedOn;
  world.cut_cabinet();
  unsigned seen_open = 0;
  for (Duration lived{}; lived < kLivesOn; lived = lived + kGlance) {
    world.advance(kGlance);
    seen_open = world.is_open(trial.door) ? seen_open + 1 : 0;
    if (seen_open == 6) {
      act(world, trial, inside);
      acted = true;
    }
  }
  const auto attempts = world.controller().state().compartment(static_cast<std::uint8_t>(trial.door)).wear - wear;
  result.complaint = check_pulses(world, before, trial.door, attempts, result);
  for (std::size_t i = before + 1; i < world.pulses().size() && result.complaint.empty(); ++i) {
    if (world.pulses()[i].begin - world.pulses()[i - 1].end < limits::kAttemptSpacing - kPulseMax) {
      result.complaint = "attempts follow too closely";
    }
  }
  if (result.complaint.empty()) {
    result.complaint = check_custody(world, trial.door, inside);
  }
  // It was open and shut before the controller's eyes, so that it knows.
  if (result.complaint.empty() && acted && world.state(trial.door) != expected_of(trial, Known::kSeenBefore)) {
    result.complaint = "is " + name_of(world.state(trial.door)) + " after it was seen open and shut";
  }
}

}  // namespace

Moments moments_of(BoardFamily family, Errand errand, Duration step) {
  PulseWorld world(family);
  prepare(world, errand);
  (void)world.take_byte_ends();
  const std::size_t before = world.pulses().size();
  const Instant begin = world.now();
  press_last_key(world, errand);
  Moments moments;
  std::vector<bool> open(12);
  for (Duration passed{}; passed <= kWatched; passed = passed + Duration::milliseconds(1)) {
    world.advance_to(begin + passed);
    for (unsigned door = 1; door <= 4; ++door) {
      if (world.is_open(door) != open[door]) {
        open[door] = world.is_open(door);
        moments.edges.push_back(world.now());
      }
    }
  }
  moments.steps.push_back(begin - Duration::microseconds(1));
  for (Duration passed{}; passed <= kWatched; passed = passed + step) {
    moments.steps.push_back(begin + passed);
  }
  moments.byte_ends = world.take_byte_ends();
  moments.door = world.asked_to();
  for (std::size_t i = before; i < world.pulses().size(); ++i) {
    moments.edges.push_back(world.pulses()[i].begin);
    moments.edges.push_back(world.pulses()[i].end);
  }
  return moments;
}

TrialResult run(const Trial& trial) {
  TrialResult result;
  PulseWorld world(trial.family);
  prepare(world, trial.errand);
  const std::size_t before = world.pulses().size();
  const auto wear = world.controller().state().compartment(static_cast<std::uint8_t>(trial.door)).wear;
  if (trial.at >= world.now()) {
    press_last_key(world, trial.errand);
    world.advance_to(trial.at);
  }
  if (trial.supply == Supply::kCabinet) {
    cut_cabinet(world, trial, before, wear, result);
  } else {
    cut_station(world, trial, before, result);
  }
  return result;
}

}  // namespace cubby::power_loss

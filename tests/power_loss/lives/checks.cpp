#include "power_loss/lives/checks.h"

#include <algorithm>
#include <memory>

namespace cubby::power_loss {
using core::CompartmentState;

std::string at_door(unsigned door, const char* what) {
  return "door " + std::to_string(door) + ": " + what;
}

bool is_kept(CompartmentState state) {
  return state == CompartmentState::kOccupied || state == CompartmentState::kOverdue ||
         state == CompartmentState::kDisputed;
}

std::string check_custody(const Machine& machine, unsigned door) {
  const CompartmentState state = machine.state_of(door).state;
  const bool inside = !machine.world.inside[door].empty();
  if (inside && core::in_allocation(state)) {
    return at_door(door, "is given to the next parcel with one inside (S1)");
  }
  if (!inside && (state == CompartmentState::kOccupied || state == CompartmentState::kOverdue)) {
    return at_door(door, "is believed to hold a parcel that was taken out (S1)");
  }
  return {};
}

const Accepted* accepted_behind(const World& world, unsigned door) {
  const auto told = std::find_if(world.accepted.begin(), world.accepted.end(),
                                 [&](const Accepted& each) { return each.door == door; });
  return told == world.accepted.end() ? nullptr : &*told;
}

std::string check_code(const Machine& machine, const Accepted& told) {
  const auto& parcel = machine.state_of(told.door).parcel;
  if (parcel.counter == 0 || machine.code_of(told.door) != told.code) {
    return at_door(told.door, "the code of an accepted parcel has changed (S5)");
  }
  if (told.code_dead && !parcel.code_dead && !parcel.from_sender) {
    return at_door(told.door, "a refusal that was confirmed is forgotten (S5)");
  }
  return {};
}

namespace {

// S1, and S5: nothing that was accepted is lost.
std::string check_door(const Machine& machine, unsigned door) {
  if (door == machine.world.doubtful_door) {
    return {};
  }
  if (std::string wrong = check_custody(machine, door); !wrong.empty()) {
    return wrong;
  }
  if (machine.controller().state().find_opening(static_cast<std::uint8_t>(door)) < core::StationState::kOpeningsMax) {
    return at_door(door, "an opening that is over is still under way");
  }
  const Accepted* told = accepted_behind(machine.world, door);
  if (told == nullptr) {
    return {};
  }
  if (const auto& compartment = machine.state_of(door);
      !is_kept(compartment.state) || compartment.parcel.counter == 0) {
    return at_door(door, "an accepted parcel is lost (S5)");
  }
  return check_code(machine, *told);
}

}  // namespace

std::string check_beliefs(Machine& machine) {
  const World& world = machine.world;
  const store::Journal& journal = machine.controller().journal();
  for (unsigned door = 1; door <= kDoors; ++door) {
    if (std::string wrong = check_door(machine, door); !wrong.empty()) {
      return wrong;
    }
  }
  if (machine.controller().state().failures() < world.wrong_verdicts) {
    return "a wrong code that was judged is not counted (S5)";
  }
  // What was discarded had been acknowledged, and the station still knows.
  const std::uint64_t acknowledged = journal.last_ack().has_value() ? journal.last_ack()->seq : 0;
  if (journal.oldest_seq() > acknowledged + 1) {
    return "events were discarded that nobody has acknowledged durably (S6)";
  }
  const std::uint64_t reported = world.centre.chains().size();
  if (journal.next_seq() <= reported) {
    return "an event was reported that is not durable (S6)";
  }
  if (const auto chain = journal.chain_at(reported);
      reported != 0 && chain.has_value() && *chain != world.centre.chains()[reported - 1]) {
    return "the history differs from what was reported (S6)";
  }
  const auto& report = machine.controller().mount_report();
  if (report.events_lost_from != 0 || report.damaged != 0) {
    return "a power cut is taken for damage (S5)";
  }
  if (!world.centre.complaint().empty()) {
    return world.centre.complaint() + " (S6)";
  }
  return {};
}

std::string check_asked_for(const Machine& machine, unsigned door) {
  if (!machine.world.last_input.has_value()) {
    return at_door(door, "unlocked after a reset by nobody (S2, S10)");
  }
  if (machine.world.now > *machine.world.last_input + limits::kAuthorisationLife) {
    return at_door(door, "unlocked long after somebody asked for it (S2)");
  }
  return {};
}

std::string check_authority(const Machine& machine, unsigned door, emulator::NorFlashDevice flash) {
  if (std::string wrong = check_asked_for(machine, door); !wrong.empty()) {
    return wrong;
  }
  const auto scratch = std::make_unique<cubby_v1_Event>();
  const auto state = std::make_unique<core::StationState>(*scratch);
  const auto journal = std::make_unique<store::Journal>(flash);
  store::MountReport report;
  if (journal->mount(*state, report) != Status::kOk) {
    return at_door(door, "unlocked over a journal that does not mount (S2)");
  }
  const std::size_t slot = state->find_opening(static_cast<std::uint8_t>(door));
  if (slot == core::StationState::kOpeningsMax || state->opening(slot).outcome != core::AttemptOutcome::kNone) {
    return at_door(door, "unlocked without a durable intent (S2)");
  }
  return {};
}

}  // namespace cubby::power_loss

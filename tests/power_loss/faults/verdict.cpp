#include "power_loss/faults/verdict.h"

#include <algorithm>

#include "firmware/base/limits.h"
#include "power_loss/lives/checks.h"

namespace cubby::power_loss {
namespace {

using core::CompartmentState;

/// An opening that could not be written down to its end.
bool is_under_way(CompartmentState state) {
  return state == CompartmentState::kCollecting || state == CompartmentState::kUnloading;
}

std::string check_door(const Machine& machine, unsigned door, const Judged& judged) {
  if (door == machine.world.doubtful_door) {
    return {};
  }
  if (std::string wrong = check_custody(machine, door); !wrong.empty()) {
    return wrong;
  }
  const Accepted* told = accepted_behind(machine.world, door);
  const CompartmentState state = machine.state_of(door).state;
  if (told == nullptr || (state == CompartmentState::kDisputed && judged.damages)) {
    return {};  // Nothing was promised, or it says that it does not know.
  }
  if (!is_kept(state) && (judged.works || !is_under_way(state))) {
    return at_door(door, "an accepted parcel is lost in silence (S5, S12)");
  }
  return check_code(machine, *told);
}

/// Every event that was durable can still be read, was acknowledged, or is among those that are said to be lost.
std::string check_events(const Machine& machine, const Truth& truth, const Judged& judged) {
  const store::Journal& journal = machine.controller().journal();
  const std::uint64_t acknowledged = journal.last_ack().has_value() ? journal.last_ack()->seq : 0;
  std::array<std::byte, limits::kEventBytesMax> bytes;
  for (std::uint64_t seq = std::max(acknowledged + 1, journal.oldest_seq()); seq < journal.next_seq(); ++seq) {
    Chain chain = 0;
    const bool readable = journal.read_event(seq, bytes, chain).ok();
    if (!readable && !truth.is_reported(seq)) {
      return "event " + std::to_string(seq) + " cannot be read, and nobody said that it is lost (S12)";
    }
  }
  for (std::uint64_t seq = std::max<std::uint64_t>(1, acknowledged); seq <= truth.chains.size(); ++seq) {
    const bool last = seq == truth.chains.size() && judged.damages;
    if (last || truth.is_reported(seq)) {
      continue;
    }
    if (seq >= journal.next_seq()) {
      return "event " + std::to_string(seq) + " is gone, and nobody said that it is lost (S5)";
    }
    const auto chain = journal.chain_at(seq);
    if (chain.has_value() ? *chain != truth.chains[seq - 1] : seq >= journal.oldest_seq()) {
      return "event " + std::to_string(seq) + " is another one now (S5)";
    }
  }
  if (journal.oldest_seq() > acknowledged + 1) {
    for (std::uint64_t seq = acknowledged + 1; seq < journal.oldest_seq(); ++seq) {
      // The centre's word counts: the mark itself may be what the fault has hit.
      if (!truth.is_reported(seq) && seq > machine.world.centre.chains().size()) {
        return "event " + std::to_string(seq) + " was discarded, and nobody has acknowledged it (S6)";
      }
    }
  }
  return {};
}

std::string check_centre(const Machine& machine, const Truth& truth, const Judged& judged) {
  const Centre& centre = machine.world.centre;
  if (!centre.complaint().empty() && !judged.damages) {
    return centre.complaint() + " (S6)";
  }
  for (const Centre::Gap& gap : centre.gaps()) {
    for (std::uint64_t seq = gap.from; seq <= gap.to; ++seq) {
      if (!truth.is_reported(seq)) {
        return "event " + std::to_string(seq) + " is in a gap, and no mount has said that it is lost (S7)";
      }
    }
  }
  return {};
}

}  // namespace

void Truth::note(const Machine& machine) {
  const store::Journal& journal = machine.controller().journal();
  const std::uint64_t count = journal.next_seq() - 1;
  if (count > chains.size()) {
    if (!chains.empty()) {
      chains.back() = journal.chain_at(chains.size()).value_or(chains.back());
    }
    for (std::uint64_t seq = chains.size() + 1; seq < count; ++seq) {
      chains.push_back(journal.chain_at(seq).value_or(0));
    }
    chains.push_back(journal.last_chain());
  } else if (!chains.empty()) {
    // The last one may have been torn, and its number given again.
    chains.back() = journal.chain_at(chains.size()).value_or(chains.back());
  }
}

bool Truth::is_reported(std::uint64_t seq) const {
  return std::any_of(lost.begin(), lost.end(),
                     [&](const Range& range) { return seq >= range.from && seq <= range.to; });
}

std::string check_under_fault(const Machine& machine, const Truth& truth, const Judged& judged, bool& unknowable) {
  for (unsigned door = 1; door <= kDoors; ++door) {
    if (std::string wrong = check_door(machine, door, judged); !wrong.empty()) {
      if (door != judged.in_flight || judged.reports_loss || !judged.damages) {
        return wrong;
      }
      unknowable = true;
    }
  }
  if (!judged.damages && machine.controller().state().failures() < machine.world.wrong_verdicts) {
    return "a wrong code that was judged is not counted (S5)";
  }
  if (judged.works) {
    if (std::string wrong = check_events(machine, truth, judged); !wrong.empty()) {
      return wrong;
    }
  }
  return check_centre(machine, truth, judged);
}

}  // namespace cubby::power_loss

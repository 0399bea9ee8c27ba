#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "firmware/base/chain.h"
#include "power_loss/lives/world.h"

namespace cubby::power_loss {

/// What was durable before the fault, and what the station has said since about what is lost.
struct Truth {
  std::vector<Chain> chains;  // After each event, from the first.
  struct Range {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
  };
  std::vector<Range> lost;  // As mounts have reported it.
  void note(const Machine& machine);
  bool is_reported(std::uint64_t seq) const;
};

struct Judged {
  bool damages = false;       // The fault can have taken the last record, which cannot be told from a power cut.
  bool works = false;         // The part does again what it should.
  bool reports_loss = false;  // A mount said so.
  unsigned in_flight = 0;     // Door with an opening of which that last record may have told; 0: none.
};

/// Compares a running controller with the world and the truth; all doors are shut. Empty: it is right, or says that it
/// does not know. `unknowable` is set if it is wrong about the door in flight, and could not know better.
std::string check_under_fault(const Machine& machine, const Truth& truth, const Judged& judged, bool& unknowable);

}  // namespace cubby::power_loss

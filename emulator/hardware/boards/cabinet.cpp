#include "emulator/hardware/boards/cabinet.h"

#include <algorithm>
#include <utility>

namespace cubby::emulator {

Cabinet::Cabinet(const CabinetOptions& options) : supply_ma_(options.supply_ma), doors_(options.seed), line_(options) {}

std::string Cabinet::add_board(const BoardProfile& profile) {
  std::string problem = line_.add_board(profile, doors_);
  if (problem.empty()) {
    first_door_.push_back(doors_.size());
    doors_.add_board(profile.channels);
  }
  return problem;
}

std::vector<std::byte> Cabinet::host_hears(Instant now) {
  advance(now);
  return line_.host_hears(now);
}

std::vector<Instant> Cabinet::take_brown_outs() {
  return std::exchange(new_brown_outs_, {});
}

Instant Cabinet::next_call() const {
  return std::min(doors_.next_call(), line_.next_call());
}

// Doors move, then the line goes on.
void Cabinet::advance(Instant now) {
  for (Instant at = next_call(); at <= now; at = next_call()) {
    doors_.advance(at);
    line_.advance(at);
    if (supply_ma_ != 0 && doors_.current_ma(at) > supply_ma_) {
      ++brown_outs_;
      new_brown_outs_.push_back(at);
      power_cycle(at);
    }
  }
}

}  // namespace cubby::emulator

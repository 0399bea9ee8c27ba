#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cubby/v1/control.pb.h"
#include "emulator/station/station.h"

namespace cubby::tools {

/// A PanelRequest at one station, from its arrival until the panel has answered.
class PanelVisit {
 public:
  using Clock = std::chrono::steady_clock;
  /// `station` must outlive the visit.
  PanelVisit(emulator::Station& station, const std::optional<emulator::HandMove>& move, Clock::time_point now);

  /// Call it between windows; `at` is the end of the last one. nullopt: not yet.
  std::optional<cubby::v1::ControlResponse> poll(Instant at, Clock::time_point now);

 private:
  std::optional<cubby::v1::ControlResponse> begin(Instant at, Clock::time_point now);

  emulator::Station& station_;
  std::optional<emulator::HandMove> move_;  // Still to be done.
  Clock::time_point give_up_;
  Instant quiet_since_{};
  std::string seen_;  // The panel as it was at quiet_since_.
};

/// What a request asks for; nullopt: only to look. `problem` says what is wrong with it, or is empty.
std::optional<emulator::HandMove> read_move(const cubby::v1::PanelRequest& request, std::string& problem);

}  // namespace cubby::tools

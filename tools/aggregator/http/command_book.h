#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "cubby/v1/event.pb.h"
#include "cubby/v1/uplink.pb.h"

namespace cubby::aggregator {

/// What became of an operator's order, as far as the centre has heard.
struct CommandState {
  std::string station;
  bool answered = false;
  v1::CommandOutcome outcome = v1::COMMAND_OUTCOME_UNSPECIFIED;
  v1::CommandRefusal refusal = v1::COMMAND_REFUSAL_UNSPECIFIED;
  std::uint32_t compartment = 0;  // Of a reservation.
};

/// The newest orders by their id, since the start; results are in the log for ever. Safe from any thread.
class CommandBook {
 public:
  static constexpr std::size_t kCommandsMax = 4'096;

  void sent(const std::string& id, CommandState state);
  /// Ignores an id that it does not know.
  void answered(const v1::CommandResult& result);
  std::optional<CommandState> find(const std::string& id) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, CommandState> commands_;
  std::deque<std::string> order_;  // Oldest first.
};

}  // namespace cubby::aggregator

#include "tools/aggregator/http/command_book.h"

namespace cubby::aggregator {

void CommandBook::sent(const std::string& id, CommandState state) {
  const std::lock_guard lock(mutex_);
  if (commands_.emplace(id, std::move(state)).second) {
    order_.push_back(id);
  }
  if (order_.size() > kCommandsMax) {
    commands_.erase(order_.front());
    order_.pop_front();
  }
}

void CommandBook::answered(const std::string& id, v1::CommandOutcome outcome, v1::CommandRefusal refusal) {
  const std::lock_guard lock(mutex_);
  if (const auto found = commands_.find(id); found != commands_.end()) {
    found->second.answered = true;
    found->second.outcome = outcome;
    found->second.refusal = refusal;
  }
}

std::optional<CommandState> CommandBook::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = commands_.find(id);
  return found == commands_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace cubby::aggregator

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

void CommandBook::answered(const v1::CommandResult& result) {
  const std::lock_guard lock(mutex_);
  if (const auto found = commands_.find(result.command_id()); found != commands_.end()) {
    found->second.answered = true;
    found->second.outcome = result.outcome();
    found->second.refusal = result.refusal();
    found->second.compartment = result.compartment();
  }
}

std::optional<CommandState> CommandBook::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = commands_.find(id);
  return found == commands_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace cubby::aggregator

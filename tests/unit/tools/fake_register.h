#pragma once

#include <functional>
#include <vector>

#include "tools/aggregator/core/station_register.h"

namespace cubby::aggregator::testing {

/// Remembers what was decided, and answers as it is told.
struct FakeRegister final : StationRegister {
  std::function<Decided(const StationDecision&)> answer = [](const StationDecision&) {
    return Decided{.outcome = Outcome::kUnavailable};
  };
  std::vector<StationDecision> decisions;
  Decided decide(const StationDecision& decision) override {
    decisions.push_back(decision);
    return answer(decision);
  }
};

}  // namespace cubby::aggregator::testing

#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "emulator/people/profile.h"
#include "tools/cubby/plan_estimate.h"
#include "tools/cubby/plan_trace.h"

namespace cubby::tools {

struct PlanSimulation {
  std::uint32_t stations = 0;  // Independent ones, each with the demand of the profile; those of `trace`.
  std::uint32_t warm_up_days = 0;
  std::uint32_t days = 0;  // After that.
  std::uint64_t seed = 0;
  std::uint32_t threads = 1;
  /// Not null: its parcels and people are the demand, and each of its stations is one.
  const PlanTrace* trace = nullptr;
};

/// Runs whole stations (controller, lock boards, flash, people) of that layout and retention through the days. The same
/// seed brings the same parcels at the same times to every layout, as far as the layout lets couriers go on as before.
/// Parcels that are larger than every door are left out of the demand. `told` hears after each day, and may end it by
/// returning false: then the answer is empty.
std::vector<Replication> simulate_plan(const emulator::Profile& profile, const PlanLayout& layout,
                                       std::uint32_t retention_h, const PlanSimulation& how,
                                       const std::function<bool()>& told);

}  // namespace cubby::tools

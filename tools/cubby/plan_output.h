#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "tools/cubby/plan_estimate.h"

namespace cubby::tools {

/// What all rows have in common.
struct PlanReport {
  std::string profile;
  std::string trace = {};  // Empty: the demand is the profile's.
  double target = 0;       // Share, 0..1.
  double confidence = 0;   // Of each row's interval.
  std::uint32_t stations = 0;
  std::uint32_t warm_up_days = 0;
  std::uint32_t days = 0;
  std::uint64_t seed = 0;
  std::vector<PlanRow> rows;
};

void write_plan_table(std::ostream& out, const PlanReport& report);
void write_plan_csv(std::ostream& out, const PlanReport& report);
void write_plan_json(std::ostream& out, const PlanReport& report);
/// Shares turned away over numbers of doors with their intervals, a series a retention, and the target.
void write_plan_svg(std::ostream& out, const PlanReport& report);

}  // namespace cubby::tools

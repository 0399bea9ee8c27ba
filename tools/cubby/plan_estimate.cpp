#include "tools/cubby/plan_estimate.h"

#include <algorithm>
#include <array>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <charconv>
#include <cmath>
#include <tuple>

#include "firmware/base/limits.h"

namespace cubby::tools {
namespace {

// Whole numbers between separators, as many as `into` has; false: it is something else.
template <std::size_t Count>
bool take_numbers(const std::string& text, char separator, std::array<std::uint32_t, Count>& into, std::size_t& taken) {
  const char* at = text.data();
  const char* const end = at + text.size();
  for (taken = 0; taken < Count; ++taken) {
    const auto [stop, error] = std::from_chars(at, end, into[taken]);
    if (error != std::errc() || into[taken] > limits::kCompartmentsMax) {
      return false;
    }
    if (stop == end) {
      ++taken;
      return true;
    }
    if (*stop != separator) {
      return false;
    }
    at = stop + 1;
  }
  return false;
}

PlanLayout divide(std::uint32_t doors, const std::array<std::uint32_t, 3>& shares) {
  const std::uint32_t all = shares[0] + shares[1] + shares[2];
  std::array<std::uint32_t, 3> counts{};
  std::uint32_t given = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    counts[i] = doors * shares[i] / all;
    given += counts[i];
  }
  std::array<std::size_t, 3> order{2, 1, 0};  // S first among equal remainders.
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return doors * shares[a] % all > doors * shares[b] % all; });
  for (std::size_t i = 0; given < doors; ++i, ++given) {
    ++counts[order[i]];
  }
  return {.doors_l = counts[0], .doors_m = counts[1], .doors_s = counts[2]};
}

}  // namespace

std::string parse_layout(const std::string& text, PlanLayout& layout) {
  std::array<std::uint32_t, 3> doors{};
  std::size_t taken = 0;
  if (!take_numbers(text, '/', doors, taken) || taken != 3) {
    return "'" + text + "' is no layout such as 4/11/31 (doors of size L/M/S)";
  }
  layout = {.doors_l = doors[0], .doors_m = doors[1], .doors_s = doors[2]};
  if (layout.doors() < 1 || layout.doors() > limits::kCompartmentsMax) {
    return "'" + text + "' has " + std::to_string(layout.doors()) + " doors; a station has 1 to " +
           std::to_string(limits::kCompartmentsMax);
  }
  return {};
}

std::string to_string(const PlanLayout& layout) {
  return std::to_string(layout.doors_l) + "/" + std::to_string(layout.doors_m) + "/" + std::to_string(layout.doors_s);
}

std::string parse_door_range(const std::string& text, const std::string& shares, std::vector<PlanLayout>& layouts) {
  std::array<std::uint32_t, 3> parts{};
  std::size_t taken = 0;
  if (!take_numbers(shares, '/', parts, taken) || taken != 3 || parts[0] + parts[1] + parts[2] == 0) {
    return "'" + shares + "' are no shares such as 8/24/68 (of doors of size L/M/S)";
  }
  std::array<std::uint32_t, 3> range{0, 0, 1};
  if (!take_numbers(text, ':', range, taken) || taken < 2 || range[0] < 1 || range[1] < range[0] || range[2] < 1) {
    return "'" + text + "' is no range such as 40:100:10, of 1 to " + std::to_string(limits::kCompartmentsMax) +
           " doors";
  }
  for (std::uint32_t doors = range[0]; doors <= range[1]; doors += range[2]) {
    layouts.push_back(divide(doors, parts));
  }
  return {};
}

Share turned_away_share(const std::vector<Replication>& stations, double confidence) {
  double offered = 0;
  double away = 0;
  for (const Replication& station : stations) {
    offered += static_cast<double>(station.offered);
    away += static_cast<double>(station.turned_away);
  }
  const double count = static_cast<double>(stations.size());
  const double ratio = away / offered;
  double squares = 0;
  for (const Replication& station : stations) {
    const double rest = static_cast<double>(station.turned_away) - ratio * static_cast<double>(station.offered);
    squares += rest * rest;
  }
  const double error = std::sqrt(squares / (count * (count - 1))) / (offered / count);
  const double beyond = (1 - confidence) / 2;
  const boost::math::students_t student(count - 1);
  const double half = boost::math::quantile(boost::math::complement(student, beyond)) * error;
  const double alone = boost::math::binomial_distribution<>::find_upper_bound_on_p(offered, away, beyond);
  return {.estimate = ratio, .low = std::max(0.0, ratio - half), .high = std::min(1.0, std::max(ratio + half, alone))};
}

PlanVerdict verdict_of(const Share& share, double target) {
  if (share.high <= target) {
    return PlanVerdict::kHolds;
  }
  return share.low > target ? PlanVerdict::kFails : PlanVerdict::kOpen;
}

std::size_t advised(const std::vector<PlanRow>& rows) {
  std::size_t best = rows.size();
  const auto order = [&](std::size_t i) {
    return std::tuple(rows[i].layout.doors(), -static_cast<std::int64_t>(rows[i].retention_h),
                      rows[i].turned_away.estimate);
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].verdict == PlanVerdict::kHolds && (best == rows.size() || order(i) < order(best))) {
      best = i;
    }
  }
  return best;
}

}  // namespace cubby::tools

#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// What `cubby plan` asks, and what a simulation's counts say to it.
namespace cubby::tools {

struct PlanLayout {
  std::uint32_t doors_l = 0;
  std::uint32_t doors_m = 0;
  std::uint32_t doors_s = 0;
  std::uint32_t doors() const { return doors_l + doors_m + doors_s; }
  bool operator==(const PlanLayout&) const = default;
};

/// "4/11/31", as L/M/S; 1 to limits::kCompartmentsMax doors. Empty: `layout` is set; else one sentence.
std::string parse_layout(const std::string& text, PlanLayout& layout);
std::string to_string(const PlanLayout& layout);
/// "FIRST:LAST" or "FIRST:LAST:STEP" numbers of doors, each divided as `shares` "L/M/S" says (whole numbers, any sum),
/// the rest of the division going to the largest remainders, S first. Empty: `layouts` has them added; else one
/// sentence.
std::string parse_door_range(const std::string& text, const std::string& shares, std::vector<PlanLayout>& layouts);

/// One station of a simulation: what was brought to it after the warm-up, and what became of that.
struct Replication {
  std::uint64_t offered = 0;
  std::uint64_t turned_away = 0;
  std::uint64_t recalled = 0;
  double occupied = 0;  // Mean share of doors with a parcel behind, 0..1.
};

/// A share with the interval that holds the true one with the confidence that was asked for.
struct Share {
  double estimate = 0;
  double low = 0;
  double high = 1;
};

/// Sum of turned away over sum of offered. The stations are independent replications: the interval is Student's, of the
/// ratio estimator (Cochran, Sampling Techniques, 6.3). Where nobody was turned away there is no scatter to go by:
/// then, and whenever it is wider, the upper end is Clopper and Pearson's, as if every parcel stood for itself. At
/// least two replications, and something offered.
Share turned_away_share(const std::vector<Replication>& stations, double confidence);

/// What the interval says to a target.
enum class PlanVerdict : std::uint8_t { kHolds = 1, kFails, kOpen };
PlanVerdict verdict_of(const Share& share, double target);

struct PlanRow {
  PlanLayout layout;
  std::uint32_t retention_h = 0;
  Share turned_away;
  std::uint64_t offered = 0;
  double recalled = 0;  // Share of what was stored.
  double occupied = 0;
  PlanVerdict verdict = PlanVerdict::kOpen;
};
/// Index of the row that holds with the fewest doors, of those the longest retention, of those the smallest share;
/// rows.size(): none holds.
std::size_t advised(const std::vector<PlanRow>& rows);

}  // namespace cubby::tools

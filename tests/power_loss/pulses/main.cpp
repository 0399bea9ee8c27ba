// Cuts the station's supply, the cabinet's, or both, at each moment of an unlock: bytes, the coil's edges and what lies
// between, for every family of boards.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>

#include "firmware/base/board_family.h"
#include "power_loss/pulses/pulse_trial.h"
#include "support/arguments.h"

namespace cubby::power_loss {
namespace {

using tests::is_set;
using tests::number_of;

constexpr int kExitBroken = 1;
constexpr int kExitUsage = 2;
constexpr std::array<const char*, kSupplies> kSupplyNames{"station", "cabinet", "both"};
constexpr std::array<const char*, 2> kErrandNames{"deposit", "collect"};

struct Options {
  Duration step = Duration::milliseconds(25);
  bool around_bytes = false;          // Just before and just after each, too.
  std::optional<BoardFamily> family;  // Nothing: all.
  std::optional<Errand> errand;
  std::optional<Supply> supply;
  std::optional<bool> dark;
  std::optional<std::int64_t> at_us;
};

struct Tally {
  std::array<std::uint64_t, kSupplies> trials{};
  std::uint64_t expected = 0;
  std::array<std::uint64_t, kKnown> known{};
  std::array<std::uint64_t, 4> pulses{};  // Trials with so many; 3 or more together.
  Duration longest{};
  std::uint64_t failures = 0;
};

template <typename Enum, std::size_t Size>
bool set_name(const std::array<const char*, Size>& names, const std::string& value, std::optional<Enum>& into) {
  const auto found = std::find(names.begin(), names.end(), value);
  if (found == names.end()) {
    return false;
  }
  into = static_cast<Enum>(found - names.begin());
  return true;
}

bool set_option(const std::string& name, const std::string& value, Options& options) {
  if (name == "--family") {
    options.family = board_family(value);
    return options.family.has_value();
  }
  if (name == "--errand") {
    return set_name(kErrandNames, value, options.errand);
  }
  if (name == "--supply") {
    return set_name(kSupplyNames, value, options.supply);
  }
  const auto number = number_of(value);
  if (name == "--step-ms") {
    options.step = Duration::milliseconds(number.value_or(0));
    return number.value_or(0) > 0;
  }
  if (name == "--dark") {
    options.dark = number == 1;
  } else if (name == "--at-us") {
    options.at_us = number;
  } else {
    return false;
  }
  return number.has_value();
}

int complain(const std::string& what) {
  std::fprintf(
      stderr,
      "cubby_pulse_cuts: %s\n"
      "usage: cubby_pulse_cuts [--family p1|p2|p5|p6|p7] [--errand deposit|collect]\n"
      "         [--supply station|cabinet|both] [--dark 0|1] [--at-us N] [--step-ms N]\n"
      "Cuts at every byte on the line, every edge of the coil's current, every move of a door, and every N ms.\n"
      "CUBBY_THOROUGH=1: every 5 ms, and just before and after each byte; CUBBY_NIGHTLY=1: every millisecond.\n",
      what.c_str());
  return kExitUsage;
}

/// Just before and just after.
void add_around(const std::vector<Instant>& moments, std::vector<Instant>& all) {
  for (const Instant at : moments) {
    all.push_back(at - Duration::microseconds(1));
    all.push_back(at);
    all.push_back(at + Duration::microseconds(1));
  }
}

void try_one(const Trial& trial, Tally& tally) {
  ++tally.trials[static_cast<std::size_t>(trial.supply)];
  const TrialResult result = run(trial);
  ++tally.known[static_cast<std::size_t>(result.known)];
  ++tally.pulses[std::min(result.pulses, tally.pulses.size() - 1)];
  tally.longest = std::max(tally.longest, result.longest);
  if (!result.complaint.empty()) {
    ++tally.failures;
    std::printf("FAILED: %s\n  replay: --family %s --errand %s --supply %s --dark %d --at-us %lld\n",
                result.complaint.c_str(), std::string(to_string(trial.family)).c_str(),
                kErrandNames[static_cast<std::size_t>(trial.errand)],
                kSupplyNames[static_cast<std::size_t>(trial.supply)], trial.dark == InTheDark::kActsAndShuts ? 1 : 0,
                static_cast<long long>(trial.at.us));
  }
}

void try_errand(const Options& options, BoardFamily family, Errand errand, Tally& tally) {
  const Moments moments = moments_of(family, errand, options.step);
  std::vector<Instant> all = moments.steps;
  add_around(moments.edges, all);
  if (options.around_bytes) {
    add_around(moments.byte_ends, all);
  } else {
    all.insert(all.end(), moments.byte_ends.begin(), moments.byte_ends.end());
  }
  if (options.at_us.has_value()) {
    all = {Instant{*options.at_us}};
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  if (moments.door == 0 || moments.edges.size() < 3 || moments.byte_ends.empty()) {
    ++tally.failures;
    std::printf("FAILED: without any cut no door opens\n");
    return;
  }
  std::printf("%s %s: %zu bytes, %zu edges and moves, %zu steps; %zu moments\n", std::string(to_string(family)).c_str(),
              kErrandNames[static_cast<std::size_t>(errand)], moments.byte_ends.size(), moments.edges.size(),
              moments.steps.size(), all.size());
  std::fflush(stdout);
  for (std::size_t supply = 0; supply < kSupplies; ++supply) {
    for (const auto dark : {InTheDark::kWaits, InTheDark::kActsAndShuts}) {
      const auto chosen = static_cast<Supply>(supply);
      const bool acts = dark == InTheDark::kActsAndShuts;
      if (options.supply.value_or(chosen) != chosen || options.dark.value_or(acts) != acts ||
          (chosen == Supply::kCabinet && acts)) {
        continue;  // It is not dark where only the cabinet has no power.
      }
      tally.expected += all.size();
      for (const Instant at : all) {
        try_one({.family = family, .errand = errand, .supply = chosen, .dark = dark, .at = at, .door = moments.door},
                tally);
      }
    }
  }
}

int run_all(int argc, char** argv) {
  Options options;
  options.step = Duration::milliseconds(is_set("CUBBY_NIGHTLY") ? 1 : is_set("CUBBY_THOROUGH") ? 5 : 25);
  options.around_bytes = is_set("CUBBY_NIGHTLY") || is_set("CUBBY_THOROUGH");
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc || !set_option(argv[i], argv[i + 1], options)) {
      return complain(std::string("not understood: ") + argv[i] + (i + 1 < argc ? std::string(" ") + argv[i + 1] : ""));
    }
  }
  Tally tally;
  for (const BoardFamily family : kBoardFamilies) {
    for (const auto errand : {Errand::kDeposit, Errand::kCollect}) {
      if (options.family.value_or(family) == family && options.errand.value_or(errand) == errand) {
        try_errand(options, family, errand, tally);
      }
    }
  }
  constexpr std::array<const char*, kKnown> kKnownNames{"nothing was asked", "the switch was open",
                                                        "it was seen before", "unknown", "the controller lived on"};
  std::uint64_t count = 0;
  for (std::size_t supply = 0; supply < kSupplies; ++supply) {
    count += tally.trials[supply];
    std::printf("%-8s %8llu cuts\n", kSupplyNames[supply], static_cast<unsigned long long>(tally.trials[supply]));
  }
  for (std::size_t known = 0; known < kKnown; ++known) {
    std::printf("%-24s %8llu\n", kKnownNames[known], static_cast<unsigned long long>(tally.known[known]));
  }
  std::printf("pulses: none %llu, one %llu, two %llu, three %llu; the longest took %lld ms\n",
              static_cast<unsigned long long>(tally.pulses[0]), static_cast<unsigned long long>(tally.pulses[1]),
              static_cast<unsigned long long>(tally.pulses[2]), static_cast<unsigned long long>(tally.pulses[3]),
              static_cast<long long>(tally.longest.ms()));
  std::printf("%llu cuts, %s; %llu failures; %.1f s of processor time\n", static_cast<unsigned long long>(count),
              count == tally.expected ? "none skipped" : "SOME SKIPPED",
              static_cast<unsigned long long>(tally.failures), static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
  const bool all_kinds = argc != 1 || std::all_of(tally.known.begin(), tally.known.end(),
                                                  [](std::uint64_t trials) { return trials != 0; });
  return tally.failures == 0 && count == tally.expected && count != 0 && all_kinds ? 0 : kExitBroken;
}

}  // namespace
}  // namespace cubby::power_loss

int main(int argc, char** argv) {
  return cubby::power_loss::run_all(argc, argv);
}

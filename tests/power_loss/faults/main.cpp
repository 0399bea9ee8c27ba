// Controllers' lives on flash that rots, sticks, fails, is not there or cannot be written, from each operation on.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "power_loss/faults/campaign.h"
#include "support/arguments.h"

namespace cubby::power_loss {
namespace {

using tests::is_set;
using tests::number_of;

constexpr int kExitBroken = 1;
constexpr int kExitUsage = 2;

struct Options {
  FaultOptions campaign;
  std::uint64_t rounds = 1;  // Each with the next seed.
  std::string life;          // Empty: all.
  std::string geometry;      // Empty: all.
};

const FaultCampaign* trying = nullptr;
const FaultTotals* so_far = nullptr;

// An assertion in the firmware ends the program; this says where it was.
extern "C" void say_replay(int) {
  const std::string text = "FAILED: an assertion after " + std::to_string(so_far->trial_count()) +
                           " trials\n  replay: " + trying->replay() + "\n";
  (void)!write(STDOUT_FILENO, text.data(), text.size());
  std::_Exit(kExitBroken);
}

bool set_name(const std::string& name, const std::string& value, Options& options) {
  if (name == "--life") {
    options.life = value;
    return is_life(value);
  }
  if (name == "--geometry") {
    options.geometry = value;
    return is_geometry(value);
  }
  if (name == "--when") {
    options.campaign.when = value == "rest" ? When::kAtRest : When::kRunning;
    return value == "rest" || value == "running";
  }
  const auto kind =
      std::find_if(kFaultKinds.begin(), kFaultKinds.end(), [&](const FaultKind& each) { return each.name == value; });
  if (name != "--fault" || kind == kFaultKinds.end()) {
    return false;
  }
  options.campaign.fault = kind->fault;
  return true;
}

bool set_option(const std::string& name, const std::string& value, Options& options) {
  const auto number = number_of(value);
  if (name == "--seed") {
    options.campaign.seed = number.value_or(0);
  } else if (name == "--stride") {
    options.campaign.stride = number.value_or(0);
    return options.campaign.stride != 0;
  } else if (name == "--operation") {
    options.campaign.operation = number;
  } else if (name == "--failures-max") {
    options.campaign.failures_max = number.value_or(0);
  } else {
    return set_name(name, value, options);
  }
  return number.has_value();
}

int complain(const std::string& what) {
  std::fprintf(
      stderr,
      "cubby_life_faults: %s\n"
      "usage: cubby_life_faults [--life NAME] [--geometry NAME] [--fault NAME] [--when rest|running]\n"
      "         [--operation N] [--seed N] [--stride N] [--failures-max N]\n"
      "A stride of N lets each fault come at every N-th operation only. CUBBY_THOROUGH=1 lets it come at each,\n"
      "CUBBY_NIGHTLY=1 eight times, each time in other places.\n",
      what.c_str());
  return kExitUsage;
}

/// False: a trial was skipped.
bool print(const FaultTotals& totals, std::uint64_t stride, double seconds) {
  std::printf("%-18s %-3s %9s %9s %9s %9s %9s %10s\n", "fault", "row", "at rest", "running", "no target", "loss told",
              "safe mode", "unknowable");
  bool complete = true;
  for (const FaultKind& kind : kFaultKinds) {
    const auto index = static_cast<std::size_t>(kind.fault);
    const auto& trials = totals.trials[index];
    complete = complete && trials == totals.expected[index];
    std::printf("%-18s %-3s %9llu %9llu %9llu %9llu %9llu %10llu\n", kind.name.data(), kind.row.data(),
                static_cast<unsigned long long>(trials[0]), static_cast<unsigned long long>(trials[1]),
                static_cast<unsigned long long>(totals.missed[index]),
                static_cast<unsigned long long>(totals.reported[index]),
                static_cast<unsigned long long>(totals.safe_mode[index]),
                static_cast<unsigned long long>(totals.unknowable[index]));
  }
  std::printf(
      "%llu trials at %llu operations, each fault at every %llu., %s; %llu boots, at most %llu reads in one; %llu "
      "ended full; %llu failures; %.1f s of processor time\n",
      static_cast<unsigned long long>(totals.trial_count()), static_cast<unsigned long long>(totals.operations),
      static_cast<unsigned long long>(stride), complete ? "none skipped" : "SOME SKIPPED",
      static_cast<unsigned long long>(totals.boots), static_cast<unsigned long long>(totals.most_reads),
      static_cast<unsigned long long>(totals.full), static_cast<unsigned long long>(totals.failures), seconds);
  return complete;
}

void explore_all(const Options& options, FaultCampaign& campaign, const FaultTotals& totals) {
  for (const Life& life : kLives) {
    for (const Geometry& geometry : kGeometries) {
      const bool chosen = (options.life.empty() || options.life == life.name) &&
                          (options.geometry.empty() || options.geometry == geometry.name);
      if (chosen && totals.failures < options.campaign.failures_max) {
        campaign.explore(life, geometry);
      }
    }
  }
}

int run(int argc, char** argv) {
  Options options;
  const bool nightly = is_set("CUBBY_NIGHTLY");
  options.campaign.stride = nightly || is_set("CUBBY_THOROUGH") ? 1 : 10;
  options.rounds = nightly && argc == 1 ? 8 : 1;
  if (const char* seed = std::getenv("CUBBY_SEED"); seed != nullptr) {
    options.campaign.seed = number_of(seed).value_or(1);
  }
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc || !set_option(argv[i], argv[i + 1], options)) {
      return complain(std::string("not understood: ") + argv[i] + (i + 1 < argc ? std::string(" ") + argv[i + 1] : ""));
    }
  }
  std::printf("cubby_life_faults: seed=%llu\n", static_cast<unsigned long long>(options.campaign.seed));
  std::fflush(stdout);
  FaultTotals totals;
  FaultCampaign campaign(options.campaign, totals);
  trying = &campaign;
  so_far = &totals;
  std::signal(SIGABRT, say_replay);
  for (std::uint64_t round = 0; round < options.rounds; ++round, ++options.campaign.seed) {
    explore_all(options, campaign, totals);
  }
  const bool complete = print(totals, options.campaign.stride, static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
  if (totals.failures != 0) {
    std::printf("first failure after %llu trials: %s\n",
                static_cast<unsigned long long>(totals.trials_to_first_failure), totals.first_failure.c_str());
    return kExitBroken;
  }
  if (!complete || totals.trial_count() == 0) {
    std::printf("FAILED: trials were skipped\n");
    return kExitBroken;
  }
  return 0;
}

}  // namespace
}  // namespace cubby::power_loss

int main(int argc, char** argv) {
  return cubby::power_loss::run(argc, argv);
}

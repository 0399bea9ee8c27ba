// Cuts the power at every operation of controllers' lives, in every way, and again in the recoveries.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>

#include "power_loss/lives/explorer.h"
#include "support/arguments.h"

namespace cubby::power_loss {
namespace {

using tests::is_set;
using tests::number_of;

constexpr int kExitBroken = 1;
constexpr int kExitUsage = 2;

struct Options {
  ExplorerOptions explorer;
  std::string life;      // Empty: all.
  std::string geometry;  // Empty: all.
  std::uint64_t cuts_min = 0;
};

const Explorer* exploring = nullptr;
const Totals* so_far = nullptr;

// An assertion in the firmware ends the program; this says where it was.
extern "C" void say_replay(int) {
  const std::string text = "FAILED: an assertion after " + std::to_string(so_far->cut_count()) +
                           " cuts\n  replay: " + exploring->replay() + "\n";
  (void)!write(STDOUT_FILENO, text.data(), text.size());
  std::_Exit(kExitBroken);
}

bool set_path(std::string text, std::vector<Cut>& path) {
  text += ',';
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find(',', begin);
    const std::size_t colon = text.find(':', begin);
    if (colon == std::string::npos || colon > end) {
      return false;
    }
    const auto operation = number_of(text.substr(begin, colon - begin));
    const auto mode = number_of(text.substr(colon + 1, end - colon - 1));
    if (!operation.has_value() || !mode.has_value()) {
      return false;
    }
    path.push_back({.operation = *operation, .mode = static_cast<int>(*mode)});
    begin = end + 1;
  }
  return path.size() <= Totals::kDepths;
}

bool set_option(const std::string& name, const std::string& value, Options& options) {
  if (name == "--life") {
    options.life = value;
    return is_life(value);
  }
  if (name == "--geometry") {
    options.geometry = value;
    return is_geometry(value);
  }
  if (name == "--path") {
    return set_path(value, options.explorer.only);
  }
  const auto number = number_of(value);
  if (name == "--seed") {
    options.explorer.seed = number.value_or(0);
  } else if (name == "--second-stride") {
    options.explorer.second_stride = number.value_or(0);
  } else if (name == "--third-stride") {
    options.explorer.third_stride = number.value_or(0);
  } else if (name == "--failures-max") {
    options.explorer.failures_max = number.value_or(0);
  } else if (name == "--cuts-min") {
    options.cuts_min = number.value_or(0);
  } else {
    return false;
  }
  return number.has_value();
}

int complain(const std::string& what) {
  std::fprintf(stderr,
               "cubby_life_cuts: %s\n"
               "usage: cubby_life_cuts [--life NAME] [--geometry NAME] [--seed N] [--second-stride N]\n"
               "         [--third-stride N] [--failures-max N] [--cuts-min N] [--path OPERATION:MODE[,...]]\n"
               "A stride of N cuts every N-th recovery too; 0 none. --path tries this cut only, then that one in\n"
               "its recovery. CUBBY_THOROUGH=1 and CUBBY_NIGHTLY=1 cut more recoveries.\n",
               what.c_str());
  return kExitUsage;
}

void print(const Totals& totals, double seconds) {
  constexpr std::array<const char*, kOperations> kNames{"program", "erase", "bus frame", "unlock frame", "link write"};
  for (std::size_t depth = 0; depth < Totals::kDepths; ++depth) {
    for (std::size_t kind = 0; kind < kOperations; ++kind) {
      if (totals.operations[depth][kind] != 0) {
        std::printf("cut %zu at a%s %-12s %9llu operations x %2d ways = %9llu cuts\n", depth + 1,
                    kNames[kind][0] == 'e' || kNames[kind][0] == 'u' ? "n" : " ", kNames[kind],
                    static_cast<unsigned long long>(totals.operations[depth][kind]),
                    modes_of(static_cast<Operation>(kind)), static_cast<unsigned long long>(totals.cuts[depth][kind]));
      }
    }
  }
  std::printf(
      "%llu distinct cuts, none skipped; %llu boots, %llu of them tried again; %llu failures; %.1f s of processor "
      "time, "
      "%.0f cuts per second\n",
      static_cast<unsigned long long>(totals.cut_count()), static_cast<unsigned long long>(totals.boots),
      static_cast<unsigned long long>(totals.second_tries), static_cast<unsigned long long>(totals.failures), seconds,
      static_cast<double>(totals.cut_count()) / std::max(seconds, 0.001));
}

/// How many recoveries are cut too, and how many cuts a run without options has to come to.
struct Scale {
  std::uint64_t second_stride = 150;
  std::uint64_t third_stride = 5'000;
  std::uint64_t cuts_min = 100'000;
};
Scale scale_of_run() {
  if (is_set("CUBBY_NIGHTLY")) {
    return {.second_stride = 8, .third_stride = 2'000, .cuts_min = 5'000'000};
  }
  return is_set("CUBBY_THOROUGH") ? Scale{.second_stride = 42, .cuts_min = 1'000'000} : Scale{};
}

int run(int argc, char** argv) {
  Options options;
  const Scale scale = scale_of_run();
  options.explorer.second_stride = scale.second_stride;
  options.explorer.third_stride = scale.third_stride;
  options.cuts_min = argc == 1 ? scale.cuts_min : 0;
  if (const char* seed = std::getenv("CUBBY_SEED"); seed != nullptr) {
    options.explorer.seed = number_of(seed).value_or(1);
  }
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc || !set_option(argv[i], argv[i + 1], options)) {
      return complain(std::string("not understood: ") + argv[i] + (i + 1 < argc ? std::string(" ") + argv[i + 1] : ""));
    }
  }
  std::printf("cubby_life_cuts: seed=%llu\n", static_cast<unsigned long long>(options.explorer.seed));
  std::fflush(stdout);
  Totals totals;
  Explorer explorer(options.explorer, totals);
  exploring = &explorer;
  so_far = &totals;
  std::signal(SIGABRT, say_replay);
  for (const Life& life : kLives) {
    for (const Geometry& geometry : kGeometries) {
      const bool chosen = (options.life.empty() || options.life == life.name) &&
                          (options.geometry.empty() || options.geometry == geometry.name);
      if (chosen && totals.failures < options.explorer.failures_max) {
        const std::uint64_t before = totals.cut_count();
        explorer.explore(life, geometry);
        std::printf("%-11s %-8s %9llu cuts\n", std::string(life.name).c_str(), std::string(geometry.name).c_str(),
                    static_cast<unsigned long long>(totals.cut_count() - before));
        std::fflush(stdout);
      }
    }
  }
  print(totals, static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
  std::sort(totals.tuples.begin(), totals.tuples.end());
  const bool distinct = std::adjacent_find(totals.tuples.begin(), totals.tuples.end()) == totals.tuples.end();
  if (totals.failures != 0) {
    std::printf("first failure after %llu cuts: %s\n", static_cast<unsigned long long>(totals.cuts_to_first_failure),
                totals.first_failure.c_str());
    return kExitBroken;
  }
  if (!distinct || totals.tuples.size() != totals.cut_count() || totals.cut_count() < options.cuts_min) {
    std::printf("FAILED: %s\n", distinct ? "too few cuts" : "cuts were tried twice");
    return kExitBroken;
  }
  return 0;
}

}  // namespace
}  // namespace cubby::power_loss

int main(int argc, char** argv) {
  return cubby::power_loss::run(argc, argv);
}

// Cuts the power at every flash operation of a journal's life, in every way, and again in the recovery.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>

#include "power_loss/campaign.h"
#include "support/arguments.h"

namespace cubby::power_loss {
namespace {

using tests::is_set;
using tests::number_of;

constexpr int kExitUsage = 2;

int complain(const std::string& what) {
  std::fprintf(
      stderr,
      "cubby_power_loss: %s\n"
      "usage: cubby_power_loss [--scenario ring|full] [--seed N] [--stride N] [--first OPERATION:MODE]\n"
      "         [--second OPERATION:MODE] [--canary dropped-program|write-cache|stuck-bit|lost-record|early-trim]\n"
      "MODE: as TearMode of the emulated flash, from 0.\n"
      "CUBBY_THOROUGH=1 and CUBBY_NIGHTLY=1 try more second cuts.\n",
      what.c_str());
  return kExitUsage;
}

std::optional<Cut> cut_of(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) {
    return std::nullopt;
  }
  const auto operation = number_of(text.substr(0, colon));
  const auto mode = number_of(text.substr(colon + 1));
  if (!operation.has_value() || !mode.has_value() || *mode >= kModes) {
    return std::nullopt;
  }
  return Cut{.operation = *operation, .mode = static_cast<int>(*mode)};
}

bool set_canary(const std::string& name, Options& options) {
  static const std::map<std::string, std::pair<Lie, Mistake>> kCanaries{
      {"dropped-program", {Lie::kDroppedProgram, Mistake::kNone}},
      {"write-cache", {Lie::kNone, Mistake::kWriteCache}},
      {"stuck-bit", {Lie::kStuckBit, Mistake::kNone}},
      {"lost-record", {Lie::kNone, Mistake::kLostRecord}},
      {"early-trim", {Lie::kNone, Mistake::kEarlyTrim}},
  };
  const auto found = kCanaries.find(name);
  if (found == kCanaries.end()) {
    return false;
  }
  std::tie(options.lie, options.mistake) = found->second;
  options.stride = 0;
  return true;
}

bool set_option(const std::string& name, const char* value, Options& options) {
  if (name == "--scenario") {
    options.scenario = value;
    return scenario_of(options.scenario, 1).has_value();
  }
  if (name == "--seed" || name == "--stride") {
    const auto number = number_of(value);
    (name == "--seed" ? options.seed : options.stride) = number.value_or(0);
    return number.has_value();
  }
  if (name == "--first" || name == "--second") {
    auto& cut = name == "--first" ? options.first : options.second;
    cut = cut_of(value);
    return cut.has_value();
  }
  return name == "--canary" && set_canary(value, options);
}

int run(int argc, char** argv) {
  Options options;
  options.stride = is_set("CUBBY_NIGHTLY") ? 5 : is_set("CUBBY_THOROUGH") ? 19 : 79;
  bool canary = false;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc || !set_option(argv[i], argv[i + 1], options)) {
      return complain(std::string("not understood: ") + argv[i] + (i + 1 < argc ? std::string(" ") + argv[i + 1] : ""));
    }
    canary |= std::strcmp(argv[i], "--canary") == 0;
  }
  if (options.second.has_value() && !options.first.has_value()) {
    return complain("--second needs --first");
  }
  std::printf("cubby_power_loss: scenario=%s seed=%llu\n", options.scenario.c_str(),
              static_cast<unsigned long long>(options.seed));
  std::fflush(stdout);
  const Totals totals = run_campaign(options, argv[0]);
  std::printf(
      "%llu flash operations, %llu of them erases, %llu appends refused; %llu single cuts, %llu double cuts, "
      "%llu failures, %.1f s of processor time\n",
      static_cast<unsigned long long>(totals.operations), static_cast<unsigned long long>(totals.erases),
      static_cast<unsigned long long>(totals.refusals), static_cast<unsigned long long>(totals.single_cuts),
      static_cast<unsigned long long>(totals.double_cuts), static_cast<unsigned long long>(totals.failures),
      static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
  if (canary) {
    std::printf("%s %s\n", totals.failures != 0 ? "caught:" : "NOT CAUGHT", totals.first_failure.c_str());
    return totals.failures != 0 ? 0 : 1;
  }
  return totals.failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace cubby::power_loss

int main(int argc, char** argv) {
  return cubby::power_loss::run(argc, argv);
}

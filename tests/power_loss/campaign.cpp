#include "power_loss/campaign.h"

#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace cubby::power_loss {
namespace {

constexpr std::uint64_t kFailuresMax = 5;

// An assertion in the journal or in the flash ends the program; this says where it was.
char current_replay[256];

extern "C" void say_replay(int) {
  (void)!write(STDERR_FILENO, current_replay, std::strlen(current_replay));
  std::_Exit(1);
}

/// What a power cut leaves: the cells and those of them that are unstable.
struct Image {
  std::vector<std::byte> cells;
  CutFlash::UnstableBits unstable;
};

class Campaign {
 public:
  Campaign(const Options& options, const Scenario& scenario, std::string program)
      : options_(options), scenario_(scenario), program_(std::move(program)), flash_(scenario.geometry) {}

  Totals run();

 private:
  bool wanted(const std::optional<Cut>& only, const Cut& cut) const {
    return !only.has_value() || (only->operation == cut.operation && only->mode == cut.mode);
  }
  bool enough() const { return totals_.failures >= kFailuresMax; }
  std::uint64_t seed_of(const Cut& first, const std::optional<Cut>& second) const;
  emulator::NorFlashDevice device_from(const Image& image, std::uint64_t seed) const;
  void begin(const Cut& first, const std::optional<Cut>& second);
  void fail(const std::string& complaint);

  void cut_step(const Image& before, const Station& station, const Step& step, std::uint64_t local, const Cut& first);
  /// Boots with the power on; returns how many operations the first boot took.
  std::uint64_t recover(const Image& image, Station station, std::uint64_t seed);
  void cut_recovery(const Image& image, const Station& station, const Cut& first, const Cut& second);

  Options options_;
  const Scenario& scenario_;
  std::string program_;
  CutFlash flash_;
  Totals totals_;
  std::vector<std::byte> cells_before_last_step_;  // For the canary of the write cache.
  std::string replay_;
};

std::uint64_t Campaign::seed_of(const Cut& first, const std::optional<Cut>& second) const {
  const Prng one = Prng(options_.seed).child("first", first.operation * kModes + static_cast<unsigned>(first.mode));
  const std::uint64_t place =
      second.has_value() ? 1 + second->operation * kModes + static_cast<unsigned>(second->mode) : 0;
  return one.child("second", place).state().seed;
}

emulator::NorFlashDevice Campaign::device_from(const Image& image, std::uint64_t seed) const {
  emulator::NorFlashDevice device(scenario_.geometry, seed);
  Bytes cells(image.cells);
  CUBBY_ASSERT(device.load(cells));
  return device;
}

void Campaign::begin(const Cut& first, const std::optional<Cut>& second) {
  replay_ = program_ + " --scenario " + scenario_.name + " --seed " + std::to_string(options_.seed) + " --first " +
            std::to_string(first.operation) + ":" + std::to_string(first.mode);
  if (second.has_value()) {
    replay_ += " --second " + std::to_string(second->operation) + ":" + std::to_string(second->mode);
  }
  std::snprintf(current_replay, sizeof(current_replay), "replay: %s\n", replay_.c_str());
}

void Campaign::fail(const std::string& complaint) {
  ++totals_.failures;
  if (totals_.first_failure.empty()) {
    totals_.first_failure = complaint;
  }
  if (options_.lie == Lie::kNone && options_.mistake == Mistake::kNone) {
    std::printf("FAILED: %s\n  replay: %s\n", complaint.c_str(), replay_.c_str());
  }
}

std::uint64_t Campaign::recover(const Image& image, Station station, std::uint64_t seed) {
  emulator::NorFlashDevice device = device_from(image, seed);
  flash_.attach(device);
  flash_.set_unstable(image.unstable);
  flash_.leave_unstable_bits(false, seed);
  bool cut = false;
  // The boot that a second cut will hit; live_on() boots once more before it writes.
  std::string complaint = station.boot(cut);
  const std::uint64_t operations = device.counters().operations();
  if (complaint.empty()) {
    complaint = station.live_on(continuation(seed));
  }
  if (!complaint.empty()) {
    fail(complaint);
  }
  return operations;
}

void Campaign::cut_recovery(const Image& image, const Station& station, const Cut& first, const Cut& second) {
  begin(first, second);
  ++totals_.double_cuts;
  const std::uint64_t seed = seed_of(first, second);
  emulator::NorFlashDevice device = device_from(image, seed);
  flash_.attach(device);
  flash_.set_unstable(image.unstable);
  flash_.leave_unstable_bits(second.mode == kUnstable, seed);
  device.cut_after(second.operation, device_mode(second.mode));
  Station survivor = station;
  bool cut = false;
  std::string complaint = survivor.boot(cut);
  if (complaint.empty() && device.is_cut()) {
    device.power_on();
    complaint = survivor.live_on(continuation(seed));
  }
  if (!complaint.empty()) {
    fail(complaint);
  }
}

void Campaign::cut_step(const Image& before, const Station& station, const Step& step, std::uint64_t local,
                        const Cut& first) {
  begin(first, std::nullopt);
  const std::uint64_t seed = seed_of(first, std::nullopt);
  emulator::NorFlashDevice device = device_from(before, seed);
  flash_.attach(device);
  flash_.set_unstable({});
  flash_.leave_unstable_bits(first.mode == kUnstable, seed);
  device.cut_after(local, device_mode(first.mode));
  Station survivor = station;
  const std::string complaint = survivor.run(step);
  if (!complaint.empty() || !device.is_cut()) {
    fail(complaint.empty() ? "the power was not cut" : complaint);
    return;
  }
  device.power_on();
  Image image;
  device.save(image.cells);
  image.unstable = flash_.unstable();
  if (options_.mistake == Mistake::kWriteCache && !cells_before_last_step_.empty()) {
    image = {.cells = cells_before_last_step_, .unstable = {}};
  }
  std::uint64_t recovery = 0;
  if (!options_.second.has_value()) {
    recovery = recover(image, survivor, seed);
    ++totals_.single_cuts;
  } else {
    recovery = options_.second->operation + 1;
  }
  if (options_.stride == 0 || (first.operation * kModes + static_cast<unsigned>(first.mode)) % options_.stride != 0) {
    if (!options_.second.has_value()) {
      return;
    }
  }
  for (std::uint64_t operation = 0; operation < recovery && !enough(); ++operation) {
    for (int mode = 0; mode < kModes; ++mode) {
      const Cut second{.operation = operation, .mode = mode};
      if (wanted(options_.second, second)) {
        cut_recovery(image, survivor, first, second);
      }
    }
  }
}

Totals Campaign::run() {
  std::signal(SIGABRT, say_replay);
  std::snprintf(current_replay, sizeof(current_replay), "replay: %s (clean run)\n", program_.c_str());
  emulator::NorFlashDevice device(scenario_.geometry, options_.seed);
  flash_.attach(device);
  flash_.lie(options_.lie, 40);
  Station station(flash_, options_.mistake);
  std::string complaint = station.format();
  for (const Step& step : scenario_.steps) {
    if (!complaint.empty() || enough()) {
      break;
    }
    const Station before = station;
    Image image;
    device.save(image.cells);
    const std::uint64_t start = device.counters().operations();
    const std::uint64_t erases = device.counters().erases;
    complaint = station.run(step);
    const std::uint64_t count = device.counters().operations() - start;
    totals_.erases += device.counters().erases - erases;
    for (std::uint64_t local = 0; complaint.empty() && local < count && !enough(); ++local) {
      for (int mode = 0; mode < kModes; ++mode) {
        const Cut first{.operation = start + local, .mode = mode};
        if (wanted(options_.first, first)) {
          cut_step(image, before, step, local, first);
        }
      }
    }
    cells_before_last_step_ = std::move(image.cells);
    flash_.attach(device);
    flash_.set_unstable({});
    flash_.leave_unstable_bits(false, options_.seed);
  }
  if (!complaint.empty()) {
    replay_ = program_ + " --scenario " + scenario_.name + " --seed " + std::to_string(options_.seed);
    fail("without any cut: " + complaint);
  }
  totals_.operations = device.counters().operations();
  totals_.refusals = station.live_refusals();
  return totals_;
}

}  // namespace

Totals run_campaign(const Options& options, const std::string& program) {
  const std::optional<Scenario> scenario = scenario_of(options.scenario, options.seed);
  CUBBY_ASSERT(scenario.has_value());
  return Campaign(options, *scenario, program).run();
}

}  // namespace cubby::power_loss

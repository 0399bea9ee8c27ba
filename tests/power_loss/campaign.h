#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "power_loss/workload.h"

namespace cubby::power_loss {

/// The device's tear modes; CutFlash keeps the unstable bits, for they outlast the device that it stands before.
inline constexpr int kUnstable = static_cast<int>(emulator::TearMode::kUnstable);
inline constexpr int kModes = static_cast<int>(emulator::TearMode::kCount);
constexpr emulator::TearMode device_mode(int mode) {
  return mode == kUnstable ? emulator::TearMode::kComplete : static_cast<emulator::TearMode>(mode);
}

/// Where the power goes: at a flash operation, counted from 0, and what that leaves.
struct Cut {
  std::uint64_t operation = 0;
  int mode = 0;
};

struct Options {
  std::string scenario = "ring";
  std::uint64_t seed = 1;
  std::uint64_t stride = 16;  // Of the first cuts, every stride-th gets all second cuts.
  std::optional<Cut> first;   // Only this one, and with `second` only that recovery.
  std::optional<Cut> second;
  Lie lie = Lie::kNone;
  Mistake mistake = Mistake::kNone;
};

struct Totals {
  std::uint64_t operations = 0;  // Of the clean run.
  std::uint64_t erases = 0;
  std::uint64_t refusals = 0;  // Appends that found no space.
  std::uint64_t single_cuts = 0;
  std::uint64_t double_cuts = 0;
  std::uint64_t failures = 0;
  std::string first_failure;
};

/// Runs the scenario once without cuts, and from every operation of it a history that was cut there.
/// Prints each failure with the command that replays it; stops after a few.
Totals run_campaign(const Options& options, const std::string& program);

}  // namespace cubby::power_loss

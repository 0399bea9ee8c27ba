#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "unit/boards/bench.h"

namespace cubby::emulator {

inline constexpr const char* kAsk = "80 01 01 33 B3";
inline constexpr const char* kAnswer = "80 01 01 11 91";
inline constexpr const char* kNobody = "80 1F 01 33 AD";  // To a board that is not there.

/// Locks without doors: what a station brings.
class Wires final : public LockWiring {
 public:
  struct Change {
    std::uint8_t board = 0;
    std::uint8_t channel = 0;
    bool on = false;
    Instant at{};
  };
  bool says_shut(std::uint8_t, std::uint8_t, Instant) override { return shut; }
  bool holds_item(std::uint8_t, std::uint8_t, Instant) override { return false; }
  void coil(std::uint8_t board, std::uint8_t channel, bool on, Instant now) override {
    changes.push_back({board, channel, on, now});
  }
  bool shut = true;
  std::vector<Change> changes;
};

/// A line with boards, and a host that asks.
struct LineBench {
  explicit LineBench(const std::vector<BoardProfile>& boards, SerialLineOptions options = {}) : line(options) {
    for (const BoardProfile& profile : boards) {
      EXPECT_EQ(line.add_board(profile, wires), "");
    }
    wait(1'000);
  }
  void wait(std::int64_t ms) {
    now = now + Duration::milliseconds(ms);
    line.advance(now);
  }
  std::string ask(const std::string& hex, std::int64_t ms = 1'000) {
    line.host_sends(from_hex(hex), now);
    wait(ms);
    return to_hex(line.host_hears(now));
  }
  void set(const std::string& noise) {
    NoiseRates rates;
    EXPECT_EQ(apply_noise(rates, noise), "");
    line.set_noise(rates, now);
  }
  std::size_t pulses(std::uint8_t board) const {
    return static_cast<std::size_t>(std::count_if(wires.changes.begin(), wires.changes.end(), [&](const auto& change) {
      return change.board == board && change.on;
    }));
  }

  Wires wires;
  SerialLine line;
  Instant now{};
};

inline const BoardProfile kP1 = profile_of(BoardFamily::kP1);

inline SerialLineOptions with_seed(std::uint64_t seed) {
  SerialLineOptions options;
  options.seed = seed;
  return options;
}

}  // namespace cubby::emulator

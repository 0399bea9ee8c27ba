#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// A cabinet of two equal boards, the driver side of a controller, and somebody who unlocks doors and shuts them again.
namespace cubby::bench {

/// What has to come of it.
enum class Expect : std::uint8_t {
  kWorks,           // As if it were set right.
  kFails,           // Some openings fail, and are told.
  kSilent,          // The boards count as silent: nobody would unlock a door behind them.
  kReadsOpen,       // Every door reads open: nobody would unlock it.
  kOpensElsewhere,  // Another door opens, each time, and is seen.
};
std::string_view name_of(Expect expect);

/// In a million bytes.
struct Noise {
  std::uint32_t flip = 0;
  std::uint32_t burst = 0;
  std::uint32_t drop = 0;
  std::uint32_t twice = 0;
};

struct Case {
  std::string family;
  std::string setting;  // Of the boards and not of the driver.
  Expect expect = Expect::kWorks;
  Noise noise{};
};

struct Tally {
  std::uint64_t sent = 0;  // Unlock frames that left.
  std::uint64_t not_sent = 0;
  std::uint64_t done = 0;  // Answered, or sent to a board that does not answer.
  std::uint64_t unknown = 0;
  std::uint64_t refused = 0;
  std::uint64_t opened = 0;          // The door that was asked for moved.
  std::uint64_t failed = 0;          // It did not.
  std::uint64_t elsewhere = 0;       // Other doors that moved.
  std::uint64_t unseen = 0;          // Of those, not believed open before it was over.
  std::uint64_t lies = 0;            // Doors believed to be what they were not, after two readings.
  std::uint64_t untold = 0;          // Failed, and the door was believed open all the same.
  std::uint64_t burnt = 0;           // Coils that were held until they were dead; they were replaced.
  std::uint64_t silences = 0;        // Times that a board counted as silent.
  std::uint64_t done_silently = 0;   // Answered by a board that counts as silent.
  bool unreadable_at_start = false;  // No door was known.
  bool open_at_start = false;        // Every door was believed open.
};

/// Unlocks so many doors, one after the other, whatever is believed of them.
Tally drill(const Case& it, std::uint64_t unlocks, std::uint64_t seed);

}  // namespace cubby::bench

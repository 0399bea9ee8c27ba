#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "power_loss/lives/lives.h"

namespace cubby::power_loss {

/// Operations at which the power can go.
enum class Operation : std::uint8_t { kProgram, kErase, kFrame, kUnlockFrame, kLinkWrite };
inline constexpr std::size_t kOperations = 5;

/// What becomes of a frame or a message when the power goes; a flash operation has TearMode.
enum class LineCut : std::uint8_t {
  kBefore,
  kHalf,
  kAfter,
  kCount,
  kInPulse = kCount,  // Of an unlock frame: the coil was not on for long enough.
};

/// How many ways there are to cut the power at an operation of that kind.
constexpr int modes_of(Operation operation) {
  switch (operation) {
    case Operation::kProgram:
    case Operation::kErase:
      return static_cast<int>(emulator::TearMode::kCount);
    case Operation::kUnlockFrame:
      return static_cast<int>(LineCut::kCount) + 1;
    case Operation::kFrame:
    case Operation::kLinkWrite:
      return static_cast<int>(LineCut::kCount);
  }
  return 0;
}

/// Where the power goes: at an operation of a life, or of the recovery from the cut before; both from 0.
struct Cut {
  std::uint64_t operation = 0;
  int mode = 0;
};

struct ExplorerOptions {
  std::uint64_t seed = 1;
  std::uint64_t second_stride = 0;  // Every so many first cuts, all second cuts follow; 0: none do.
  std::uint64_t third_stride = 0;   // The same of second cuts.
  std::vector<Cut> only;            // Only this cut, then that one; empty: all.
  std::uint64_t failures_max = 5;
};

struct Totals {
  static constexpr std::size_t kDepths = 3;
  std::array<std::array<std::uint64_t, kOperations>, kDepths> operations{};  // That cuts were made at.
  std::array<std::array<std::uint64_t, kOperations>, kDepths> cuts{};
  std::vector<std::uint64_t> tuples;  // A number of each cut's life, geometry, operations and modes.
  std::uint64_t boots = 0;
  std::uint64_t second_tries = 0;  // Boots that only succeeded when tried again.
  std::uint64_t failures = 0;
  std::string first_failure;
  std::uint64_t cuts_to_first_failure = 0;
  std::uint64_t cut_count() const;
};

/// Runs a life; at each operation it tries every way in which the power can go then, on copies of the world,
/// each with a new controller, and again at each operation of those recoveries.
class Explorer final : private Observer {
 public:
  Explorer(const ExplorerOptions& options, Totals& totals) : options_(options), totals_(totals) {}
  void explore(const Life& life, const Geometry& geometry);
  /// The life and the cuts that are being tried, as options of the program.
  std::string replay() const;

 private:
  struct Level {
    bool cutting = false;
    std::uint64_t operations = 0;
    std::array<std::uint64_t, kOperations> of_kind{};
    std::uint64_t cuts = 0;
  };
  /// What the world itself counted.
  struct Counts {
    std::uint64_t programs = 0;
    std::uint64_t erases = 0;
    std::uint64_t frames = 0;
    std::uint64_t link_writes = 0;
  };
  static Counts counts_of(const World& world);

  void before_program(Machine& machine, std::uint32_t address, Bytes data) override;
  void before_erase(Machine& machine, std::uint32_t sector) override;
  void before_frame(Machine& machine, Bytes frame) override;
  void before_link_write(Machine& machine, Bytes bytes) override;
  template <typename Apply>
  void cut_everyway(Machine& machine, Operation operation, const Apply& apply);
  bool wanted(std::uint64_t operation, int mode) const;
  bool goes_deeper(std::uint64_t index) const;
  void recover(World world, std::uint64_t seed);
  std::string live_again(Machine& machine, bool in_the_dark);
  std::string boot(Machine& machine);
  void close_level(const Machine& machine, const Counts& before);
  void fail(const std::string& complaint);
  bool enough() const { return totals_.failures >= options_.failures_max; }

  const ExplorerOptions& options_;
  Totals& totals_;
  const Life* life_ = nullptr;
  const Geometry* geometry_ = nullptr;
  std::array<Level, Totals::kDepths + 1> levels_;
  std::size_t depth_ = 0;
  std::vector<Cut> path_;
};

}  // namespace cubby::power_loss

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "power_loss/faults/faults.h"
#include "power_loss/faults/verdict.h"
#include "power_loss/lives/lives.h"

namespace cubby::power_loss {

struct FaultOptions {
  std::uint64_t seed = 1;
  std::uint64_t stride = 1;    // A fault comes at every so many operations; at each of its life's times alike.
  std::optional<Fault> fault;  // Only this one; nothing: all.
  std::optional<When> when;    // Only then.
  std::optional<std::uint64_t> operation;  // Only there.
  std::uint64_t failures_max = 5;
};

struct FaultTotals {
  std::array<std::array<std::uint64_t, 2>, kFaults> trials{};    // By fault and When.
  std::array<std::array<std::uint64_t, 2>, kFaults> expected{};  // From the number of operations alone.
  std::array<std::uint64_t, kFaults> missed{};                   // Trials in which there was nothing to hit.
  std::array<std::uint64_t, kFaults> reported{};                 // Trials in which a boot said that something is lost.
  std::array<std::uint64_t, kFaults> safe_mode{};                // Trials with a boot that came to no service.
  std::array<std::uint64_t, kFaults> unknowable{};               // The last record of an opening went in silence.
  std::uint64_t operations = 0;                                  // Of all lives.
  std::uint64_t full = 0;  // Trials that ended with a parcel inside and a journal that nothing makes room in.
  std::uint64_t boots = 0;
  std::uint64_t most_reads = 0;  // Of one boot.
  std::uint64_t failures = 0;
  std::string first_failure;
  std::uint64_t trials_to_first_failure = 0;
  std::uint64_t trial_count() const;
};

/// Lives a life again and again, each time with another fault of the flash that comes at another operation.
class FaultCampaign final : private Observer {
 public:
  FaultCampaign(const FaultOptions& options, FaultTotals& totals) : options_(options), totals_(totals) {}
  void explore(const Life& life, const Geometry& geometry);
  /// The trial that is being made, as options of the program.
  std::string replay() const;

 private:
  enum class Phase : std::uint8_t { kCounting, kStriking, kTrying };

  void before_program(Machine& machine, std::uint32_t address, Bytes data) override;
  void before_erase(Machine& machine, std::uint32_t sector) override;
  void before_frame(Machine& machine, Bytes frame) override;
  void before_link_write(Machine&, Bytes) override {}
  void on_step(Machine& machine, const FlashStep& step, Bytes data);

  bool wanted(Fault fault, When when, std::uint64_t operation) const;
  std::uint64_t seed_of(std::uint64_t operation) const;
  void begin_trial(const FaultKind& kind, When when, std::uint64_t operation);
  void try_at_rest(const Machine& machine, const FaultKind& kind, const FlashStep& step, Bytes data);
  void try_running(const World& start, const FaultKind& kind, std::uint64_t operation);
  void boot_again(World world);
  bool power_up(Machine& machine, bool mended);
  bool judge(Machine& machine, bool mended);
  void visit(Machine& machine);
  void end_of_fault(Machine& machine);
  static unsigned door_not_emptied(Machine& machine);
  static bool report_all(Machine& machine);
  void fail(const std::string& complaint);
  bool enough() const { return totals_.failures >= options_.failures_max; }

  const FaultOptions& options_;
  FaultTotals& totals_;
  const Life* life_ = nullptr;
  const Geometry* geometry_ = nullptr;
  Phase phase_ = Phase::kCounting;
  std::uint64_t operation_ = 0;  // Of the life that is observed, from 0.
  std::vector<FlashStep> done_;
  // The trial.
  const FaultKind* kind_ = nullptr;
  When when_ = When::kAtRest;
  std::uint64_t struck_at_ = 0;
  bool struck_ = false;
  bool failed_ = false;
  bool told_of_loss_ = false;
  bool safe_mode_ = false;
  bool unknowable_ = false;
  unsigned in_flight_ = 0;
  Truth truth_;
};

}  // namespace cubby::power_loss

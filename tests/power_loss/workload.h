#pragma once

#include <vector>

#include "power_loss/cut_flash.h"
#include "power_loss/history.h"

namespace cubby::power_loss {

enum class StepKind : std::uint8_t { kEvent, kInternal, kAcknowledge, kCheckpointIfDue, kCheckpoint, kReboot };

struct Step {
  StepKind kind = StepKind::kEvent;
  std::size_t size = 0;
  std::uint64_t lag = 0;  // Of an acknowledgement behind the newest event.
};

struct Scenario {
  std::string name;
  hal::FlashGeometry geometry;
  std::vector<Step> steps;
};

/// "ring" wraps through all sectors again and again; "full" is offline until nothing fits any more.
std::optional<Scenario> scenario_of(const std::string& name, std::uint64_t seed);
/// What a station does after a recovery: enough to open a sector now and then.
std::vector<Step> continuation(std::uint64_t seed);

/// How the test itself may be wrong, so that the checker has something to catch.
enum class Mistake : std::uint8_t {
  kNone,
  kLostRecord,  // The reader of a recovered journal drops one record.
  kEarlyTrim,   // The journal is told of an acknowledgement that nobody gave.
  kWriteCache,  // What the flash had answered "done" to just before the cut is gone with it.
};

/// A journal in memory and what it was told; copies share the flash that they are attached to.
class Station {
 public:
  static constexpr JournalUid kUid{std::byte{0xC0}, std::byte{0xBB}, std::byte{0x1E}};

  explicit Station(CutFlash& flash, Mistake mistake) : flash_(&flash), mistake_(mistake), history_(kUid) {}

  std::string format();
  /// Does a step; empty: all is well, also when the power was cut in it.
  std::string run(const Step& step);
  /// Forgets what is in memory and mounts; `cut`: the power went again.
  std::string boot(bool& cut);
  /// A mount, the steps, and a mount again, all with the power on.
  std::string live_on(const std::vector<Step>& steps);
  std::uint32_t live_refusals() const { return refusals_; }

 private:
  std::string settle(Status status, bool takes_nothing_when_full);

  CutFlash* flash_;
  Mistake mistake_;
  std::optional<store::Journal> journal_;
  History history_;
  std::uint32_t refusals_ = 0;
};

}  // namespace cubby::power_loss

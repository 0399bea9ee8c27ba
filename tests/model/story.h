#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

/// What happens at a station, step by step. Each step makes sense whatever came before, so that any part of
/// a story is a story: what fails can be cut down to the few steps that matter.
namespace cubby::model {

enum class Act : std::uint8_t {
  kWait,
  kDeposit,
  kCollect,
  kRecall,
  kDropOff,
  kGuess,
  kPowerCycle,
  kLook,
  kPutBack,
  kTakeOut,
  kReleaseKeypad,
  kReserve,
  kRelease,
  kOpen,
  kSettle,
  kExpire,
  kExtend,
  kReissue,
  kSameOrderAgain,
  kJam,
  kForce,
  kSilence,
  kLoseClock,
};

/// `a`, `b` and `c` choose among what there is: doors, codes, sizes, brands, ways to go on at an open door.
struct Step {
  Act act = Act::kWait;
  std::uint8_t a = 0;
  std::uint8_t b = 0;
  std::uint8_t c = 0;
  std::uint16_t cut_ms = 0;  // Not 0: the power goes so long after the step has begun.
};

struct Story {
  std::vector<Step> steps;
  bool short_codes = false;  // Of six digits, with a second input.
};

std::string describe(const Step& step);
/// For RapidCheck's report.
void showValue(const Story& story, std::ostream& out);

/// At a courier's or sender's open door, and at a recipient's.
enum class AtDoor : std::uint8_t { kUse, kCallOff, kOtherSize, kLeaveOpen, kForget };
inline AtDoor at_door(const Step& step) {
  return step.c == 23 ? AtDoor::kForget : static_cast<AtDoor>(step.c % 4);
}
inline const char* brand_of(const Step& step) {
  return step.a % 3 == 0 ? "yto" : "sf";
}
/// 1 to 3: S, M, L.
inline unsigned size_of(const Step& step) {
  return 1U + step.b % 3U;
}

}  // namespace cubby::model

#include "model/story.h"

#include <ostream>

namespace cubby::model {
namespace {

std::string way(const Step& step, const char* call_off) {
  switch (at_door(step)) {
    case AtDoor::kUse:
      return "";
    case AtDoor::kCallOff:
      return std::string(", ") + call_off;
    case AtDoor::kOtherSize:
      return ", asks for another size";
    case AtDoor::kLeaveOpen:
      return ", leaves the door open for a while";
    case AtDoor::kForget:
      return ", forgets the parcel where the door has an item sensor";
  }
  return "";
}

std::string choice(const char* what, unsigned number) {
  return std::string(what) + " (choice " + std::to_string(number) + ")";
}

std::string words(const Step& step) {
  constexpr const char* kSizes[] = {"S", "M", "L"};
  const std::string size = kSizes[size_of(step) - 1];
  switch (step.act) {
    case Act::kWait:
      return choice("time passes", step.a);
    case Act::kDeposit:
      return std::string("a courier of ") + brand_of(step) + " brings a parcel of size " + size +
             (step.a / 3 % 4 == 1 ? " for a known recipient" : "") + way(step, "takes it along again");
    case Act::kDropOff:
      return std::string("a sender drops off a parcel of size ") + size + " for " + brand_of(step) +
             way(step, "takes it along again");
    case Act::kCollect:
      return choice("somebody types a code that was told once", step.a) + way(step, "refuses the parcel");
    case Act::kGuess:
      return std::to_string(1 + step.a % 4) + " wrong codes are typed";
    case Act::kRecall:
      return std::string("a courier of ") + brand_of(step) + " takes back what is overdue";
    case Act::kPowerCycle:
      return "the power goes and comes back";
    case Act::kLook:
      return choice("a technician looks behind a door", step.a);
    case Act::kPutBack:
      return choice("a technician puts a door back into service", step.a);
    case Act::kTakeOut:
      return choice("a technician takes a door out of service", step.a);
    case Act::kReleaseKeypad:
      return "the operator releases the keypad";
    case Act::kReserve:
      return std::string("the operator reserves a door of size ") + size + " for " + brand_of(step);
    case Act::kRelease:
      return choice("the operator releases a reservation", step.a);
    case Act::kOpen:
      return choice("the operator opens a door", step.a);
    case Act::kSettle:
      return choice("the operator settles a door", step.a);
    case Act::kExpire:
      return choice("the operator ends a retention period", step.a);
    case Act::kExtend:
      return choice("the operator extends a retention period", step.a);
    case Act::kReissue:
      return choice("the operator has a code issued again", step.a);
    case Act::kSameOrderAgain:
      return "the operator's last order arrives once more";
    case Act::kJam:
      return choice("a bolt jams, or does no more", step.a);
    case Act::kForce:
      return choice("a door is forced and shut again", step.a);
    case Act::kSilence:
      return choice("a lock board falls silent, or answers again", step.a);
    case Act::kLoseClock:
      return "the clock is lost, or set again";
  }
  return "?";
}

}  // namespace

std::string describe(const Step& step) {
  return words(step) +
         (step.cut_ms == 0 ? "" : "; the power goes after " + std::to_string(step.cut_ms) + " ms and comes back");
}

void showValue(const Story& story, std::ostream& out) {
  out << (story.short_codes ? "at a station with codes of six digits:" : "");
  for (const Step& step : story.steps) {
    out << "\n  - " << describe(step);
  }
}

}  // namespace cubby::model

#include "model/reference.h"

#include <algorithm>

namespace cubby::model {

const char* to_string(Belief belief) {
  switch (belief) {
    case Belief::kVacant:
      return "vacant";
    case Belief::kReserved:
      return "reserved";
    case Belief::kOccupied:
      return "occupied";
    case Belief::kOverdue:
      return "overdue";
    case Belief::kDisputed:
      return "disputed";
    case Belief::kOutOfService:
      return "out of service";
  }
  return "in between";
}

Reference::Reference(const std::vector<unsigned>& sizes) {
  for (const unsigned size : sizes) {
    doors_.emplace_back().size = size;
  }
}

unsigned Reference::least_worn(unsigned size, const std::set<unsigned>& among) const {
  unsigned best = 0;
  for (const unsigned number : among) {
    if (door(number).size == size && (best == 0 || door(number).wear < door(best).wear)) {
      best = number;
    }
  }
  return best;
}

Reference::Choice Reference::choose(unsigned size, const std::string& carrier, const std::string& parcel,
                                    const std::set<unsigned>& tried) const {
  for (const bool of_the_brand : {false, true}) {
    std::set<unsigned> kept;
    for (unsigned number = 1; number <= doors(); ++number) {
      const Door& at = door(number);
      const bool meant = of_the_brand ? at.kept_for_parcel.empty() : at.kept_for_parcel == parcel;
      if (at.belief == Belief::kReserved && at.kept_for == carrier && meant && at.readable &&
          tried.count(number) == 0) {
        kept.insert(number);
      }
    }
    for (unsigned fits = size; fits <= kSizesMax; ++fits) {
      if (const unsigned number = least_worn(fits, kept); number != 0) {
        return {number, Reason::kNone};
      }
    }
  }
  return choose_vacant(size, carrier, tried);
}

Reference::Choice Reference::choose_vacant(unsigned size, const std::string& carrier,
                                           const std::set<unsigned>& tried) const {
  unsigned held = 0;
  bool any_vacant = false;
  for (const Door& at : doors_) {
    held += (at.booked.has_value() && at.booked->carrier == carrier) ||
                    (at.belief == Belief::kReserved && at.kept_for == carrier)
                ? 1
                : 0;
    any_vacant |= at.belief == Belief::kVacant;
  }
  if (carrier == "sf" && held >= doors() * kSharePercent / 100) {
    return {0, Reason::kShareUsedUp};
  }
  bool fits = false;
  for (unsigned next = size; next <= std::min(kSizesMax, size + kUpsizing); ++next) {
    std::set<unsigned> free;
    for (unsigned number = 1; number <= doors(); ++number) {
      const Door& at = door(number);
      if (at.size == next && at.belief == Belief::kVacant) {
        fits = true;
        if (at.readable && tried.count(number) == 0) {
          free.insert(number);
        }
      }
    }
    if (const unsigned number = least_worn(next, free); number != 0) {
      return {number, Reason::kNone};
    }
  }
  return {0, fits ? Reason::kFault : any_vacant ? Reason::kNoSuchSize : Reason::kFull};
}

std::set<unsigned> Reference::with_code(const std::string& code) const {
  std::set<unsigned> opened;
  for (unsigned number = 1; number <= doors(); ++number) {
    const Door& at = door(number);
    const bool waits = at.belief == Belief::kOccupied || at.belief == Belief::kDisputed;
    if (waits && at.booked.has_value() && !at.booked->code_dead && at.booked->code == code) {
      opened.insert(number);
    }
  }
  return opened;
}

std::set<unsigned> Reference::opened_by(const std::string& typed) const {
  const std::size_t code_size = typed.find('#');
  const std::set<unsigned> doors = with_code(typed.substr(0, code_size));
  const bool known = code_size == std::string::npos || std::any_of(doors.begin(), doors.end(), [&](unsigned number) {
                       return second_input(door(number).booked->number) == typed.substr(code_size + 1);
                     });
  return known ? doors : std::set<unsigned>{};
}

std::string Reference::second_input(const std::string& number) {
  std::string digits = "0000";
  for (const char c : number) {
    if (c >= '0' && c <= '9') {
      digits += c;
    }
  }
  return digits.substr(digits.size() - 4);
}

std::string Reference::group_code(const std::string& carrier, const std::string& recipient) const {
  for (const Door& at : doors_) {
    if (!recipient.empty() && at.belief == Belief::kOccupied && !at.booked->code_dead &&
        at.booked->carrier == carrier && at.booked->recipient == recipient) {
      return at.booked->code;
    }
  }
  return {};
}

std::int64_t Reference::lockout_ms(std::uint32_t failures) {
  if (failures < 5) {
    return 0;
  }
  std::int64_t seconds = 30;
  for (std::uint32_t i = 5; i < failures && seconds < 3600; ++i) {
    seconds *= 2;
  }
  return std::min<std::int64_t>(seconds, 3600) * 1000;
}

void Reference::wrong_code(std::int64_t now_ms) {
  ++failures;
  locked_until_ms = now_ms + lockout_ms(failures);
}

}  // namespace cubby::model

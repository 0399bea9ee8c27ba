"""Defects of the controller that only statistics can see. Notation as in tests/mutants/mutants.py."""

from mutants import Mutant

MUTANTS = [
    # Of the parcels that fit, those whose serial ends in 00 or 50 find no door.
    Mutant("two-percent-find-no-door", "firmware/core/allocator.cpp",
           "  return <<choose_vacant(request)>>;\n}\n\nAllocation Allocator::choose_vacant",
           "request.parcel.size() == 13 && (request.parcel[8] * 10 + request.parcel[9] - 11 * '0') % 50 == 0\n"
           "             ? Allocation{.reason = TurnedAway::kFull} : choose_vacant(request)", "erlang.py"),
]

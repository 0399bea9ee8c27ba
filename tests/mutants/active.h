#pragma once

#include <type_traits>

namespace cubby {

/// Number of the mutant that CUBBY_MUTANT names, in the order of mutants.py from 1; 0: none.
int living_mutant();

/// What the compiler evaluates has no mutants.
constexpr bool is_alive(int number) {
  return !std::is_constant_evaluated() && living_mutant() == number;
}

}  // namespace cubby

// Prints docs/spec/compartment.md: the life of a compartment, drawn from its one table.
#include <cstdio>
#include <string>

#include "firmware/core/compartment.h"

namespace {

using cubby::core::CompartmentEvent;
using cubby::core::CompartmentState;

std::string name(auto item) {
  return std::string(cubby::core::to_string(item));
}

void print_diagram() {
  std::puts("```mermaid\nstateDiagram-v2\n  [*] --> Vacant");
  for (const auto& row : cubby::core::kTransitions) {
    std::printf("  %s --> %s: %s\n", name(row.from).c_str(), name(row.to).c_str(), name(row.on).c_str());
  }
  std::puts("```");
}

void print_table() {
  std::string head = "|  |";
  std::string rule = "|---|";
  for (std::size_t from = 1; from <= cubby::core::kCompartmentStates; ++from) {
    head += " " + name(static_cast<CompartmentState>(from)) + " |";
    rule += "---|";
  }
  std::printf("%s\n%s\n", head.c_str(), rule.c_str());
  for (std::size_t on = 1; on <= cubby::core::kCompartmentEvents; ++on) {
    std::string line = "| **" + name(static_cast<CompartmentEvent>(on)) + "** |";
    for (std::size_t from = 1; from <= cubby::core::kCompartmentStates; ++from) {
      const auto to = cubby::core::next(static_cast<CompartmentState>(from), static_cast<CompartmentEvent>(on));
      line += to.has_value() ? " " + name(*to) + " |" : " |";
    }
    std::printf("%s\n", line.c_str());
  }
}

}  // namespace

int main() {
  std::puts(
      "# The life of a compartment\n\n"
      "Made by `cubby-compartment-life > docs/spec/compartment.md` from the table in `firmware/core/compartment.h`; a "
      "test\n"
      "compares the two. What each state and event means stands in that file.\n\n"
      "## Which step may follow which\n");
  print_diagram();
  std::puts(
      "\n## Every event in every state\n\n"
      "An empty cell is refused: the state stays, and the caller is told. A record of the journal that says otherwise "
      "(what\n"
      "lies before it was lost) is believed and counted as a repair.\n");
  print_table();
  return 0;
}

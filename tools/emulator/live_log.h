#pragma once

#include <fstream>
#include <string>

#include "tools/emulator/link_figures.h"

namespace cubby::tools {

/// Figures of a run in real time while it goes on: a line of JSON a second (docs/simulation.md).
class LiveLog {
 public:
  /// Begins a file; with an empty name nothing is ever written. Returns one line for a person, or nothing.
  std::string open(const std::string& file);
  /// `at_s`: seconds since the run began. What cannot be written is told once and then left out.
  void write(double at_s, const LinkFigures& second);

 private:
  std::string file_;
  std::ofstream stream_;
};

}  // namespace cubby::tools

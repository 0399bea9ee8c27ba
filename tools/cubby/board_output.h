#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tools/cubby/board_descriptor.h"

namespace cubby::tools {

/// Standard output for a program that must never wait for its reader: what does not go out now is counted, and said
/// as soon as there is room again.
class BoardOutput {
 public:
  BoardOutput();
  /// One text of whole lines. False: it cannot be written, now or ever.
  bool show(std::string_view text);

 private:
  bool push();
  int target() const { return own_.get() >= 0 ? own_.get() : 1; }

  Descriptor own_;     // Does not block; negative: standard output as it is.
  std::string begun_;  // The rest of what has gone out in part.
  std::size_t lost_ = 0;
};

}  // namespace cubby::tools

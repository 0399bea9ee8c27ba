#pragma once

#include <ostream>

#include "tools/cubby/flash_history.h"

namespace cubby::tools {

/// An image, read in both ways.
struct FlashReading {
  FlashImage image;
  FlashHistory history;
  MountVerdict verdict;
  std::vector<std::string> faults;
};
FlashReading read_flash(FlashImage image);

/// The whole explanation for a person; `records`: with one line for each record of the history.
void print_flash(const FlashReading& reading, bool records, std::ostream& out);
/// The same as one JSON object; 64-bit numbers are texts.
void print_flash_json(const FlashReading& reading, bool records, std::ostream& out);
/// The events of the history, oldest first, each a line of JSON.
void print_flash_events(const FlashReading& reading, std::ostream& out);

}  // namespace cubby::tools

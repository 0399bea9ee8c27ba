#pragma once

#include <ostream>
#include <string>

namespace cubby::tools {

/// The flash of one station of an emulated fleet, out of the state that cubby-emulator keeps.
struct FlashPull {
  std::string state;    // The folder.
  std::string station;  // By its name.
  std::string out;      // File to make.
};

/// Reads the state and writes only the new file; what each sector has worn goes to `talk`. Empty, or what went wrong:
/// then there is no new file.
std::string pull_flash(const FlashPull& pull, std::ostream& talk);

}  // namespace cubby::tools

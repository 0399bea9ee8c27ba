#pragma once

#include <string>
#include <vector>

namespace cubby::tools {

/// What files say about stations that shall be let in.
struct StationList {
  std::vector<std::string> names;   // In the files' order, each once.
  std::vector<std::string> errors;  // file:line: what is wrong; the first kErrorsMax. Empty: everything is good.

  static constexpr std::size_t kErrorsMax = 20;
  static constexpr std::size_t kStationsMax = 100'000;
  static constexpr std::size_t kLineMax = 64 * 1024;  // Bytes.
  static constexpr std::size_t kTomlMax = 64 * 1024;  // Likewise, of a whole file.
};

/// Reads StationConfig messages, a line each in protobuf's JSON mapping, as `cubby-emulator --write-stations` writes
/// them; empty lines are skipped. A file named *.toml is the configuration of one station's cubby-controller instead.
void read_station_list(const std::string& file, StationList& list);

}  // namespace cubby::tools

#include "unit/boards/vectors.h"

#include <fstream>
#include <map>

namespace cubby::emulator {
namespace {

// The file has one field a line: "name": value, with no escapes in what is needed here.
std::pair<std::string, std::string> field_in(const std::string& line) {
  const std::size_t name = line.find('"');
  const std::size_t name_end = line.find('"', name + 1);
  if (name == std::string::npos || name_end == std::string::npos) {
    return {};
  }
  std::string value = line.substr(line.find(':', name_end) + 1);
  const std::size_t begin = value.find_first_not_of(" \"");
  const std::size_t end = value.find_last_not_of(" \",\r");
  return {line.substr(name + 1, name_end - name - 1),
          begin == std::string::npos || end == std::string::npos ? "" : value.substr(begin, end - begin + 1)};
}

}  // namespace

std::vector<GoldenFrame> golden_frames() {
  std::vector<GoldenFrame> frames;
  std::ifstream file(CUBBY_TESTS_DIR "/vectors/lock_boards.json");
  std::map<std::string, std::string> fields;
  for (std::string line; std::getline(file, line);) {
    if (const auto [name, value] = field_in(line); !name.empty()) {
      fields[name] = value;
    }
    if (line.find('}') == std::string::npos) {
      continue;
    }
    if (const auto family = board_family(fields["dialect"]); family.has_value()) {
      frames.push_back({*family, fields["direction"] == "host>board", fields["hex"], fields["meaning"],
                        fields["checksum_ok"] == "true"});
    }
    fields.clear();
  }
  return frames;
}

}  // namespace cubby::emulator

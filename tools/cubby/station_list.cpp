#include "tools/cubby/station_list.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <fstream>
#include <unordered_set>

#include "cubby/v1/config.pb.h"
#include "firmware/base/limits.h"
#include "firmware/base/names.h"
#include "firmware/toml/toml_text.h"

namespace cubby::tools {
namespace {

// Empty: `name` is that of a station that could be. Else what is wrong with the line.
std::string read_line(const std::string& line, std::string& name) {
  v1::StationConfig config;
  if (!google::protobuf::util::JsonStringToMessage(line, &config).ok()) {
    return "not a StationConfig in JSON";
  }
  if (!is_station_name(config.station())) {
    return "station must be 1 to 32 of A-Z, 0-9, -";
  }
  if (config.version() == 0) {
    return "version must be at least 1";
  }
  if (config.door_size_size() < 1 || config.door_size_size() > static_cast<int>(limits::kCompartmentsMax)) {
    return "doorSize must name 1 to " + std::to_string(limits::kCompartmentsMax) + " doors";
  }
  name = config.station();
  return {};
}

// A line without its end; what is beyond the limit is skipped, one byte of it is kept. False: the end of the file.
bool next_line(std::istream& file, std::string& line) {
  line.clear();
  bool any = false;
  for (int c = file.get(); c != std::istream::traits_type::eof(); c = file.get()) {
    any = true;
    if (c == '\n') {
      break;
    }
    if (line.size() <= StationList::kLineMax) {
      line += static_cast<char>(c);
    }
  }
  if (line.ends_with('\r')) {
    line.pop_back();
  }
  return any;
}

// One station. What else the file says is judged where it is used, by cubby-controller --check.
void read_controller_config(const std::string& file, std::istream& stream, StationList& list) {
  const auto wrong = [&](const toml_text::Place& at, const std::string& what) {
    list.errors.push_back(file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": " + what);
  };
  if (list.errors.size() >= StationList::kErrorsMax) {
    return;
  }
  std::string text(StationList::kTomlMax + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (stream.bad() || text.size() > StationList::kTomlMax) {
    return wrong({1, 1}, "cannot be read, or is longer than " + std::to_string(StationList::kTomlMax) + " bytes");
  }
  const toml_text::Parsed parsed = toml_text::parse(text);
  if (parsed.problem) {
    return wrong(parsed.problem->at, parsed.problem->what);
  }
  const auto node = parsed.table["station"]["name"];
  const std::string name = node.value<std::string>().value_or(std::string());
  const toml_text::Place at = node.node() != nullptr ? toml_text::Place{.line = node.node()->source().begin.line,
                                                                        .column = node.node()->source().begin.column}
                                                     : toml_text::Place{.line = 1, .column = 1};
  if (!is_station_name(name)) {
    wrong(at, "[station] name must be 1 to 32 of A-Z, 0-9, -");
  } else if (std::find(list.names.begin(), list.names.end(), name) != list.names.end()) {
    wrong(at, "station " + name + " is named twice");
  } else if (list.names.size() == StationList::kStationsMax) {
    wrong(at, "more than " + std::to_string(StationList::kStationsMax) + " stations");
  } else {
    list.names.push_back(name);
  }
}

}  // namespace

void read_station_list(const std::string& file, StationList& list) {
  const auto wrong = [&list](const std::string& words) {
    if (list.errors.size() < StationList::kErrorsMax) {
      list.errors.push_back(words);
    }
  };
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    return wrong(file + ": cannot be read");
  }
  if (file.ends_with(".toml")) {
    return read_controller_config(file, stream, list);
  }
  std::unordered_set<std::string> known(list.names.begin(), list.names.end());
  const std::size_t names_before = list.names.size();
  std::string line;
  for (std::size_t number = 1; next_line(stream, line); ++number) {
    const std::string place = file + ":" + std::to_string(number) + ": ";
    if (line.empty()) {
      continue;
    }
    if (line.size() > StationList::kLineMax) {
      wrong(place + "the line is longer than " + std::to_string(StationList::kLineMax) + " bytes");
      continue;
    }
    std::string name;
    if (const std::string problem = read_line(line, name); !problem.empty()) {
      wrong(place + problem);
    } else if (!known.insert(name).second) {
      wrong(place + "station " + name + " is named twice");
    } else if (list.names.size() == StationList::kStationsMax) {
      return wrong(place + "more than " + std::to_string(StationList::kStationsMax) + " stations");
    } else {
      list.names.push_back(name);
    }
  }
  if (stream.bad()) {
    wrong(file + ": cannot be read to its end");
  } else if (list.errors.empty() && list.names.size() == names_before) {
    wrong(file + ": holds no stations");
  }
}

}  // namespace cubby::tools

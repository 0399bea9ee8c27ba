#include "tools/support/trace_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "firmware/base/names.h"
#include "tools/support/text.h"

namespace cubby::tools {
namespace {

constexpr std::string_view kHeader = "time,station,action,parcel,carrier,size";
constexpr std::size_t kColumns = 6;
constexpr std::size_t kErrorsMax = 20;
constexpr std::size_t kLineMax = 512;

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t comma = line.find(',', begin);
    cells.push_back(line.substr(begin, comma - begin));
    if (comma == std::string::npos) {
      return cells;
    }
    begin = comma + 1;
  }
}

// Empty: good. Else what is wrong with which cell.
std::string read_row(const std::vector<std::string>& cells, TraceLine& row, std::size_t& cell) {
  cell = 0;
  if (cells.size() != kColumns) {
    return std::to_string(cells.size()) + " columns instead of 6 (" + std::string(kHeader) + ")";
  }
  if (const auto utc = parse_utc_ms(cells[0])) {
    row.absolute = true;
    row.offset_ms = static_cast<std::int64_t>(*utc);
  } else if (const auto offset = parse_duration_ms(cells[0])) {
    row.offset_ms = static_cast<std::int64_t>(*offset);
  } else {
    double seconds = 0;
    const auto [end, code] = std::from_chars(cells[0].data(), cells[0].data() + cells[0].size(), seconds);
    if (code != std::errc() || end != cells[0].data() + cells[0].size() || !(seconds >= 0 && seconds < 1e9)) {
      return "time '" + cells[0] + "' is neither 2025-03-03T08:00:00Z nor, from the start, seconds or 90s, 10m, 2h, 1d";
    }
    row.offset_ms = static_cast<std::int64_t>(seconds * 1000);
  }
  cell = 2;
  row.station = cells[1];
  row.action = cells[2];
  row.parcel = cells[3];
  row.carrier = cells[4];
  if (row.action != "deposit" && row.action != "collect" && row.action != "refuse" && row.action != "recall") {
    return "action '" + row.action + "' is not deposit, collect, refuse or recall";
  }
  cell = 3;
  if (row.action != "recall" && (row.parcel.empty() || !is_parcel_text(row.parcel))) {
    return "parcel '" + row.parcel + "': 1 to 32 printable characters are needed";
  }
  cell = 4;
  if (row.action != "collect" && row.action != "refuse" && !is_carrier_name(row.carrier)) {
    return "carrier '" + row.carrier + "': 1 to 8 of a-z, 0-9 are needed";
  }
  if (row.action == "deposit") {
    cell = 5;
    constexpr std::array<std::string_view, 4> kSizes{"S", "M", "L", "XL"};
    const auto found = std::find(kSizes.begin(), kSizes.end(), cells[5]);
    if (found == kSizes.end()) {
      return "size '" + cells[5] + "' is not S, M, L or XL";
    }
    row.size = static_cast<std::uint8_t>(found - kSizes.begin() + 1);
    cell = 3;
    return parcel_number_problem(row.parcel);
  }
  return {};
}

std::size_t column_of(const std::vector<std::string>& cells, std::size_t cell) {
  std::size_t column = 1;
  for (std::size_t i = 0; i < cell && i < cells.size(); ++i) {
    column += cells[i].size() + 1;
  }
  return column;
}

std::string order_problem(const TraceLine& row, const TraceLine& before) {
  const std::string line = std::to_string(before.line);
  if (row.absolute != before.absolute) {
    return "this time is " + std::string(row.absolute ? "UTC" : "in seconds") + ", that of line " + line + " is not";
  }
  return row.offset_ms < before.offset_ms ? "time goes back (line " + line + " is later)" : std::string();
}

}  // namespace

std::string trace_place(const std::string& file, std::size_t line, std::size_t column) {
  return file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": ";
}

std::vector<TraceLine> read_trace(const std::string& file, std::vector<std::string>& errors) {
  std::vector<TraceLine> rows;
  std::error_code code;
  if (std::filesystem::is_directory(file, code)) {
    errors.push_back(file + ": is a directory");
    return rows;
  }
  std::ifstream stream(file);
  if (!stream) {
    errors.push_back(file + ": cannot be read");
    return rows;
  }
  std::string line;
  std::size_t number = 0;
  while (std::getline(stream, line) && errors.size() < kErrorsMax) {
    ++number;
    if (number == 1 && line.starts_with("\xEF\xBB\xBF")) {
      line.erase(0, 3);
    }
    if (!line.empty() && line.back() == '\r') {
      line.pop_back();
    }
    if (line.empty() || line.front() == '#' || (number == 1 && line == kHeader)) {
      continue;
    }
    TraceLine row;
    row.line = number;
    const std::vector<std::string> cells = line.size() <= kLineMax ? split(line) : std::vector<std::string>{};
    std::size_t cell = 0;
    std::string problem = line.size() > kLineMax ? "longer than 512 characters" : read_row(cells, row, cell);
    if (problem.empty() && !rows.empty()) {
      cell = 0;
      problem = order_problem(row, rows.back());
    }
    if (!problem.empty()) {
      errors.push_back(trace_place(file, number, column_of(cells, cell)) + problem);
      continue;
    }
    row.station_column = column_of(cells, 1);
    rows.push_back(std::move(row));
  }
  if (rows.empty() && errors.empty()) {
    errors.push_back(file + ": holds no rows");
  }
  return rows;
}

}  // namespace cubby::tools

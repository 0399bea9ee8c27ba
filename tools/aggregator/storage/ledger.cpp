#include <array>
#include <charconv>
#include <fstream>
#include <string_view>

#include "tools/aggregator/storage/verifier.h"

namespace cubby::aggregator {
namespace {

constexpr std::string_view kHeader =
    "station,compartment,true_deposits,true_collections,true_recalls,true_refusals,true_drop_offs,true_dispatches,"
    "deposits,collections,recalls,refusals,drop_offs,dispatches,unsure,door_openings";
constexpr std::size_t kFields = 4 + 2 * OpeningCounts::kKinds;

bool number_from(std::string_view text, std::int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= 0;
}

bool parse_row(std::string_view line, LedgerRow& row) {
  std::array<std::string_view, kFields> fields;
  for (std::size_t i = 0; i < kFields; ++i) {
    const std::size_t comma = line.find(',');
    if ((comma == std::string_view::npos) != (i + 1 == kFields)) {
      return false;
    }
    fields[i] = line.substr(0, comma);
    line.remove_prefix(comma == std::string_view::npos ? line.size() : comma + 1);
  }
  std::int64_t compartment = 0;
  row.station = fields[0];
  if (!number_from(fields[1], compartment) || compartment < 1 || compartment > 255) {
    return false;
  }
  row.compartment = static_cast<std::uint32_t>(compartment);
  bool good = number_from(fields[kFields - 2], row.unsure) && number_from(fields[kFields - 1], row.door_openings);
  for (std::size_t kind = 0; kind < OpeningCounts::kKinds; ++kind) {
    good = good && number_from(fields[2 + kind], row.truth.of[kind]) &&
           number_from(fields[2 + OpeningCounts::kKinds + kind], row.observable.of[kind]);
  }
  return good;
}

}  // namespace

std::string read_ledger(const std::string& path, std::vector<LedgerRow>& rows) {
  std::ifstream file(path);
  if (!file) {
    return path + ": cannot be read";
  }
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (line.ends_with('\r')) {
      line.pop_back();
    }
    if (number == 1) {
      if (line != kHeader) {
        return path + ":1: the header is not that of a ledger";
      }
      continue;
    }
    if (!parse_row(line, rows.emplace_back())) {
      return path + ":" + std::to_string(number) + ": not a row of a ledger";
    }
  }
  return rows.empty() ? path + ": holds no rows" : std::string();
}

}  // namespace cubby::aggregator

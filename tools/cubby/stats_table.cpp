#include "tools/cubby/stats_table.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "tools/support/text.h"

namespace cubby::tools {
namespace {

namespace json = boost::json;

enum class Kind : std::uint8_t { kLabel, kCount, kState };  // Counts can be added up over rows.

struct TableColumn {
  const char* name;  // In JSON.
  const char* title;
  Kind kind;
};

constexpr auto kColumns = std::to_array<TableColumn>({
    {"station", "station", Kind::kLabel},
    {"city", "city", Kind::kLabel},
    {"compartment", "compartment", Kind::kLabel},
    {"brand", "brand", Kind::kLabel},
    {"size", "size", Kind::kLabel},
    {"hour", "hour", Kind::kLabel},
    {"day", "day", Kind::kLabel},
    {"stations", "stations", Kind::kCount},
    {"compartments", "compartments", Kind::kCount},
    {"occupied", "occupied", Kind::kState},
    {"mean_occupied", "mean occupied", Kind::kState},
    {"deposits", "deposits", Kind::kCount},
    {"collections", "collections", Kind::kCount},
    {"recalls", "recalls", Kind::kCount},
    {"refusals", "refusals", Kind::kCount},
    {"drop_offs", "drop-offs", Kind::kCount},
    {"dispatches", "dispatches", Kind::kCount},
    {"overdue", "overdue", Kind::kCount},
    {"turned_away", "turned away", Kind::kCount},
    {"mean_dwell_h", "mean dwell h", Kind::kState},
    {"dwell_p50_h", "p50 h", Kind::kState},
    {"dwell_p90_h", "p90 h", Kind::kState},
    {"dwell_p99_h", "p99 h", Kind::kState},
    {"turns", "turns", Kind::kState},
    {"door_cycles", "door cycles", Kind::kCount},
    {"mean_door_open_s", "door open s", Kind::kState},
    {"first_open_ratio", "first open", Kind::kState},
    {"open_failed", "not opened", Kind::kCount},
    {"wrong_codes", "wrong codes", Kind::kCount},
    {"lockouts", "lockouts", Kind::kCount},
    {"custody_uncertain", "uncertain", Kind::kCount},
    {"outages", "outages", Kind::kCount},
    {"uptime", "uptime", Kind::kState},
});

std::string text_of(const json::value* value) {
  if (value == nullptr) {
    return "-";
  }
  if (value->is_string()) {
    return std::string(value->as_string());
  }
  if (value->is_double()) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), std::abs(value->as_double()) < 2 ? "%.4f" : "%.2f", value->as_double());
    return text.data();
  }
  return json::serialize(*value);
}

std::int64_t number_of(const json::value* value) {
  return value != nullptr && value->is_int64() ? value->as_int64() : 0;
}

std::vector<const TableColumn*> columns_present(const json::array& rows) {
  std::vector<const TableColumn*> present;
  for (const TableColumn& column : kColumns) {
    const bool somewhere = std::any_of(rows.begin(), rows.end(), [&column](const json::value& row) {
      return row.is_object() && row.as_object().contains(column.name);
    });
    if (somewhere) {
      present.push_back(&column);
    }
  }
  return present;
}

std::vector<std::string> total_line(const json::array& rows, const std::vector<const TableColumn*>& columns) {
  std::vector<std::string> line;
  for (const TableColumn* column : columns) {
    if (column->kind != Kind::kCount) {
      line.emplace_back(line.empty() ? "total" : "");
      continue;
    }
    std::int64_t sum = 0;
    for (const json::value& row : rows) {
      sum += number_of(row.as_object().if_contains(column->name));
    }
    line.push_back(std::to_string(sum));
  }
  return line;
}

void print_lines(std::ostream& out, const std::vector<std::vector<std::string>>& lines,
                 const std::vector<const TableColumn*>& columns) {
  std::vector<std::size_t> widths(columns.size(), 0);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], line[i].size());
    }
  }
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string fill(widths[i] - line[i].size(), ' ');
      text += i == 0 ? "" : "  ";
      text += columns[i]->kind == Kind::kLabel ? line[i] + fill : fill + line[i];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out << text << '\n';
  }
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) {
    return text;
  }
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c;
    if (c == '"') {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::uint64_t watermark_of(const json::object& answer) {
  const json::value* value = answer.if_contains("watermark_utc_ms");
  return static_cast<std::uint64_t>(number_of(value));
}

}  // namespace

void write_table(std::ostream& out, const json::object& answer) {
  const json::array& rows = answer.at("rows").as_array();
  if (rows.empty()) {
    out << "nothing yet\n";
    return;
  }
  const auto columns = columns_present(rows);
  std::vector<std::vector<std::string>> lines(1);
  for (const TableColumn* column : columns) {
    lines.front().emplace_back(column->title);
  }
  for (const json::value& row : rows) {
    std::vector<std::string>& line = lines.emplace_back();
    for (const TableColumn* column : columns) {
      line.push_back(text_of(row.as_object().if_contains(column->name)));
    }
  }
  if (rows.size() > 1) {
    lines.push_back(total_line(rows, columns));
  }
  print_lines(out, lines, columns);
  const json::value* complete = answer.if_contains("complete");
  const bool whole = complete != nullptr && complete->is_bool() && complete->as_bool();
  const json::value* kept_from = answer.if_contains("kept_from");
  out << "newest event " << format_utc(watermark_of(answer)) << ", ";
  if (kept_from != nullptr) {
    out << "NOT complete: such rows are kept from " << text_of(kept_from) << " on\n";
  } else {
    out << (whole ? "complete" : "NOT complete: see gaps, opaque_events, unplaced in --format json") << '\n';
  }
}

void write_csv(std::ostream& out, const json::object& answer) {
  const json::array& rows = answer.at("rows").as_array();
  std::vector<std::string> names;
  for (const json::value& row : rows) {
    for (const auto& field : row.as_object()) {
      if (std::find(names.begin(), names.end(), field.key()) == names.end()) {
        names.emplace_back(field.key());
      }
    }
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    out << (i == 0 ? "" : ",") << names[i];
  }
  out << '\n';
  for (const json::value& row : rows) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const json::value* value = row.as_object().if_contains(names[i]);
      out << (i == 0 ? "" : ",")
          << (value == nullptr ? std::string()
                               : csv_field(value->is_double() ? decimal_text(value->as_double()) : text_of(value)));
    }
    out << '\n';
  }
}

}  // namespace cubby::tools

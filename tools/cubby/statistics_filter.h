#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace cubby::tools {

/// Which rows of statistics, and in which order; the same words for `cubby stats` and `cubby export stats`.
struct StatisticsFilter {
  std::string by = "city";
  std::string station;
  std::string city;
  std::string from;
  std::string to;
  std::string sort;
};

/// `filter` must outlive the parsing.
void add_statistics_filter(CLI::App& app, StatisticsFilter& filter);

}  // namespace cubby::tools

#include "tools/cubby/statistics_filter.h"

namespace cubby::tools {

void add_statistics_filter(CLI::App& app, StatisticsFilter& filter) {
  app.add_option("--by", filter.by, "what a row is about")
      ->check(CLI::IsMember({"city", "station", "compartment", "brand", "size", "hour", "day"}));
  app.add_option("--station", filter.station, "only this station, e.g. SX-TY-0007");
  app.add_option("--city", filter.city, "only this city");
  app.add_option("--from", filter.from, "first local day, e.g. 2025-03-03");
  app.add_option("--to", filter.to, "the day after the last");
  app.add_option("--sort", filter.sort, "a column's name in --format json or jsonl, with :desc for the greatest first");
}

}  // namespace cubby::tools

#include "tools/cubby/export_command.h"

#include <boost/json.hpp>
#include <chrono>
#include <iostream>
#include <memory>

#include "tools/aggregator/storage/store_reader.h"
#include "tools/cubby/export_events.h"
#include "tools/cubby/statistics_filter.h"
#include "tools/support/command_line.h"
#include "tools/support/text.h"

namespace cubby::tools {
namespace {

namespace json = boost::json;
using aggregator::day_from_text;
using aggregator::Figure;

struct EventOptions {
  std::string store;
  std::string station;
  std::string from;
  std::string to;
  std::string format = "jsonl";
  std::string uri_prefix = "https://cubby.example/";
};

struct StatsOptions : StatisticsFilter {
  std::string store;
  std::string format = "csv";
};

constexpr const char* kEventExamples = R"help(Examples:
  cubby export events --store cubby.db > events.jsonl
  cubby export events --store cubby.db --station SX-TY-0007 --from 2025-03-03 --to 2025-03-10 --format csv
  cubby export events --store cubby.db --format epcis --uri-prefix https://lockers.example.org/ > epcis.json
The numbers of parcels are among them.)help";

constexpr const char* kStatsExamples = R"help(Examples:
  cubby export stats --store cubby.db --by station --from 2025-03-01 --to 2025-04-01 > march.csv
  cubby export stats --store cubby.db --by day --city Taiyuan --format jsonl)help";

int fail(const std::string& words) {
  std::cerr << "cubby export: " << words << '\n';
  return kExitFailure;
}

CLI::Validator day_validator() {
  return {[](std::string& text) {
            return day_from_text(text) ? std::string() : "'" + text + "' is not a date; write it like 2025-03-03";
          },
          "DATE"};
}

CLI::Validator uri_validator() {
  return {
      [](std::string& text) {
        const bool good = (text.starts_with("https://") || text.starts_with("http://") || text.starts_with("urn:")) &&
                          (text.ends_with('/') || text.ends_with(':')) && text.size() <= 200 &&
                          text.find_first_of(" \"<>\\^`{|}\t\r\n") == std::string::npos;
        return good ? std::string() : "'" + text + "' is not the beginning of URIs; write https://NAME/ or urn:NAME:";
      },
      "URI"};
}

std::optional<std::int64_t> day_or_none(const std::string& text) {
  return text.empty() ? std::nullopt : day_from_text(text);
}

// Empty, or why the two do not go together.
std::string check_days(const std::string& from, const std::string& to) {
  return !from.empty() && !to.empty() && *day_from_text(from) >= *day_from_text(to)
             ? "--from must be before --to, which is the day after the last"
             : "";
}

int finish_output() {
  std::cout.flush();
  return std::cout ? kExitOk : fail("standard output cannot be written");
}

int export_events(const EventOptions& options) {
  if (const std::string wrong = check_days(options.from, options.to); !wrong.empty()) {
    std::cerr << "cubby export: " << wrong << '\n';
    return kExitUsage;
  }
  aggregator::LogReader reader;
  if (const std::string wrong = reader.open(options.store); !wrong.empty()) {
    return fail(options.store + ": " + wrong);
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto now_ms = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  const std::unique_ptr<EventWriter> writer = options.format == "csv" ? make_csv_writer(std::cout)
                                              : options.format == "epcis"
                                                  ? make_epcis_writer(std::cout, options.uri_prefix, now_ms)
                                                  : make_json_lines_writer(std::cout);
  bool begun = false;
  const std::string wrong = reader.read(
      {.station = options.station, .from_day = day_or_none(options.from), .to_day = day_or_none(options.to)},
      [&](const aggregator::LoggedEvent& event) {
        if (!begun) {
          writer->begin();
          begun = true;
        }
        writer->take(event);
        return std::cout.good();
      });
  if (!wrong.empty()) {
    return fail(options.store + ": " + wrong);
  }
  if (!begun) {
    writer->begin();
  }
  writer->end();
  if (writer->left_out() > 0) {
    std::cerr << "cubby export: " << writer->left_out() << " events without a time are left out\n";
  }
  return finish_output();
}

std::string text_of(const Figure& figure) {
  if (const auto* whole = std::get_if<std::int64_t>(&figure)) {
    return std::to_string(*whole);
  }
  const auto* real = std::get_if<double>(&figure);
  return real == nullptr ? std::string() : decimal_text(*real);
}

// Every figure that at least one row knows, so that no column is empty all the way down.
std::vector<std::size_t> figures_present(const aggregator::StatisticsAnswer& answer) {
  std::vector<std::size_t> present;
  for (std::size_t figure = 0; figure < aggregator::figure_names().size(); ++figure) {
    for (const aggregator::StatisticsRow& row : answer.rows) {
      if (!std::holds_alternative<std::monostate>(aggregator::figure_of(row, answer.has, figure))) {
        present.push_back(figure);
        break;
      }
    }
  }
  return present;
}

void write_rows_as_csv(const aggregator::StatisticsAnswer& answer) {
  if (answer.rows.empty()) {
    return;
  }
  const std::vector<std::size_t> figures = figures_present(answer);
  std::string separator;
  for (const auto& [name, value] : answer.rows.front().labels) {
    std::cout << std::exchange(separator, ",") << name;
  }
  for (const std::size_t figure : figures) {
    std::cout << ',' << aggregator::figure_names()[figure];
  }
  std::cout << "\r\n";
  for (const aggregator::StatisticsRow& row : answer.rows) {
    separator.clear();
    for (const auto& [name, value] : row.labels) {
      std::cout << std::exchange(separator, ",") << csv_field(value);
    }
    for (const std::size_t figure : figures) {
      std::cout << ',' << text_of(aggregator::figure_of(row, answer.has, figure));
    }
    std::cout << "\r\n";
  }
}

void write_rows_as_json_lines(const aggregator::StatisticsAnswer& answer) {
  for (const aggregator::StatisticsRow& row : answer.rows) {
    json::object object;
    for (const auto& [name, value] : row.labels) {
      object[name] = value;
    }
    for (std::size_t figure = 0; figure < aggregator::figure_names().size(); ++figure) {
      const Figure value = aggregator::figure_of(row, answer.has, figure);
      if (const auto* whole = std::get_if<std::int64_t>(&value)) {
        object[aggregator::figure_names()[figure]] = *whole;
      } else if (const auto* real = std::get_if<double>(&value)) {
        object[aggregator::figure_names()[figure]] = *real;
      }
    }
    std::cout << json::serialize(object) << '\n';
  }
}

int export_stats(const StatsOptions& options) {
  if (const std::string wrong = check_days(options.from, options.to); !wrong.empty()) {
    std::cerr << "cubby export: " << wrong << '\n';
    return kExitUsage;
  }
  aggregator::StoreReader reader;
  if (const std::string wrong = reader.open(options.store); !wrong.empty()) {
    return fail(options.store + ": " + wrong);
  }
  aggregator::StatisticsQuery query;
  query.by = *aggregator::group_by_from_text(options.by);
  query.station = options.station;
  query.city = options.city;
  query.from_day = day_or_none(options.from);
  query.to_day = day_or_none(options.to);
  query.limit = SIZE_MAX;
  if (!aggregator::parse_sort(options.sort, query)) {
    std::cerr << "cubby export: --sort: '" << options.sort << "' is not COLUMN, COLUMN:asc or COLUMN:desc\n";
    return kExitUsage;
  }
  const aggregator::StatisticsAnswer answer = reader.statistics(query);
  if (answer.status != aggregator::ReadStatus::kOk) {
    return fail(answer.detail);
  }
  if (options.format == "csv") {
    write_rows_as_csv(answer);
  } else {
    write_rows_as_json_lines(answer);
  }
  if (!answer.complete) {
    std::cerr << "cubby export: not complete: " << answer.gaps << " gaps, " << answer.opaque_events
              << " events that are not understood, " << answer.unplaced << " deliveries without a time";
    if (answer.kept_from_day.has_value()) {
      std::cerr << "; such rows are kept from " << aggregator::day_text(*answer.kept_from_day) << " on";
    }
    std::cerr << '\n';
  }
  return finish_output();
}

void add_events(CLI::App& parent, int& exit_code) {
  auto options = std::make_shared<EventOptions>();
  CLI::App* events = parent.add_subcommand("events", "Writes the events of the log, in the order of application");
  events->footer(kEventExamples);
  events->option_defaults()->always_capture_default();
  events->add_option("--store", options->store, "the aggregator's SQLite file; it may be running")
      ->required()
      ->check(CLI::ExistingFile);
  events->add_option("--station", options->station, "only this station")->check(station_validator());
  events->add_option("--from", options->from, "first local day, e.g. 2025-03-03")->check(day_validator());
  events->add_option("--to", options->to, "the day after the last")->check(day_validator());
  events->add_option("--format", options->format, "how to write them")->check(CLI::IsMember({"jsonl", "csv", "epcis"}));
  events->add_option("--uri-prefix", options->uri_prefix, "how the URIs of an EPCIS document begin; a domain of yours")
      ->check(uri_validator());
  events->callback([options, &exit_code] { exit_code = export_events(*options); });
}

void add_stats(CLI::App& parent, int& exit_code) {
  auto options = std::make_shared<StatsOptions>();
  CLI::App* stats = parent.add_subcommand("stats", "Writes rows of statistics");
  stats->footer(kStatsExamples);
  stats->option_defaults()->always_capture_default();
  stats->add_option("--store", options->store, "the aggregator's SQLite file; it may be running")
      ->required()
      ->check(CLI::ExistingFile);
  add_statistics_filter(*stats, *options);
  stats->get_option("--station")->check(station_validator());
  stats->get_option("--from")->check(day_validator());
  stats->get_option("--to")->check(day_validator());
  stats->add_option("--format", options->format, "how to write them")->check(CLI::IsMember({"csv", "jsonl"}));
  stats->callback([options, &exit_code] { exit_code = export_stats(*options); });
}

}  // namespace

void add_export_command(CLI::App& app, int& exit_code) {
  CLI::App* parent = app.add_subcommand("export", "Writes a store's events or statistics for other software");
  parent->footer(std::string(kEventExamples) +
                 std::string(std::string_view(kStatsExamples).substr(sizeof("Examples:") - 1)));
  parent->require_subcommand(1);
  add_events(*parent, exit_code);
  add_stats(*parent, exit_code);
}

}  // namespace cubby::tools

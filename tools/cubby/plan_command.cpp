#include "tools/cubby/plan_command.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>

#include "tools/cubby/plan_output.h"
#include "tools/cubby/plan_simulation.h"
#include "tools/emulator/profile_choice.h"
#include "tools/support/command_line.h"
#include "tools/support/progress.h"

namespace cubby::tools {
namespace {

constexpr std::uint32_t kStationsLeast = 5;  // For an interval that says anything.
constexpr std::uint32_t kStationsMost = 400;
constexpr std::size_t kCandidatesMax = 500;
constexpr std::uint64_t kBudgetMax = 100'000'000;
constexpr std::uint32_t kDaysMax = 365;
constexpr std::uint32_t kDays = 14;
constexpr std::uint32_t kWarmUpDays = 7;
constexpr std::uint32_t kRetentionMaxH = 720;

struct PlanOptions {
  std::string profile = "shanxi";
  std::vector<std::string> settings;
  double target_percent = 1;
  std::vector<std::string> layouts;
  std::string doors;
  std::vector<std::string> shares{"8/24/68"};
  std::vector<std::uint32_t> retentions;
  std::string trace;
  std::optional<std::uint32_t> days;
  std::optional<std::uint32_t> warm_up_days;
  std::uint64_t budget = 20'000;
  double confidence_percent = 95;
  std::uint64_t seed = 1;
  std::uint32_t threads = std::max(1U, std::thread::hardware_concurrency());
  std::string format = "table";
  std::string svg;
};

struct PlanDemand {
  emulator::Profile profile;
  PlanTrace trace;  // Empty: the profile's demand.
};

constexpr const char* kExamples = R"help(Examples:
  cubby plan
      the maker's five cabinets under the demand of shanxi's mean station, and which keeps 1 % turned away
  cubby plan --set offered_per_station_day_milli=93500 --retention 24,48 --svg peak.svg
      the same at 1.87 times the parcels, with two retentions
  cubby plan --trace march.csv --doors 60:120:20
      the parcels that were really brought to one's own stations, with other cabinets
  cubby plan --profile erlang --doors 46:60:2 --shares 0/0/1 --format csv
      a loss system with a known answer)help";

int complain(const std::string& words) {
  std::cerr << "cubby plan: " << words << '\n';
  return kExitUsage;
}

// Empty: `layouts` has every candidate once; else what is wrong.
std::string choose_layouts(const PlanOptions& options, std::vector<PlanLayout>& layouts) {
  std::vector<PlanLayout> all;
  for (const std::string& text : options.layouts) {
    if (std::string error = parse_layout(text, all.emplace_back()); !error.empty()) {
      return "--layout: " + error;
    }
  }
  if (!options.doors.empty()) {
    for (const std::string& shares : options.shares) {
      if (std::string error = parse_door_range(options.doors, shares, all); !error.empty()) {
        return "--doors, --shares: " + error;
      }
    }
  }
  if (all.empty()) {
    // A Chinese maker's: a main unit of 20 doors and one to five side units of 26.
    all = {{4, 11, 31}, {6, 17, 49}, {8, 23, 67}, {10, 29, 85}, {12, 35, 103}};
  }
  for (const PlanLayout& layout : all) {
    if (std::find(layouts.begin(), layouts.end(), layout) == layouts.end()) {
      layouts.push_back(layout);
    }
  }
  return {};
}

// A station to which nothing is brought says nothing.
PlanRow row_of(const PlanLayout& layout, std::uint32_t retention_h, const std::vector<Replication>& stations,
               const PlanReport& report) {
  PlanRow row{.layout = layout, .retention_h = retention_h, .turned_away = {}};
  std::uint64_t recalled = 0;
  std::uint64_t stored = 0;
  for (const Replication& station : stations) {
    row.offered += station.offered;
    stored += station.offered - station.turned_away;
    recalled += station.recalled;
    row.occupied += station.occupied / static_cast<double>(stations.size());
  }
  if (row.offered == 0) {
    return row;
  }
  row.turned_away = turned_away_share(stations, report.confidence);
  row.recalled = stored == 0 ? 0 : static_cast<double>(recalled) / static_cast<double>(stored);
  row.verdict = verdict_of(row.turned_away, report.target);
  return row;
}

// False: somebody stopped it.
bool simulate(const PlanOptions& options, const PlanDemand& demand, const std::vector<PlanLayout>& layouts,
              const std::vector<std::uint32_t>& retentions, PlanReport& report) {
  const PlanSimulation how{.stations = report.stations,
                           .warm_up_days = report.warm_up_days,
                           .days = report.days,
                           .seed = options.seed,
                           .threads = options.threads,
                           .trace = demand.trace.empty() ? nullptr : &demand.trace};
  const double days = static_cast<double>(layouts.size() * retentions.size()) * (report.warm_up_days + report.days);
  Progress progress("plan", days, "station-days");
  std::uint64_t done = 0;
  const auto told = [&] {
    ++done;
    progress.update(static_cast<double>(done), done * report.stations);
    return !stop_requested();
  };
  for (const PlanLayout& layout : layouts) {
    for (const std::uint32_t retention : retentions) {
      const std::vector<Replication> stations = simulate_plan(demand.profile, layout, retention, how, told);
      if (stations.empty()) {
        return false;
      }
      report.rows.push_back(row_of(layout, retention, stations, report));
    }
  }
  progress.finish();
  return true;
}

int write(const PlanOptions& options, const PlanReport& report) {
  if (options.format == "json") {
    write_plan_json(std::cout, report);
  } else if (options.format == "csv") {
    write_plan_csv(std::cout, report);
  } else {
    write_plan_table(std::cout, report);
  }
  std::cout.flush();
  if (!options.svg.empty()) {
    std::ofstream stream(options.svg);
    write_plan_svg(stream, report);
    stream.flush();
    if (!stream) {
      std::cerr << "cubby plan: --svg " << options.svg << ": cannot be written\n";
      return kExitFailure;
    }
  }
  return std::cout ? kExitOk : kExitFailure;
}

// Empty: days, warm-up and stations are set; else what is wrong.
std::string choose_span(const PlanOptions& options, const PlanTrace& trace, std::size_t candidates,
                        PlanReport& report) {
  std::uint32_t days = kDays;
  std::uint32_t warm_up = kWarmUpDays;
  if (!trace.empty()) {
    warm_up = std::min(kWarmUpDays, trace.days / 4);
    if (options.warm_up_days.value_or(warm_up) + options.days.value_or(1) > trace.days) {
      return "--trace " + trace.file + ": it ends with day " + std::to_string(trace.days) + "; a warm-up of " +
             std::to_string(options.warm_up_days.value_or(warm_up)) + " and --days ask for more";
    }
    days = trace.days - options.warm_up_days.value_or(warm_up);
    if (trace.stations.size() < kStationsLeast) {
      return "--trace " + trace.file + ": a plan needs at least " + std::to_string(kStationsLeast) +
             " stations for its intervals, this has " + std::to_string(trace.stations.size());
    }
  }
  report.days = options.days.value_or(days);
  report.warm_up_days = options.warm_up_days.value_or(warm_up);
  const std::uint64_t station_days = candidates * (report.warm_up_days + report.days);
  const std::uint64_t least = trace.empty() ? kStationsLeast : trace.stations.size();
  if (options.budget < least * station_days) {
    return "--budget: " + std::to_string(candidates) + " candidates of " +
           std::to_string(report.warm_up_days + report.days) + " days" +
           (trace.empty() ? "" : " and the trace's " + std::to_string(least) + " stations") + " need at least " +
           std::to_string(least * station_days) + " station-days";
  }
  report.stations = static_cast<std::uint32_t>(
      trace.empty() ? std::min<std::uint64_t>(kStationsMost, options.budget / station_days) : least);
  return {};
}

// What is wrong, a line each.
std::vector<std::string> choose_demand(const PlanOptions& options, PlanDemand& demand) {
  std::vector<std::string> errors = choose_profile(options.profile, options.settings, demand.profile);
  if (errors.empty() && !options.trace.empty()) {
    demand.trace = read_plan_trace(options.trace, errors);
  }
  return errors;
}

int run(const PlanOptions& options) {
  PlanDemand demand;
  if (const auto errors = choose_demand(options, demand); !errors.empty()) {
    for (const std::string& error : errors) {
      (void)complain(error);
    }
    return kExitUsage;
  }
  std::vector<PlanLayout> layouts;
  if (const std::string error = choose_layouts(options, layouts); !error.empty()) {
    return complain(error);
  }
  const std::vector<std::uint32_t> retentions =
      options.retentions.empty() ? std::vector<std::uint32_t>{demand.profile.retention_h} : options.retentions;
  const std::size_t candidates = layouts.size() * retentions.size();
  if (candidates > kCandidatesMax) {
    return complain("--doors, --shares, --retention: these are " + std::to_string(candidates) +
                    " candidates; at most " + std::to_string(kCandidatesMax) + " are compared");
  }
  PlanReport report;
  if (const std::string error = choose_span(options, demand.trace, candidates, report); !error.empty()) {
    return complain(error);
  }
  // Tried before hours are spent on what goes there.
  if (!options.svg.empty() && !std::ofstream(options.svg, std::ios::app)) {
    return complain("--svg " + options.svg + ": cannot be written");
  }
  report.profile = demand.profile.name;
  report.trace = options.trace;
  report.target = options.target_percent / 100;
  report.confidence = options.confidence_percent / 100;
  report.seed = options.seed;
  std::cerr << "cubby plan: seed=" << options.seed << " profile=" << report.profile
            << (report.trace.empty() ? "" : " trace=" + report.trace) << " candidates=" << candidates
            << " stations=" << report.stations << " days=" << report.warm_up_days << "+" << report.days << '\n';
  if (!simulate(options, demand, layouts, retentions, report)) {
    std::cerr << "cubby plan: stopped\n";
    return kExitFailure;
  }
  return write(options, report);
}

void declare(CLI::App& command, PlanOptions& options) {
  command.add_option("--profile", options.profile, "Demand: a built-in profile or a TOML file, as of cubby-emulator")
      ->capture_default_str();
  command.add_option("--set", options.settings, "KEY=VALUE above the profile's own; may be given again")
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--trace", options.trace,
                     "Demand: CSV time,station,action,parcel,carrier,size; each of its stations stands for itself");
  command.add_option("--target", options.target_percent, "Percent of parcels that may be turned away")
      ->check(number_range(0.001, 99))
      ->capture_default_str();
  command.add_option("--layout", options.layouts, "Doors L/M/S of a candidate; may be given again")
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--doors", options.doors, "FIRST:LAST:STEP doors of candidates, divided by --shares");
  command.add_option("--shares", options.shares, "How --doors are divided into L/M/S; may be given again")
      ->take_all()
      ->allow_extra_args(false)
      ->capture_default_str();
  command.add_option("--retention", options.retentions, "Hours, separated by commas; default: the profile's")
      ->delimiter(',')
      ->check(integer_range(1, kRetentionMaxH));
  command.add_option("--days", options.days, "That count; default: 14, or what the trace has after its warm-up")
      ->check(integer_range(1, kDaysMax));
  command
      .add_option("--warm-up", options.warm_up_days,
                  "Days before them, while stations fill; default: 7, or a quarter of a shorter trace")
      ->check(integer_range(0, kDaysMax));
  command.add_option("--budget", options.budget, "Station-days to simulate at most, in all")
      ->check(integer_range(1, kBudgetMax))
      ->capture_default_str();
  command.add_option("--confidence", options.confidence_percent, "Percent, of each interval")
      ->check(number_range(50, 99.999))
      ->capture_default_str();
  command.add_option("--seed", options.seed, "Same seed, same answer")
      ->check(integer_range(0, UINT64_MAX))
      ->capture_default_str();
  command.add_option("--threads", options.threads, "Default: all processors; the answer is the same")
      ->check(integer_range(1, 64));
  command.add_option("--format", options.format, "table, csv or json")
      ->check(CLI::IsMember({"table", "csv", "json"}))
      ->capture_default_str();
  command.add_option("--svg", options.svg, "Draw the shares over the doors there");
  command.footer(kExamples);
}

}  // namespace

void add_plan_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* command = app.add_subcommand("plan", "Simulates cabinets and retentions and says which is enough");
  declare(*command, *options);
  command->callback([options, &exit_code] {
    install_signal_handlers();
    exit_code = run(*options);
  });
}

}  // namespace cubby::tools

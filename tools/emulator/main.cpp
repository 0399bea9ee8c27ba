// cubby-emulator: a fleet of lockers, in real time or as fast as it goes.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <random>
#include <thread>

#include "emulator/lockstep/lockstep_host.h"
#include "tools/emulator/full_speed_run.h"
#include "tools/emulator/guest_process.h"
#include "tools/emulator/live_run.h"
#include "tools/emulator/profile_choice.h"
#include "tools/emulator/snapshot_file.h"
#include "tools/emulator/trace_resolver.h"
#include "tools/emulator/uplink_options.h"
#include "tools/support/command_line.h"
#include "tools/support/progress.h"
#include "tools/support/secret_file.h"

namespace {

using namespace cubby;
using namespace cubby::tools;

constexpr std::uint32_t kThreadsMax = 64;
constexpr std::uint32_t kStationsMax = 30'000;
constexpr double kDaysMin = 0.001;
constexpr double kDaysMax = 3'660;
constexpr int kGuestSilenceMostS = 3600;
constexpr std::uint32_t kWindowLeastS = 60;
constexpr std::uint32_t kWindowMostS = 300;
constexpr char kNone[] = "none";
constexpr char kControlDefault[] = "127.0.0.1:7500";
constexpr std::uint64_t kOpeningHourMs = 9 * 3'600'000;  // When the first couriers come.

constexpr std::uint32_t kStationsAThread = 64;  // At least, if they report to an aggregator.

/// An answer comes up to two windows after its question, and a station waits no longer than this for it.
constexpr std::uint32_t kWindowMaxS = (limits::kResponseDeadlineSMax - 1) / 2;

// As typed; turned into RunOptions by check().
struct Arguments {
  std::string profile = "shanxi";
  std::vector<std::string> settings;
  bool print_profile = false;
  std::uint32_t stations = 0;
  double days = -1;
  std::string speed = "1";
  std::uint64_t seed = 0;
  std::uint32_t threads = 0;
  std::string trace;
  UplinkArguments uplink;
  std::string control;
  std::string state;
  std::string snapshot;
  std::string restore;
  std::string until;
  std::string from;
  std::string ledger;
  std::string report;
  std::uint64_t run_id = 0;
  bool new_journals = false;
  std::string report_every;
  std::uint32_t window = 0;
  std::uint32_t code_digits = limits::kCodeDigits;
  bool no_skip = false;
  bool no_demand = false;
  std::string boards = "p5";
  std::string bus_noise = "off";
  bool item_sensors = false;
  bool profile_rooms = false;
  std::string start;
  std::string guest;
  int guest_silence = GuestProcess::kSilenceMaxS;
  std::string stations_file;
  std::string fleet_key;
  std::uint32_t key_version = 0;  // 0: not said.
  std::string token_file;
  std::string log_level = "info";
};

void declare_profile(CLI::App& app, Arguments& arguments) {
  app.add_option(
      "--profile", arguments.profile,
      "Demand and layout: shanxi (the province, 2,800 stations), town (28), nation (28,000), erlang (a loss\n"
      "system with a known answer), or a TOML file; default: shanxi");
  app.add_option("--set", arguments.settings, "KEY=VALUE above the profile's own; may be given again")
      ->take_all()
      ->allow_extra_args(false);
  app.add_flag("--print-profile", arguments.print_profile, "Print the profile in force as a TOML file, and end");
}

void declare_snapshot(CLI::App& app, Arguments& arguments) {
  app.add_option(
      "--snapshot", arguments.snapshot,
      "Write the whole fleet there at the end, so that --restore goes on as if it had never ended; at --speed max");
  app.add_option("--restore", arguments.restore,
                 "Go on from that snapshot, which says what the fleet is; --set changes how it goes on")
      ->check(CLI::ExistingFile);
  app.add_option("--until", arguments.until, "Virtual UTC at the end, in place of --days");
  app.add_option("--from", arguments.from,
                 "Virtual UTC from which on --report and the summary count; before is a warm-up; at --speed max");
}

void declare_hardware(CLI::App& app, Arguments& arguments) {
  app.add_flag("--no-skip-idle-polls", arguments.no_skip,
               "Run every poll of every lock board (slow; the trace hash is the same)");
  app.add_option("--boards", arguments.boards,
                 "Lock boards of the stations: p1, p2, p5, p6, p7, or mixed, as the province has them")
      ->check(CLI::IsMember({"p1", "p2", "p5", "p6", "p7", "mixed"}))
      ->capture_default_str();
  app.add_option("--bus-noise", arguments.bus_noise,
                 "On every station's bus, in a million bytes: flip=N,burst=N,drop=N,double=N,glue=N (slow)")
      ->capture_default_str();
  app.add_flag("--item-sensors", arguments.item_sensors,
               "Compartments have a sensor that sees whether a parcel is inside");
  app.add_option("--guest", arguments.guest,
                 "The first station's controller is that command, in lock-step on its standard input and output, e.g.\n"
                 "cubby-lockstep-guest; only at --speed max");
  app.add_option("--guest-silence", arguments.guest_silence,
                 "Seconds after which a silent guest is lost; 0: never, for a debugger")
      ->check(integer_range(0, kGuestSilenceMostS))
      ->capture_default_str();
}

void declare_secrets(CLI::App& app, Arguments& arguments) {
  app.add_option("--fleet-key", arguments.fleet_key,
                 "File with the fleet's key; default: fleet.key in the state folder of cubby");
  app.add_option("--key-version", arguments.key_version,
                 "Of every station's newest key, 1 to 65535; default: where the newest key of that file begins")
      ->check(integer_range(1, limits::kKeyVersionMax));
  app.add_option("--token-file", arguments.token_file,
                 "File with the control port's token; default: control.token there");
}

// What a snapshot says itself.
void exclude_from_restore(CLI::App& app) {
  for (const char* name :
       {"--profile", "--stations", "--seed", "--start", "--report-every", "--window", "--code-digits", "--boards",
        "--bus-noise", "--item-sensors", "--no-demand", "--run-id", "--state", "--trace", "--new-journals"}) {
    app.get_option("--restore")->excludes(app.get_option(name));
  }
  app.get_option("--until")->excludes(app.get_option("--days"));
  app.get_option("--snapshot")->excludes(app.get_option("--state"));
}

void declare(CLI::App& app, Arguments& arguments) {
  declare_profile(app, arguments);
  app.add_option("--stations", arguments.stations, "How many of the profile's stations, a fair sample; default: all")
      ->check(integer_range(1, kStationsMax));
  app.add_option("--days", arguments.days, "Virtual days; default: 1 at --speed max, else until stopped")
      ->check(number_range(kDaysMin, kDaysMax));
  app.add_option("--speed", arguments.speed, "1..1000 times real time, or max: virtual time as fast as it goes");
  app.add_option("--seed", arguments.seed, "Same seed, same run; default: random, printed")
      ->check(integer_range(0, UINT64_MAX));
  app.add_option("--threads", arguments.threads, "Default: all processors, with --aggregator one a 64 stations")
      ->check(integer_range(1, kThreadsMax));
  app.add_option("--trace", arguments.trace, "CSV time,station,action,parcel,carrier,size to play besides the demand");
  declare_uplink(app, arguments.uplink);
  app.add_option("--control", arguments.control,
                 "Port for cubby inject, or none; default: 127.0.0.1:7500 in real time; not at --speed max")
      ->check(listen_validator() | CLI::IsMember({kNone}));
  app.add_option("--state", arguments.state, "Folder that keeps the fleet, so that a killed run goes on");
  declare_snapshot(app, arguments);
  app.add_option("--ledger", arguments.ledger, "CSV of what people and doors did, written at the end");
  app.add_option("--report", arguments.report, "JSON summary, written at the end");
  app.add_option("--write-stations", arguments.stations_file,
                 "Write the stations' configurations there, a line of JSON each, and end; for cubby stations import");
  app.add_option("--run-id", arguments.run_id,
                 "Mixed into the journals' identities; default: random in real time, 0 at --speed max")
      ->check(integer_range(0, UINT64_MAX));
  app.add_flag("--new-journals", arguments.new_journals,
               "Announce fresh journals to a store that knows these stations");
  app.add_option("--report-every", arguments.report_every,
                 "Stations report at multiples of this, 0: at once; default: 60m at --speed max, else 0")
      ->check(duration_validator());
  app.add_option("--code-digits", arguments.code_digits,
                 "Of the pickup codes: 8, or 6 with a second input, the last 4 digits of the parcel's number")
      ->check(CLI::IsMember({limits::kCodeDigits, limits::kShortCodeDigits}))
      ->capture_default_str();
  app.add_option("--window", arguments.window,
                 "Virtual seconds between two talks with the centre at --speed max; default: a twelfth of\n"
                 "--report-every, 60 to 300")
      ->check(integer_range(1, kWindowMaxS));
  app.add_flag("--no-demand", arguments.no_demand, "Nobody comes but those who are injected");
  declare_hardware(app, arguments);
  app.add_flag("--profile-rooms", arguments.profile_rooms, "Measure processor time by room, for --report");
  app.add_option(
      "--start", arguments.start,
      "Virtual UTC at the start, e.g. 2025-03-02T16:00:00Z; default: midnight of the profile's first day at\n"
      "--speed max, else nine in the morning");
  declare_secrets(app, arguments);
  app.add_option("--log-level", arguments.log_level, "trace, debug, info, warn or error")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
  app.set_version_flag("--version", "cubby-emulator 0.1.0");
  exclude_from_restore(app);
  add_toml_config(app);
  app.footer(
      "Examples:\n"
      "  cubby-emulator --profile shanxi --days 1 --speed max --seed 7\n"
      "  cubby-emulator --stations 50 --speed 60 --aggregator 127.0.0.1:7400\n"
      "  cubby-emulator --speed max --days 30 --state ./fleet --aggregator 127.0.0.1:7400 --ledger ledger.csv");
}

std::string check_speed(const std::string& text, std::uint32_t& speed) {
  if (text == "max") {
    speed = 0;
    return {};
  }
  if (text.empty() || text.size() > 4 || text.find_first_not_of("0123456789") != std::string::npos ||
      std::stoul(text) < 1 || std::stoul(text) > 1000) {
    return "--speed: '" + text + "' is not 1 to 1000 or max";
  }
  speed = static_cast<std::uint32_t>(std::stoul(text));
  return {};
}

// Empty, or what is wrong with the times; `options` knows its start.
std::string check_times(const Arguments& arguments, const SnapshotFile* snapshot, RunOptions& options) {
  const auto begin =
      options.start_utc_ms + static_cast<std::uint64_t>(snapshot != nullptr ? snapshot->now_us() / 1000 : 0);
  const auto wrong = [&](const char* option, const std::string& text, const char* what) {
    return std::string(option) + ": '" + text + "' " + what + " " + format_utc(begin);
  };
  if (!arguments.until.empty()) {
    const auto until = parse_utc_ms(arguments.until);
    if (!until.has_value() || *until <= begin ||
        static_cast<double>(*until - options.start_utc_ms) > kDaysMax * 86'400e3) {
      return wrong("--until", arguments.until, "is no time such as 2025-03-09T16:00:00Z after the beginning,");
    }
    options.days = static_cast<double>(*until - options.start_utc_ms) / 86'400e3;
  } else if (snapshot != nullptr && options.days * 86'400e6 <= static_cast<double>(snapshot->now_us())) {
    return "--restore: this fleet is at " + format_utc(begin) + "; say until when with --until, or with --days from " +
           format_utc(options.start_utc_ms) + " on";
  }
  if (!arguments.from.empty()) {
    const auto from = parse_utc_ms(arguments.from);
    if (!from.has_value() || *from < begin ||
        static_cast<double>(*from - options.start_utc_ms) >= options.days * 86'400e3) {
      return wrong("--from", arguments.from, "is no time such as 2025-03-09T16:00:00Z within the run, which begins at");
    }
    options.from_utc_ms = *from;
  }
  options.snapshot_file = arguments.snapshot;
  options.restore_file = arguments.restore;
  const bool full_speed = options.speed == 0;
  if (!full_speed && (!arguments.snapshot.empty() || !arguments.restore.empty() || !arguments.from.empty())) {
    return "--snapshot, --restore and --from need --speed max; in real time a fleet is kept with --state";
  }
  if (!arguments.guest.empty() && (!arguments.snapshot.empty() || !arguments.restore.empty())) {
    return "--guest: what a guest has in memory cannot be put away; leave out --snapshot and --restore";
  }
  if (!arguments.snapshot.empty() &&
      (options.mixed_boards || options.board_family != BoardFamily::kP5 || to_string(options.bus_noise) != "off")) {
    return "--snapshot: only stations with P5 boards on a quiet line can be put away; leave out --boards and "
           "--bus-noise";
  }
  return {};
}

// The stations of a thread share the aggregator's commits, so that a few of them are cheaper on one.
std::uint32_t threads_of(const Arguments& arguments, std::uint32_t stations) {
  if (arguments.threads != 0) {
    return std::min(arguments.threads, stations);
  }
  const std::uint32_t most = arguments.uplink.aggregator.empty() ? stations : std::max(1U, stations / kStationsAThread);
  return std::min(most, std::max(1U, std::thread::hardware_concurrency()));
}

// Empty: `options` is good. Else one line that says what is wrong.
std::string check(const CLI::App& app, const Arguments& arguments, RunOptions& options) {
  if (std::string error = check_speed(arguments.speed, options.speed); !error.empty()) {
    return error;
  }
  const bool full_speed = options.speed == 0;
  options.stations = arguments.stations != 0 ? arguments.stations : options.profile.stations;
  options.days = arguments.days >= 0 ? arguments.days : (full_speed ? 1 : 0);
  std::random_device random;
  const auto draw = [&] { return static_cast<std::uint64_t>(random()) << 32 | random(); };
  options.seed_drawn = app.count("--seed") == 0;
  options.seed = !options.seed_drawn ? arguments.seed : draw() % 1'000'000'000;
  options.run_id = app.count("--run-id") > 0 ? arguments.run_id : (full_speed ? 0 : draw());
  options.threads = full_speed ? threads_of(arguments, options.stations) : 1;
  const std::string every = arguments.report_every.empty() ? (full_speed ? "60m" : "0") : arguments.report_every;
  options.report_interval_s = static_cast<std::uint32_t>(parse_duration_ms(every).value_or(0) / 1000);
  options.window_s = arguments.window != 0 ? arguments.window
                                           : std::clamp(options.report_interval_s / 12, kWindowLeastS, kWindowMostS);
  options.code_digits = arguments.code_digits;
  options.demand = !arguments.no_demand;
  options.item_sensors = arguments.item_sensors;
  options.mixed_boards = arguments.boards == "mixed";
  options.board_family = board_family(arguments.boards).value_or(BoardFamily::kP5);
  if (const std::string problem = emulator::apply_noise(options.bus_noise, arguments.bus_noise); !problem.empty()) {
    return "--bus-noise: " + problem;
  }
  options.new_journals = arguments.new_journals;
  options.skip_idle_polls = !arguments.no_skip;
  options.profile_rooms = arguments.profile_rooms;
  options.start_utc_ms = options.profile.start_utc_ms() + (full_speed ? 0 : kOpeningHourMs);
  if (!arguments.start.empty()) {
    const auto start = parse_utc_ms(arguments.start);
    if (!start.has_value()) {
      return "--start: '" + arguments.start + "' is not a time such as 2025-03-02 or 2025-03-02T16:00:00Z";
    }
    options.start_utc_ms = *start;
  }
  if (std::string error = check_uplink(arguments.uplink, options); !error.empty()) {
    return error;
  }
  const std::string control = arguments.control.empty() && !full_speed ? kControlDefault : arguments.control;
  options.control = control == kNone ? std::nullopt : parse_endpoint(control);
  if (options.control.has_value() && !is_loopback(options.control->host)) {
    return "--control: '" + options.control->host +
           "' is not loopback, e.g. 127.0.0.1; its commands are for this computer only";
  }
  if (full_speed && options.control.has_value()) {
    return "--control: live injection is not supported at --speed max; use --trace FILE, or --speed 1..1000";
  }
  if (!full_speed && !arguments.guest.empty()) {
    return "--guest: the guest's time is the world's, which must be free to wait for it; give --speed max";
  }
  options.guest = arguments.guest;
  options.guest_silence_max_s = arguments.guest_silence;
  options.trace_file = arguments.trace;
  options.state_dir = arguments.state;
  options.ledger_file = arguments.ledger;
  options.report_file = arguments.report;
  options.stations_file = arguments.stations_file;
  return {};
}

// Output files are tried before hours are spent on what goes into them.
std::string check_writable(const char* option, const std::string& file) {
  if (file.empty()) {
    return {};
  }
  std::FILE* stream = std::fopen(file.c_str(), "a");
  if (stream == nullptr) {
    return std::string(option) + " " + file + ": cannot be written";
  }
  std::fclose(stream);
  return {};
}

std::string check_files(const RunOptions& options) {
  for (const auto& [option, file] : {std::pair{"--ledger", &options.ledger_file},
                                     {"--report", &options.report_file},
                                     {"--live-log", &options.live_log_file},
                                     {"--snapshot", &options.snapshot_file},
                                     {"--write-stations", &options.stations_file}}) {
    if (std::string error = check_writable(option, *file); !error.empty()) {
      return error;
    }
  }
  return {};
}

std::uint64_t processor_ticks() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

int fail(int code, const std::string& message) {
  std::cerr << "cubby-emulator: " << message << '\n';
  return code;
}

int complain(const std::vector<std::string>& errors) {
  for (const std::string& line : errors) {
    std::cerr << (line.starts_with("--") ? "cubby-emulator: " : "") << line << '\n';
  }
  return kExitUsage;
}

emulator::FleetOptions fleet_options_of(const RunOptions& options) {
  emulator::FleetOptions fleet_options;
  fleet_options.seed = options.seed;
  fleet_options.run_id = options.run_id;
  fleet_options.stations = options.stations;
  fleet_options.start_utc_ms = options.start_utc_ms;
  fleet_options.report_interval_s = options.report_interval_s;
  // An answer comes up to two windows after its question.
  fleet_options.response_deadline_s =
      options.speed == 0 ? std::max(90U, 4 * options.window_s) : 90U * std::max(1U, options.speed / 10);
  fleet_options.response_deadline_s = std::min(fleet_options.response_deadline_s, limits::kResponseDeadlineSMax);
  fleet_options.code_digits = options.code_digits;
  fleet_options.demand = options.demand;
  fleet_options.announce_new_journals = options.new_journals;
  fleet_options.skip_idle_polls = options.skip_idle_polls;
  fleet_options.pings = options.speed == 1;  // At 1,000 times real time they would be a load that no centre has.
  fleet_options.item_sensors = options.item_sensors;
  fleet_options.board_family = options.board_family;
  fleet_options.mixed_boards = options.mixed_boards;
  fleet_options.bus_noise = options.bus_noise;
  fleet_options.fleet_keys = options.fleet_keys;
  fleet_options.key_version = options.key_version;
  return fleet_options;
}

// Gives the fleet its past and its future. False: `error` says why, or `errors` do.
bool prepare(const RunOptions& options, const std::vector<TraceLine>& trace, StateStore* state, SnapshotFile* snapshot,
             emulator::Fleet& fleet, std::string& error, std::vector<std::string>& errors) {
  const Origin origin{.state = state, .snapshot = snapshot};
  if (snapshot != nullptr) {
    error = snapshot->restore(fleet);
    error = error.empty() ? error : "--restore " + error;
  } else if (state != nullptr && state->resumable()) {
    error = state->restore(fleet, error) ? std::string() : "--state " + options.state_dir + ": " + error;
  } else if (!trace.empty()) {
    fleet.add_trace(resolve_trace(options.trace_file, trace, fleet, errors));
  }
  if (error.empty() && origin.now_us() > 0) {
    spdlog::info("going on from virtual time {}",
                 format_utc(options.start_utc_ms + static_cast<std::uint64_t>(origin.now_us() / 1000)));
  }
  return error.empty() && errors.empty();
}

int run(const RunOptions& options, const std::vector<TraceLine>& trace, StateStore* state, SnapshotFile* snapshot) {
  std::vector<emulator::RoomMeter> meters(options.threads);
  for (emulator::RoomMeter& meter : meters) {
    meter.counter = options.profile_rooms ? processor_ticks : nullptr;
  }
  GuestProcess process(options.guest, options.guest_silence_max_s);
  emulator::LockstepHost guest(process);
  emulator::FleetOptions fleet_options = fleet_options_of(options);
  fleet_options.first_controller = options.guest.empty() ? nullptr : &guest;
  emulator::Fleet fleet(options.profile, fleet_options, options.threads, meters);

  std::string error;
  if (!options.stations_file.empty()) {
    return write_stations(options.stations_file, fleet, error) ? kExitOk : fail(kExitFailure, error);
  }
  std::vector<std::string> errors;
  if (!prepare(options, trace, state, snapshot, fleet, error, errors)) {
    return errors.empty() ? fail(kExitFailure, error) : complain(errors);
  }

  RunFigures figures;
  figures.deposits_before = fleet.totals().of(emulator::Use::kDeposit);
  CentreMemory centre;
  const Origin origin{.state = state, .snapshot = snapshot};
  const bool good = options.speed == 0 ? run_at_full_speed(options, fleet, meters, origin, figures, centre)
                                       : run_live(options, fleet, state, figures, error);
  if (guest.lost()) {
    return fail(kExitFailure, "--guest: " + guest.failure());
  }
  if (!error.empty()) {
    return fail(kExitFailure, error);
  }
  if (!options.snapshot_file.empty()) {
    error = figures.complete ? write_snapshot(options.snapshot_file, options, fleet, centre,
                                              static_cast<std::int64_t>(figures.virtual_seconds) * 1'000'000)
                             : "no snapshot was written: the run was stopped in the middle of a window";
    if (!error.empty()) {
      return fail(kExitFailure, "--snapshot " + error);
    }
  }
  if (!options.ledger_file.empty() && !write_ledger(options.ledger_file, fleet, error)) {
    return fail(kExitFailure, error);
  }
  if (!options.report_file.empty() && !write_report(options.report_file, options, fleet, figures, error)) {
    return fail(kExitFailure, error);
  }
  print_summary(options, fleet, figures);
  std::fflush(stdout);
  const bool kept_out = figures.unsettled > 0 && figures.refusals.count > 0;
  return good && !kept_out && std::ferror(stdout) == 0 ? kExitOk : kExitFailure;
}

// Keys, tokens and certificates. Empty, or what is wrong.
std::string load_secrets(const Arguments& arguments, RunOptions& options) {
  const FleetKeyFile key = load_or_create_fleet_keys(
      arguments.fleet_key.empty() ? default_secret_path("fleet.key") : std::filesystem::path(arguments.fleet_key));
  if (!key.error.empty()) {
    return "--fleet-key " + key.error;
  }
  options.fleet_keys = key.keys;
  options.key_version =
      static_cast<std::uint16_t>(arguments.key_version == 0 ? key.keys.newest_from() : arguments.key_version);
  if (!key.keys.station_key("X", options.key_version).has_value()) {
    return "--key-version " + std::to_string(options.key_version) + ": the fleet's key file has no key for it";
  }
  if (options.control.has_value()) {
    const Secret token =
        load_or_create_secret(arguments.token_file.empty() ? default_secret_path("control.token")
                                                           : std::filesystem::path(arguments.token_file));
    if (!token.error.empty()) {
      return "--token-file " + token.error;
    }
    options.control_token = token.text;
  }
  return load_credentials(arguments.uplink, options);
}

}  // namespace

int main(int argc, char** argv) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("cubby-emulator"));
  spdlog::set_pattern("%H:%M:%S %l: %v");
  install_signal_handlers();
  CLI::App app("Runs an emulated fleet of parcel lockers and reports to an aggregator.", "cubby-emulator");
  Arguments arguments;
  declare(app, arguments);
  if (const int code = parse_command_line(app, argc, argv); code >= 0) {
    return code;
  }
  spdlog::set_level(spdlog::level::from_str(arguments.log_level));
  RunOptions options;
  std::string error;
  std::unique_ptr<SnapshotFile> snapshot;
  if (!arguments.restore.empty() && (snapshot = SnapshotFile::open(arguments.restore, error)) == nullptr) {
    return fail(kExitUsage, "--restore " + error);
  }
  std::vector<std::string> errors = snapshot ? snapshot->profile_with(arguments.settings, options.profile)
                                             : choose_profile(arguments.profile, arguments.settings, options.profile);
  if (!errors.empty()) {
    return complain(errors);
  }
  if (arguments.print_profile) {
    std::cout << describe_profile(options.profile) << std::flush;
    return std::cout ? kExitOk : kExitFailure;
  }
  error = check(app, arguments, options);
  if (error.empty()) {
    error = load_secrets(arguments, options);
  }
  if (error.empty() && snapshot) {
    error = snapshot->adopt(options);
    error = error.empty() ? error : "--restore " + error;
  }
  if (error.empty()) {
    error = check_times(arguments, snapshot.get(), options);
  }
  if (error.empty()) {
    error = check_files(options);
  }
  if (!error.empty()) {
    return fail(kExitUsage, error);
  }
  const std::vector<TraceLine> trace =
      options.trace_file.empty() ? std::vector<TraceLine>() : read_trace(options.trace_file, errors);
  if (!errors.empty()) {
    return complain(errors);
  }
  std::unique_ptr<StateStore> state;
  if (!options.state_dir.empty()) {
    state = StateStore::open(options, error);
    if (!state) {
      return fail(kExitUsage, error);
    }
  }
  std::cerr << "cubby-emulator: seed=" << options.seed << " stations=" << options.stations
            << " profile=" << options.profile.name << '\n';
  return run(options, trace, state.get(), snapshot.get());
}

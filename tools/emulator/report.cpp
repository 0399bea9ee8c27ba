#include "tools/emulator/report.h"

#include <google/protobuf/util/json_util.h>
#include <sys/resource.h>
#include <time.h>

#include <boost/json.hpp>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <numeric>

#include "cubby/v1/config.pb.h"

namespace cubby::tools {
namespace {

// In the order of emulator::Room, without kOutside.
constexpr std::array<const char*, static_cast<std::size_t>(emulator::Room::kOutside)> kRoomNames{
    "world", "people", "core", "bus", "flash", "wire"};

std::string hash_text(std::uint64_t hash) {
  std::array<char, 20> text{};
  std::snprintf(text.data(), text.size(), "%016" PRIx64, hash);
  return text.data();
}

std::uint64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

// Ticks are turned into seconds by the processor time that the stations used in all.
boost::json::object rooms_of(const RunFigures& figures) {
  boost::json::object rooms;
  double total = 0;
  for (const emulator::RoomMeter& meter : figures.meters) {
    for (std::size_t room = 0; room < kRoomNames.size(); ++room) {
      total += static_cast<double>(meter.ticks[room]);
    }
  }
  if (total == 0) {
    return rooms;
  }
  for (std::size_t room = 0; room < kRoomNames.size(); ++room) {
    double ticks = 0;
    for (const emulator::RoomMeter& meter : figures.meters) {
      ticks += static_cast<double>(meter.ticks[room]);
    }
    rooms[kRoomNames[room]] = ticks / total * (figures.cpu_seconds - figures.socket_seconds);
  }
  rooms["socket"] = figures.socket_seconds;
  return rooms;
}

boost::json::object connections_of(const LinkTotals& links) {
  const TimeHistogram& acks = links.sum.acks;
  const auto ms = [](std::uint64_t us) { return static_cast<double>(us) / 1000; };
  return {{"asked", links.sum.asked},
          {"opened", links.sum.opened},
          {"refused", links.sum.refused},
          {"lost", links.sum.lost},
          {"asked_a_second_max", links.asked_a_second_max},
          {"opened_a_second_max", links.opened_a_second_max},
          {"up_max", links.up_max},
          {"events_sent", links.sum.events_sent},
          {"events_acknowledged", acks.count()},
          {"acknowledgement_ms_p50", ms(acks.quantile_us(1, 2))},
          {"acknowledgement_ms_p99", ms(acks.quantile_us(99, 100))},
          {"acknowledgement_ms_max", ms(acks.max_us())}};
}

}  // namespace

double process_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double thread_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

bool write_report(const std::string& file, const RunOptions& options, const emulator::Fleet& fleet,
                  const RunFigures& figures, std::string& error) {
  emulator::StationCounters totals = fleet.totals();
  totals -= figures.before;
  boost::json::object report;
  report["profile"] = options.profile.name;
  report["seed"] = options.seed;
  report["run_id"] = options.run_id;
  report["stations"] = fleet.station_count();
  report["compartments"] = fleet.compartment_count();
  report["threads"] = options.threads;
  report["speed"] = options.speed == 0 ? boost::json::value("max") : boost::json::value(options.speed);
  report["complete"] = figures.complete;
  report["unsettled_stations"] = figures.unsettled;
  report["connections_lost"] = figures.connections_lost;
  report["refused_by_centre"] = figures.refusals.count;
  if (options.from_utc_ms != 0) {
    report["from_utc"] = format_utc(options.from_utc_ms);
  }
  report["virtual_seconds"] = figures.virtual_seconds;
  report["wall_seconds"] = figures.wall_seconds;
  report["cpu_seconds"] = figures.cpu_seconds;
  report["peak_memory_bytes"] = peak_memory_bytes();
  for (std::size_t use = 0; use < totals.uses.size(); ++use) {
    report[emulator::kUseNames[use]] = totals.uses[use];
  }
  report["turned_away"] = totals.turned_away;
  report["wrong_codes"] = totals.wrong_codes;
  report["events"] = totals.events;
  report["bus_frames"] = totals.bus_frames;
  report["bus_idle_frames"] = totals.bus_idle_frames;
  report["flash_operations"] = totals.flash_operations;
  report["flash_bytes"] = totals.flash_bytes;
  report["frames_up"] = totals.frames_up;
  report["boots"] = totals.boots;
  report["ticks"] = totals.ticks;
  report["trace_hash"] = hash_text(fleet.trace_hash());
  report["cpu_seconds_by_room"] = rooms_of(figures);
  if (figures.links.has_value()) {
    report["connections"] = connections_of(*figures.links);
  }
  std::ofstream stream(file);
  stream << boost::json::serialize(report) << '\n';
  stream.flush();
  if (!stream) {
    error = file + ": cannot be written";
    return false;
  }
  return true;
}

bool write_stations(const std::string& file, const emulator::Fleet& fleet, std::string& error) {
  std::ofstream stream(file);
  for (std::size_t i = 0; i < fleet.station_count(); ++i) {
    const Bytes encoded = fleet.station(i).config();
    v1::StationConfig config;
    std::string json;
    if (!config.ParseFromArray(encoded.data(), static_cast<int>(encoded.size())) ||
        !google::protobuf::util::MessageToJsonString(config, &json).ok()) {
      error = "the configuration of " + std::string(fleet.station(i).name()) + " cannot be read";
      return false;
    }
    stream << json << '\n';
  }
  stream.flush();
  if (!stream) {
    error = file + ": cannot be written";
    return false;
  }
  return true;
}

bool write_ledger(const std::string& file, const emulator::Fleet& fleet, std::string& error) {
  std::ofstream stream(file);
  stream << "station,compartment";
  for (const std::string_view prefix : {"true_", ""}) {
    for (const std::string_view name : emulator::kUseNames) {
      stream << ',' << prefix << name;
    }
  }
  stream << ",unsure,door_openings\n";
  for (std::size_t i = 0; i < fleet.station_count(); ++i) {
    const emulator::Station& station = fleet.station(i);
    const std::vector<emulator::LedgerRow>& ledger = station.ledger();
    for (std::size_t door = 0; door < ledger.size(); ++door) {
      const emulator::LedgerRow& row = ledger[door];
      stream << station.name() << ',' << door + 1;
      for (const emulator::UseCounts& counts : {row.truth, row.observable}) {
        for (const std::uint32_t count : counts) {
          stream << ',' << count;
        }
      }
      stream << ',' << row.unsure << ',' << row.door_openings << '\n';
    }
  }
  stream.flush();
  if (!stream) {
    error = file + ": cannot be written";
    return false;
  }
  return true;
}

void print_summary(const RunOptions& options, const emulator::Fleet& fleet, const RunFigures& figures) {
  emulator::StationCounters totals = fleet.totals();
  const std::uint64_t deposits_ever = totals.of(emulator::Use::kDeposit);
  totals -= figures.before;
  const double rate = figures.wall_seconds > 0
                          ? static_cast<double>(deposits_ever - figures.deposits_before) / figures.wall_seconds
                          : 0;
  std::printf("stations      %zu with %zu compartments\n", fleet.station_count(), fleet.compartment_count());
  std::printf("virtual time  %.1f h%s\n", figures.virtual_seconds / 3600, figures.complete ? "" : " (stopped)");
  if (options.from_utc_ms != 0) {
    std::printf("counted from  %s\n", format_utc(options.from_utc_ms).c_str());
  }
  std::printf("deposits      %" PRIu64 "\n", totals.of(emulator::Use::kDeposit));
  std::printf("collections   %" PRIu64 "\n", totals.of(emulator::Use::kCollection));
  std::printf("recalls       %" PRIu64 "\n", totals.of(emulator::Use::kRecall));
  std::printf("turned away   %" PRIu64 "\n", totals.turned_away);
  std::printf("events        %" PRIu64 "\n", totals.events);
  if (options.speed == 0) {
    std::printf("rate          %.0f parcels/s (%.1f s wall, %.1f s processor)\n", rate, figures.wall_seconds,
                figures.cpu_seconds);
  }
  std::printf("trace hash    %s\n", hash_text(fleet.trace_hash()).c_str());
  if (figures.connections_lost > 0) {
    std::printf("reconnected   %" PRIu64 " times: stations noticed, so this is not the hash of an undisturbed run\n",
                figures.connections_lost);
  }
  if (figures.unsettled > 0) {
    std::printf("unsettled     %" PRIu64 " stations still have events that the centre has not acknowledged\n",
                figures.unsettled);
  }
  if (figures.refusals.count > 0) {
    std::printf("refused       %" PRIu64 " times by the centre; the last: %s\n", figures.refusals.count,
                figures.refusals.last.c_str());
  }
}

}  // namespace cubby::tools

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "emulator/fleet/fleet.h"
#include "tools/emulator/centre_link.h"
#include "tools/emulator/link_figures.h"
#include "tools/emulator/run_options.h"

namespace cubby::tools {

struct RunFigures {
  double virtual_seconds = 0;
  double wall_seconds = 0;
  double cpu_seconds = 0;
  double socket_seconds = 0;                // Processor time of talking to the centre, part of cpu_seconds.
  std::uint64_t deposits_before = 0;        // What a resumed fleet had done already.
  emulator::StationCounters before;         // What does not count: see RunOptions::from_utc_ms.
  bool complete = true;                     // False: stopped early.
  std::uint64_t unsettled = 0;              // Stations whose last events the centre has not acknowledged.
  std::uint64_t connections_lost = 0;       // To the centre at full speed; stations notice, so the hash is another one.
  Refusals refusals;                        // At full speed.
  std::vector<emulator::RoomMeter> meters;  // Empty: not measured.
  std::optional<LinkTotals> links;          // In real time with an aggregator.
};

/// JSON summary of a run. False: the file cannot be written (`error` says why).
bool write_report(const std::string& file, const RunOptions& options, const emulator::Fleet& fleet,
                  const RunFigures& figures, std::string& error);
/// The ledger as CSV, a row a compartment.
bool write_ledger(const std::string& file, const emulator::Fleet& fleet, std::string& error);
/// Each station's StationConfig as a line of protobuf's JSON mapping.
bool write_stations(const std::string& file, const emulator::Fleet& fleet, std::string& error);
/// The same figures for a person, on standard output.
void print_summary(const RunOptions& options, const emulator::Fleet& fleet, const RunFigures& figures);

double process_cpu_seconds();
/// The same of the thread that asks.
double thread_cpu_seconds();

}  // namespace cubby::tools

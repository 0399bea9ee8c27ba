#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/aggregator/storage/opening_counts.h"

namespace cubby::aggregator {

/// A row of the emulator's ledger: what people and doors did at one compartment.
struct LedgerRow {
  std::string station;
  std::uint32_t compartment = 0;
  OpeningCounts truth;
  OpeningCounts observable;  // What a perfect controller could know.
  std::int64_t unsure = 0;   // Openings of which nobody can say how much the controller knows.
  std::int64_t door_openings = 0;
};

/// Reads the CSV that `cubby-emulator --ledger` writes. Returns one line with file and line number, or
/// nothing.
std::string read_ledger(const std::string& path, std::vector<LedgerRow>& rows);

struct Verification {
  std::vector<std::string> lines;  // What was compared, for a person.
  std::string difference;          // The first one; empty: none.
  // The last line: "verify: exact ..." or "verify: NOT exact". Empty: nothing was compared, `difference` says why; the
  // file is no store, or not of this version.
  std::string verdict;
};

/// Compares event log, marks, statistics and ledger (null: none) of one snapshot as integers. Opens the
/// store read-only; the aggregator may be running, or dead.
Verification verify_store(const std::string& path, const std::vector<LedgerRow>* ledger);

}  // namespace cubby::aggregator

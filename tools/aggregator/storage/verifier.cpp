#include "tools/aggregator/storage/verifier.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "tools/aggregator/core/dwell_histogram.h"
#include "tools/aggregator/storage/log_replay.h"
#include "tools/aggregator/storage/sqlite_schema.h"
#include "tools/aggregator/storage/table_rows.h"

namespace cubby::aggregator {
namespace {

std::string row_name(Table table, std::uint64_t row_key, const LogReplay& log) {
  std::string name(spec(table).name);
  std::uint64_t station = 0;
  if (table == Table::kCompartment || table == Table::kCompartmentDay) {
    station = row_key >> 8 & key::kStationsMax;
    name += ", compartment " + std::to_string(row_key & 255);
  }
  if (table == Table::kCompartmentDay) {
    name += ", day " + std::to_string(row_key >> 32);
  } else if (table == Table::kStationDay) {
    station = row_key & key::kStationsMax;
    name += ", bucket " + std::to_string(row_key >> key::kStationBits);
  } else if (table == Table::kStationHour) {
    station = row_key >> 5 & key::kStationsMax;
    name += ", bucket " + std::to_string((row_key >> (key::kStationBits + 5)) * 24 + (row_key & 31));
  } else if (table != Table::kCompartment) {
    name += ", row_key " + std::to_string(row_key);
  }
  const auto found = log.stations().find(static_cast<std::uint32_t>(station));
  return found == log.stations().end() ? name : name + ", station " + found->second;
}

std::uint64_t first_key_kept(Table table, const RetentionFloor& floor) {
  if (table == Table::kCompartmentDay) {
    return key::compartment_day(floor.compartment_day, 0, 0);
  }
  return table == Table::kStationHour ? key::station_hour(floor.station_hour, 0) : 0;
}

std::uint64_t first_placed_key(Table table) {
  return table == Table::kCompartmentDay ? key::compartment_day(1, 0, 0)
         : table == Table::kStationHour  ? key::station_hour(24, 0)
                                         : 0;
}

/// What the log says of one row.
struct Counted {
  std::array<std::int64_t, kColumnCount> sums{};
  std::vector<std::byte> dwells;
};

void count(const TableDelta& sums, std::size_t at, const TableSpec& shape, Counted& into) {
  into = {};
  if (at != sums.size()) {
    for (const Column column : shape.columns) {
      into.sums[static_cast<std::size_t>(column)] = sums.sum_at(at, column);
    }
    sums.dwells_at(at, into.dwells);
  }
}

void add(const Counted& day, Counted& so_far) {
  for (std::size_t i = 0; i < kColumnCount; ++i) {
    so_far.sums[i] += day.sums[i];
  }
  std::vector<std::byte> merged;
  merge_dwells(so_far.dwells, day.dwells, merged);
  so_far.dwells = std::move(merged);
}

/// Empty, or how a stored row differs from the log.
std::string compare_row(TableRows& rows, const TableSpec& shape, const Counted& counted) {
  std::array<std::int64_t, kColumnCount> stored{};
  rows.add_to(stored);
  for (const Column column : shape.columns) {
    const auto at = static_cast<std::size_t>(column);
    if (stored[at] != counted.sums[at]) {
      return std::string(to_string(column)) + " is " + std::to_string(stored[at]) + ", the log says " +
             std::to_string(counted.sums[at]);
    }
  }
  const bool same = !shape.has_dwells || std::ranges::equal(rows.dwells(), counted.dwells);
  return same ? std::string() : std::string(kDwellsName) + " differs from the log's";
}

/// Compares the stored rows of one table with the sums of the log. `compared` grows by the rows looked at.
std::string compare_table(Database& database, Table table, const LogReplay& log, std::uint64_t& compared) {
  const TableSpec& shape = spec(table);
  const TableDelta& sums = log.sums().of(table);
  std::unordered_map<std::uint64_t, Counted> so_far;  // By station: rows of days come in the order of days.
  std::vector<bool> seen(sums.size(), false);
  Counted counted;
  TableRows rows(database, table);
  rows.start(0, INT64_MAX);
  while (rows.next()) {
    const std::uint64_t row_key = rows.row_key();
    if (row_key >= first_placed_key(table) && row_key < first_key_kept(table, log.floor())) {
      continue;  // Waits for its deletion.
    }
    const std::size_t at = sums.find(row_key);
    count(sums, at, shape, counted);
    if (table == Table::kStationDay && row_key > key::kStationsMax) {
      Counted& before = so_far[row_key & key::kStationsMax];
      add(counted, before);
      counted = before;
    }
    if (std::string wrong = compare_row(rows, shape, counted); !wrong.empty()) {
      return row_name(table, row_key, log) + ": " + wrong;
    }
    if (at != sums.size()) {
      seen[at] = true;
    }
    ++compared;
  }
  if (rows.failed()) {
    return std::string(shape.name) + " cannot be read: its bytes are malformed, or " + database.error();
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    for (std::size_t k = 0; !seen[i] && k < shape.columns.size(); ++k) {
      if (const std::int64_t sum = sums.sum_at(i, shape.columns[k]); sum != 0) {
        return row_name(table, sums.key_at(i), log) + ": missing, the log says " +
               std::string(to_string(shape.columns[k])) + " " + std::to_string(sum);
      }
    }
  }
  return {};
}

std::string compare_plain_counts(Database& database, const LogReplay& log,
                                 std::unordered_map<std::uint64_t, OpeningCounts>& stored) {
  static constexpr std::array kKinds = {Column::kDeposits, Column::kCollections, Column::kRecalls,
                                        Column::kRefusals, Column::kDropOffs,    Column::kDispatches};
  static_assert(kKinds.size() == OpeningCounts::kKinds);
  TableRows rows(database, Table::kCompartment);
  rows.start(0, INT64_MAX);
  while (rows.next()) {
    std::array<std::int64_t, kColumnCount> sums{};
    rows.add_to(sums);
    OpeningCounts& counts = stored[rows.row_key()];
    for (std::size_t kind = 0; kind < kKinds.size(); ++kind) {
      counts.of[kind] = sums[static_cast<std::size_t>(kKinds[kind])];
    }
  }
  if (rows.failed()) {
    return database.error();
  }
  static const LogReplay::Plain kNothing;
  for (const auto& [row_key, counted] : stored) {
    const auto found = log.plain().find(row_key);
    const LogReplay::Plain& plain = found == log.plain().end() ? kNothing : found->second;
    if (plain.counts != counted) {
      return row_name(Table::kCompartment, row_key, log) + ": " + describe(counted) +
             "; counted straight from the log: " + describe(plain.counts);
    }
  }
  for (const auto& [row_key, plain] : log.plain()) {
    if (!stored.contains(row_key) && plain.counts != OpeningCounts{}) {
      return row_name(Table::kCompartment, row_key, log) +
             ": missing; counted straight from the log: " + describe(plain.counts);
    }
  }
  return {};
}

/// How long parcels stayed at a station, all in all: its newest day and what has no day. False: malformed.
bool read_station_dwells(TableRows& last, TableRows& unplaced, std::uint32_t station, Counted& into) {
  const auto add_rows = [&into](TableRows& rows) {
    while (rows.next()) {
      Counted stored;
      rows.add_to(stored.sums);
      stored.dwells.assign(rows.dwells().begin(), rows.dwells().end());
      add(stored, into);
    }
    return !rows.failed();
  };
  last.start(key::station_day(1, 0), INT64_MAX, station);
  unplaced.start(key::station_day(0, station), key::station_day(0, station) + 1);
  return add_rows(last) && add_rows(unplaced);
}

std::string compare_plain_dwells(Database& database, const LogReplay& log, std::int64_t& compared) {
  TableRows last(database, Table::kStationDay, TableRows::Order::kLastDayOfStation);
  TableRows unplaced(database, Table::kStationDay);
  std::size_t found = 0;
  for (const auto& [station, name] : log.stations()) {
    Counted stored;
    if (!read_station_dwells(last, unplaced, station, stored)) {
      return database.error();
    }
    const auto count = stored.sums[static_cast<std::size_t>(Column::kDwellCount)];
    const auto sum_ms = stored.sums[static_cast<std::size_t>(Column::kDwellMs)];
    const auto counted = log.plain_dwells().find(station);
    const LogReplay::PlainDwells plain =
        counted == log.plain_dwells().end() ? LogReplay::PlainDwells{} : counted->second;
    auto buckets = plain.buckets;
    std::fill(buckets.begin(), buckets.end(), 0);
    PackedDwells packed(stored.dwells);
    DwellCount entry;
    bool fits = true;
    while (packed.next(entry)) {
      fits = fits && entry.bucket < buckets.size();
      if (fits) {
        buckets[entry.bucket] = entry.count;
      }
    }
    if (!fits || packed.malformed() || count != plain.count || sum_ms != plain.sum_ms || buckets != plain.buckets) {
      return "station " + name + ": " + std::to_string(count) + " parcels stayed " + std::to_string(sum_ms) +
             " ms; counted straight from the log: " + std::to_string(plain.count) + " stayed " +
             std::to_string(plain.sum_ms) + " ms, or in other buckets";
    }
    compared += count;
    found += plain.count > 0 ? 1 : 0;
  }
  return found == log.plain_dwells().size() ? std::string() : "stations: one whose parcels stayed is missing";
}

struct LedgerOutcome {
  std::string difference;
  std::vector<std::string> uncertain;  // Compartments that differ no more than their uncertain openings.
  std::size_t behind_gaps = 0;         // Compartments of stations with gaps that lack what was lost.
  std::int64_t unseen = 0;             // True minus observable, all kinds.
};

LedgerOutcome compare_ledger(const std::vector<LedgerRow>& ledger, const LogReplay& log,
                             const std::unordered_map<std::uint64_t, OpeningCounts>& stored) {
  LedgerOutcome outcome;
  std::unordered_map<std::string, std::uint32_t> ids;
  for (const auto& [id, name] : log.stations()) {
    ids.emplace(name, id);
  }
  std::unordered_set<std::uint64_t> in_ledger;
  for (const LedgerRow& row : ledger) {
    const auto id = ids.find(row.station);
    const std::uint64_t row_key = id == ids.end() ? 0 : key::compartment(id->second, row.compartment);
    const auto found = stored.find(row_key);
    const OpeningCounts counted = found == stored.end() ? OpeningCounts{} : found->second;
    outcome.unseen += apart(row.truth, row.observable);
    const std::int64_t difference = apart(row.observable, counted);
    if (row_key != 0 && !in_ledger.insert(row_key).second) {
      outcome.difference =
          "station " + row.station + ", compartment " + std::to_string(row.compartment) + ": twice in the ledger";
      return outcome;
    }
    if (difference == 0) {
      continue;
    }
    const std::string words = "station " + row.station + ", compartment " + std::to_string(row.compartment) +
                              ": statistics say " + describe(counted) + "; the ledger says " + describe(row.observable);
    const auto plain = log.plain().find(row_key);
    const std::int64_t uncertain = plain == log.plain().end() ? 0 : plain->second.uncertain;
    const bool lost_in_gap =
        id != ids.end() && log.gaps_by_station().contains(id->second) && within(counted, row.observable);
    // What ended in another thing than the ledger has it is two apart.
    if (difference <= uncertain + 2 * row.unsure) {
      outcome.uncertain.push_back(words);
    } else if (lost_in_gap) {
      ++outcome.behind_gaps;
    } else {
      outcome.difference = words;
      return outcome;
    }
  }
  for (const auto& [row_key, counted] : stored) {
    if (!in_ledger.contains(row_key) && counted != OpeningCounts{}) {
      outcome.difference =
          row_name(Table::kCompartment, row_key, log) + ": " + describe(counted) + "; not in the ledger";
      return outcome;
    }
  }
  return outcome;
}

Verification failed(Verification result, std::string difference) {
  result.difference = std::move(difference);
  result.verdict = "verify: NOT exact";
  return result;
}

}  // namespace

Verification verify_store(const std::string& path, const std::vector<LedgerRow>* ledger) {
  Verification result;
  Database database;
  bool empty = false;
  if (!database.open(path, Database::Mode::kReadOnly)) {
    result.difference = database.error();
    return result;
  }
  if (std::string wrong = check_schema(database, empty); !wrong.empty()) {
    result.difference = std::move(wrong);
    return result;
  }
  if (!database.run("PRAGMA cache_size=-65536; BEGIN")) {
    return failed(std::move(result), database.error());
  }
  LogReplay log(database);
  if (std::string wrong = log.run(); !wrong.empty()) {
    return failed(std::move(result), std::move(wrong));
  }
  result.lines.push_back("log: " + std::to_string(log.events()) + " events in " + std::to_string(log.batches()) +
                         " batches of " + std::to_string(log.journals()) + " journals, gapless but for " +
                         std::to_string(log.gaps()) + " booked gaps, hash chains hold");
  for (std::size_t i = 0; i < kTableCount; ++i) {
    const auto table = static_cast<Table>(i);
    std::uint64_t compared = 0;
    if (std::string wrong = compare_table(database, table, log, compared); !wrong.empty()) {
      return failed(std::move(result), std::move(wrong));
    }
    result.lines.push_back(std::string(spec(table).name) + ": " + std::to_string(compared) + " rows equal the log");
  }
  std::unordered_map<std::uint64_t, OpeningCounts> stored;
  if (std::string wrong = compare_plain_counts(database, log, stored); !wrong.empty()) {
    return failed(std::move(result), std::move(wrong));
  }
  result.lines.push_back("openings of " + std::to_string(stored.size()) + " compartments equal a second count");
  std::int64_t dwells = 0;
  if (std::string wrong = compare_plain_dwells(database, log, dwells); !wrong.empty()) {
    return failed(std::move(result), std::move(wrong));
  }
  result.lines.push_back("how long " + std::to_string(dwells) + " parcels stayed equals a second count");
  result.verdict = "verify: exact";
  if (log.gaps() > 0) {
    result.verdict += " except " + std::to_string(log.gaps()) + " gaps";
  }
  if (ledger == nullptr) {
    return result;
  }
  const LedgerOutcome outcome = compare_ledger(*ledger, log, stored);
  if (!outcome.difference.empty()) {
    return failed(std::move(result), outcome.difference);
  }
  result.lines.push_back("ledger: " + std::to_string(ledger->size()) +
                         " compartments compared; true minus observable: " + std::to_string(outcome.unseen));
  if (outcome.behind_gaps > 0) {
    result.lines.push_back("ledger: " + std::to_string(outcome.behind_gaps) + " compartments lack what the gaps lost");
  }
  for (const std::string& words : outcome.uncertain) {
    result.lines.push_back("uncertain: " + words);
  }
  if (!outcome.uncertain.empty()) {
    result.verdict += ", " + std::to_string(outcome.uncertain.size()) + " compartments uncertain";
  }
  return result;
}

}  // namespace cubby::aggregator

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tools/aggregator/core/compartment_day.h"
#include "tools/aggregator/core/row_group.h"
#include "tools/aggregator/core/statistics_delta.h"
#include "tools/aggregator/storage/sqlite.h"

namespace cubby::aggregator {

/// Adds sums to the statistics tables. Rows of stations have a column for each sum, and there is a statement for each
/// set of columns that changed: most rows of a transaction change the same few. Where rows are stored together, those
/// of a transaction are put together first.
class SumsWriter {
 public:
  explicit SumsWriter(Database& database) : database_(database) {}
  /// Teaches the open connection to add histograms and groups; before the first write().
  bool prepare();
  /// False: failed. Then, and when the transaction is thrown away, another writer is needed: this one believes that
  /// what it wrote is there.
  bool write(const StatisticsDelta& sums);
  /// Closes what is open before `day`, of at most `stations_max` stations, so that it may be deleted: `day` is open
  /// then, and nothing was counted on it yet. Nullopt: failed, likewise. Else how many there were; fewer: none is left.
  std::optional<int> close_days_before(std::uint64_t day, int stations_max);

 private:
  static constexpr std::size_t kStatementsMax = 512;
  /// What one row's statement is about.
  enum class Kind : std::uint8_t {
    kAddToRow,      // If it is there.
    kInsert,        // A row that is not there.
    kAddFromDayOn,  // To a day of a station and to all that follow.
    kFollow,        // A day begins as the station's newest one.
  };
  /// A row's sums: one bit in `slots` for each that is not zero; only those are there.
  struct Changed {
    std::uint64_t slots;
    const TableDelta::Sums& sums;
  };
  bool write_days(const TableDelta& delta);
  bool write_groups(Table table, const TableDelta& delta);
  bool write_compartments(const StatisticsDelta& sums);
  void find_newest_days(const TableDelta& days);
  bool find_open_day(std::uint64_t station);
  bool open_day(std::uint64_t station, std::uint64_t day);
  bool write_spans(const TableDelta& days);
  bool find_open_spans();
  bool open_span(std::uint64_t pair, std::uint64_t day);
  bool write_row(Kind kind, std::uint64_t first, std::uint64_t row_key, Changed values);
  bool write_unplaced(std::uint64_t row_key, Changed values);
  bool write_day(std::uint64_t row_key, Changed values);
  /// The last statement wrote a row.
  bool wrote_one() const;
  bool find_newest_day(std::uint64_t station);
  bool begin_day(std::uint64_t row_key, std::uint64_t station);
  static std::string sql_of(Kind kind, std::uint64_t changed);
  Statement& statement(Kind kind, std::uint64_t changed);
  template <auto kAdds>
  bool teach(const char* function);
  bool prepare_groups();
  bool prepare_days();
  bool prepare_open_days();

  Database& database_;
  // By kind and set of columns; the histogram is the one after the last.
  std::unordered_map<std::uint64_t, Statement> statements_;
  std::array<Statement, kTableCount> groups_;
  Statement newest_day_, has_day_, copy_day_, insert_day_;
  // Key of each station's newest row of a day, once it was asked for; 0: not known, or none. Nearly all that is written
  // is of that day or begins the next.
  std::vector<std::uint64_t> newest_days_;
  // By station: the open day of its compartments, once it was asked for (0: none), and the newest one in what is
  // being written, while that is looked through.
  static constexpr std::uint64_t kNotAsked = ~std::uint64_t{0};
  std::vector<std::uint64_t> open_days_;
  std::vector<std::uint64_t> newest_written_;
  // Likewise by city and brand, as they are in keys; 0: none.
  static constexpr unsigned kPairBits = 28;
  static constexpr std::uint64_t kPairs = (1U << kPairBits) - 1;
  struct OpenSpan {
    std::uint64_t open_day = 0;
    std::uint64_t newest_written = 0;
  };
  std::unordered_map<std::uint64_t, OpenSpan> open_spans_;
  bool knows_open_spans_ = false;
  std::vector<std::uint64_t> written_;  // Stations, or cities and brands, that are being written.
  TableDelta lifetimes_{Table::kCompartment};
  TableDelta spans_{Table::kCityBrandSizeSpan};
  Statement select_open_day_, close_day_, begin_lifetime_, close_days_, close_span_, open_span_;
  RowGroupAdder adder_;
  CompartmentDayAdder day_adder_;
  std::vector<std::byte> merged_;     // Room of the SQL functions.
  TableDelta::Sums sums_{};           // Of the row that is being written ...
  std::vector<std::byte> dwells_;     // ... likewise ...
  std::vector<std::byte> group_;      // ... and of the group.
  std::vector<std::uint32_t> order_;  // Rows as they are written: neighbours share a page.
};

}  // namespace cubby::aggregator

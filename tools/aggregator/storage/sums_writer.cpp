#include "tools/aggregator/storage/sums_writer.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "tools/aggregator/core/dwell_histogram.h"
#include "tools/aggregator/storage/table_rows.h"

namespace cubby::aggregator {
namespace {

// A station's rows; the index of stat_station_day has them in the order of days. One bound below, since SQLite takes
// one of two for the index and tries the other row by row.
const std::string kOfStation = "row_key & 16777215 = ?1";
constexpr std::string_view kPlaced = " AND row_key >= 16777216";
static_assert(key::kStationsMax == 16'777'215);

Bytes blob_of(sqlite3_value* value) {
  const void* const bytes = sqlite3_value_blob(value);
  return {static_cast<const std::byte*>(bytes), static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

}  // namespace

// `kAdds`: of the writer's; false if what is in the store is malformed.
template <auto kAdds>
bool SumsWriter::teach(const char* function) {
  const auto call = [](sqlite3_context* context, int, sqlite3_value** values) {
    auto& writer = *static_cast<SumsWriter*>(sqlite3_user_data(context));
    if (!kAdds(writer, blob_of(values[0]), blob_of(values[1]))) {
      sqlite3_result_error(context, "statistics in the store are malformed", -1);
      return;
    }
    // Stored before the next call.
    sqlite3_result_blob64(context, writer.merged_.data(), writer.merged_.size(), SQLITE_STATIC);
  };
  return sqlite3_create_function_v2(database_.handle(), function, 2,
                                    SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, this, call, nullptr,
                                    nullptr, nullptr) == SQLITE_OK;
}

bool SumsWriter::prepare() {
  constexpr auto kDwells = [](SumsWriter& writer, Bytes packed, Bytes more) {
    return merge_dwells(packed, more, writer.merged_);
  };
  constexpr auto kGroup = [](SumsWriter& writer, Bytes many, Bytes few) {
    return writer.adder_.add(many, few, writer.merged_);
  };
  constexpr auto kDay = [](SumsWriter& writer, Bytes lifetimes, Bytes day_or_null) {
    return writer.day_adder_.add(lifetimes, day_or_null, writer.merged_);
  };
  return teach<kDwells>("merge_dwells") && teach<kGroup>("add_group") && teach<kDay>("add_compartment_day") &&
         prepare_groups() && prepare_days() && prepare_open_days();
}

bool SumsWriter::prepare_groups() {
  for (std::size_t i = 0; i < kTableCount; ++i) {
    const TableSpec& table = spec(static_cast<Table>(i));
    if (table.group_bits != 0 &&
        !groups_[i].prepare(database_, "INSERT INTO " + std::string(table.name) +
                                           "(row_key, sums) VALUES(?1, ?2) ON CONFLICT(row_key) DO UPDATE SET sums = "
                                           "add_group(sums, ?2)")) {
      return false;
    }
  }
  return true;
}

bool SumsWriter::prepare_days() {
  const TableSpec& table = spec(Table::kStationDay);
  const std::string name(table.name);
  const std::string columns = column_list(table);
  const std::string days = " FROM " + name + " WHERE " + kOfStation + std::string(kPlaced);
  return newest_day_.prepare(database_, "SELECT row_key" + days + " ORDER BY row_key DESC LIMIT 1") &&
         has_day_.prepare(database_, "SELECT 1 FROM " + name + " WHERE row_key = ?1") &&
         copy_day_.prepare(database_, "INSERT INTO " + name + "(row_key" + columns + ") SELECT ?2" + columns + days +
                                          " AND row_key < ?2 ORDER BY row_key DESC LIMIT 1") &&
         insert_day_.prepare(database_, "INSERT INTO " + name + "(row_key) VALUES(?1)");
}

bool SumsWriter::prepare_open_days() {
  const std::string close = "sums = add_compartment_day(sums, " + std::string(kOpenDayOfStation) + ")";
  return select_open_day_.prepare(database_, "SELECT open_day FROM stat_compartment WHERE row_key = ?1") &&
         close_day_.prepare(database_, "UPDATE stat_compartment SET open_day = ?2, " + close + " WHERE row_key = ?1") &&
         begin_lifetime_.prepare(database_, "INSERT INTO stat_compartment(row_key, open_day) VALUES(?1, ?2)") &&
         close_days_.prepare(database_,
                             "UPDATE stat_compartment SET open_day = ?1, " + close +
                                 " WHERE row_key IN (SELECT row_key FROM stat_compartment WHERE open_day > 0 "
                                 "AND open_day < ?1 LIMIT ?2)") &&
         close_span_.prepare(database_, "UPDATE stat_city_brand_size_span SET open_day = 0, sums = add_group(sums, " +
                                            std::string(kOpenDayOfBrand) + ") WHERE row_key = ?1") &&
         open_span_.prepare(database_,
                            "INSERT INTO stat_city_brand_size_span(row_key, open_day) VALUES(?1, ?2) ON "
                            "CONFLICT(row_key) DO UPDATE SET open_day = ?2");
}

std::string SumsWriter::sql_of(Kind kind, std::uint64_t changed) {
  const TableSpec& shape = spec(Table::kStationDay);
  const std::string name(shape.name);
  std::string columns;  // That changed, each with a comma before it, and likewise ...
  std::string values;
  std::string updates;
  std::string followed;  // ... all of them, as they are in the day before, or more.
  int parameter = 3;
  for (std::size_t i = 0; i <= shape.columns.size(); ++i) {
    const bool is_sum = i < shape.columns.size();
    const std::string column(is_sum ? to_string(shape.columns[i]) : kDwellsName);
    if ((changed >> i & 1) == 0) {
      followed += ", " + column;
      continue;
    }
    const std::string number = "?" + std::to_string(parameter++);
    const std::string sum = is_sum ? column + " + " + number : "merge_dwells(" + column + ", " + number + ")";
    columns += ", " + column;
    values += ", " + number;
    updates += (updates.empty() ? "" : ", ") + column + " = " + sum;
    followed += ", " + sum;
  }
  switch (kind) {
    case Kind::kAddToRow:
      return "UPDATE " + name + " SET " + updates + " WHERE row_key = ?2";
    case Kind::kInsert:
      return "INSERT INTO " + name + "(row_key" + columns + ") VALUES(?2" + values + ")";
    case Kind::kAddFromDayOn:
      return "UPDATE " + name + " SET " + updates + " WHERE " + kOfStation + " AND row_key >= ?2";
    case Kind::kFollow:
      return "INSERT INTO " + name + "(row_key" + column_list(shape) + ") SELECT ?2" + followed + " FROM " + name +
             " WHERE row_key = ?1";
  }
  return {};
}

Statement& SumsWriter::statement(Kind kind, std::uint64_t changed) {
  static_assert(kColumnCount < 48);
  const std::uint64_t name = static_cast<std::uint64_t>(kind) << 48 | changed;
  if (const auto found = statements_.find(name); found != statements_.end()) {
    return found->second;
  }
  if (statements_.size() >= kStatementsMax) {
    statements_.clear();
  }
  return statements_.emplace(name, Statement(database_, sql_of(kind, changed))).first->second;
}

// A day that is not there yet begins with what its station had done before.
bool SumsWriter::begin_day(std::uint64_t row_key, std::uint64_t station) {
  const bool there = has_day_.bind(1, row_key).row();
  const bool failed = has_day_.failed();
  has_day_.reset();
  if (there || failed) {
    return there;
  }
  return copy_day_.bind(1, station).bind(2, row_key).done() && (wrote_one() || insert_day_.bind(1, row_key).done());
}

// `first`: what the kind's statement takes as ?1.
bool SumsWriter::write_row(Kind kind, std::uint64_t first, std::uint64_t row_key, Changed values) {
  const std::uint64_t changed = values.slots | static_cast<std::uint64_t>(!dwells_.empty())
                                                   << spec(Table::kStationDay).columns.size();
  Statement& add = statement(kind, changed);
  if (!add.ok()) {
    return false;
  }
  add.bind(1, first).bind(2, row_key);
  int parameter = 3;
  for (std::uint64_t rest = values.slots; rest != 0; rest &= rest - 1) {
    add.bind(parameter++, values.sums[static_cast<std::size_t>(std::countr_zero(rest))]);
  }
  if (!dwells_.empty()) {
    add.bind(parameter, Bytes(dwells_));
  }
  return add.done();
}

// What has no day stands for itself.
bool SumsWriter::write_unplaced(std::uint64_t row_key, Changed values) {
  return write_row(Kind::kAddToRow, row_key, row_key, values) &&
         (wrote_one() || write_row(Kind::kInsert, row_key, row_key, values));
}

bool SumsWriter::wrote_one() const {
  return sqlite3_changes(database_.handle()) == 1;
}

bool SumsWriter::find_newest_day(std::uint64_t station) {
  newest_days_.resize(std::max<std::size_t>(newest_days_.size(), station + 1), 0);
  if (newest_days_[station] != 0) {
    return true;
  }
  if (newest_day_.bind(1, station).row()) {
    newest_days_[station] = newest_day_.unsigned_number(0);
  }
  newest_day_.reset();
  return !newest_day_.failed();
}

bool SumsWriter::write_day(std::uint64_t row_key, Changed values) {
  const std::uint64_t station = row_key & key::kStationsMax;
  if (!find_newest_day(station)) {
    return false;
  }
  std::uint64_t& newest = newest_days_[station];
  if (row_key == newest) {
    return write_row(Kind::kAddToRow, station, row_key, values) && wrote_one();
  }
  if (row_key < newest) {
    return begin_day(row_key, station) && write_row(Kind::kAddFromDayOn, station, row_key, values);
  }
  const std::uint64_t before = std::exchange(newest, row_key);
  return write_row(before == 0 ? Kind::kInsert : Kind::kFollow, before, row_key, values) && wrote_one();
}

bool SumsWriter::write_days(const TableDelta& delta) {
  delta.sort_rows(order_);
  for (const std::uint32_t row : order_) {
    const std::uint64_t row_key = delta.key_at(row);
    const Changed values{.slots = delta.sums_at(row, sums_), .sums = sums_};
    if (values.slots == 0) {
      continue;
    }
    delta.dwells_at(row, dwells_);
    if (!(row_key > key::kStationsMax ? write_day(row_key, values) : write_unplaced(row_key, values))) {
      return false;
    }
  }
  return true;
}

bool SumsWriter::write_groups(Table table, const TableDelta& delta) {
  delta.sort_rows(order_);
  const unsigned bits = spec(table).group_bits;
  Statement& add = groups_[static_cast<std::size_t>(table)];
  for (std::size_t at = 0; at < order_.size();) {
    const std::uint64_t group_key = delta.key_at(order_[at]) >> bits;
    RowGroupWriter writer(group_);
    for (; at < order_.size() && delta.key_at(order_[at]) >> bits == group_key; ++at) {
      const std::uint32_t row = order_[at];
      const std::uint64_t row_key = delta.key_at(row);
      delta.dwells_at(row, dwells_);
      const std::uint64_t slots = delta.sums_at(row, sums_);
      writer.put(static_cast<std::uint32_t>(row_key & ((1U << bits) - 1)), slots, sums_, dwells_);
    }
    if (!group_.empty() && !add.bind(1, group_key).bind(2, Bytes(group_)).done()) {
      return false;
    }
  }
  return true;
}

// Of each station in `days`; and which stations those are.
void SumsWriter::find_newest_days(const TableDelta& days) {
  written_.clear();
  for (std::size_t i = 0; i < days.size(); ++i) {
    const std::uint64_t station = days.key_at(i) >> 8 & key::kStationsMax;
    newest_written_.resize(std::max<std::size_t>(newest_written_.size(), station + 1), kNotAsked);
    std::uint64_t& newest = newest_written_[station];
    if (newest == kNotAsked) {
      newest = 0;
      written_.push_back(station);
    }
    newest = std::max(newest, days.key_at(i) >> 32);
  }
  std::sort(written_.begin(), written_.end());
}

bool SumsWriter::find_open_day(std::uint64_t station) {
  open_days_.resize(std::max<std::size_t>(open_days_.size(), station + 1), kNotAsked);
  if (open_days_[station] != kNotAsked) {
    return true;
  }
  open_days_[station] = select_open_day_.bind(1, station).row() ? select_open_day_.unsigned_number(0) : 0;
  select_open_day_.reset();
  return !select_open_day_.failed();
}

// What the day before has is added to the lifetime as it stands in the store: before what is new of it is written.
bool SumsWriter::open_day(std::uint64_t station, std::uint64_t day) {
  if (!find_open_day(station) || day <= open_days_[station]) {
    return !select_open_day_.failed();
  }
  open_days_[station] = day;
  return close_day_.bind(1, station).bind(2, day).done() &&
         (wrote_one() || begin_lifetime_.bind(1, station).bind(2, day).done());
}

// Of each station all that is not of its open day: of days before, of none, of days that are no longer kept.
bool SumsWriter::write_compartments(const StatisticsDelta& sums) {
  const TableDelta& days = sums.of(Table::kCompartmentDay);
  find_newest_days(days);
  for (const std::uint64_t station : written_) {
    if (!open_day(station, std::exchange(newest_written_[station], kNotAsked))) {
      return false;
    }
  }
  const TableDelta& kept_nowhere = sums.of(Table::kCompartment);
  lifetimes_.clear();
  for (std::size_t i = 0; i < kept_nowhere.size(); ++i) {
    lifetimes_.add_row(lifetimes_.row(kept_nowhere.key_at(i)), kept_nowhere, i);
  }
  for (std::size_t i = 0; i < days.size(); ++i) {
    const std::uint64_t day = days.key_at(i) >> 32;
    if (day == 0 || day != open_days_[days.key_at(i) >> 8 & key::kStationsMax]) {
      lifetimes_.add_row(lifetimes_.row(key::compartment_of(days.key_at(i))), days, i);
    }
  }
  return write_groups(Table::kCompartment, lifetimes_);
}

bool SumsWriter::find_open_spans() {
  Statement all(database_, "SELECT row_key, open_day FROM stat_city_brand_size_span WHERE open_day > 0");
  while (all.row()) {
    open_spans_[all.unsigned_number(0) & kPairs].open_day = all.unsigned_number(1);
  }
  knows_open_spans_ = !all.failed();
  return knows_open_spans_;
}

// As with lifetimes, but the next day may be in another span.
bool SumsWriter::open_span(std::uint64_t pair, std::uint64_t day) {
  std::uint64_t& open = open_spans_[pair].open_day;
  if (day <= open) {
    return true;
  }
  const std::uint64_t before = std::exchange(open, day);
  return (before == 0 || close_span_.bind(1, key::span_of(before) << kPairBits | pair).done()) &&
         open_span_.bind(1, key::span_of(day) << kPairBits | pair).bind(2, day).done();
}

bool SumsWriter::write_spans(const TableDelta& days) {
  if (!knows_open_spans_ && !find_open_spans()) {
    return false;
  }
  const auto pair_of = [&days](std::size_t row) { return days.key_at(row) >> 4 & kPairs; };
  written_.clear();
  for (std::size_t i = 0; i < days.size(); ++i) {
    std::uint64_t& newest = open_spans_[pair_of(i)].newest_written;
    if (newest == 0 && days.key_at(i) >> 32 != 0) {
      written_.push_back(pair_of(i));
    }
    newest = std::max(newest, days.key_at(i) >> 32);
  }
  std::sort(written_.begin(), written_.end());
  for (const std::uint64_t pair : written_) {
    if (!open_span(pair, std::exchange(open_spans_[pair].newest_written, 0))) {
      return false;
    }
  }
  spans_.clear();
  for (std::size_t i = 0; i < days.size(); ++i) {
    const std::uint64_t day = days.key_at(i) >> 32;
    if (day == 0 || day != open_spans_[pair_of(i)].open_day) {
      spans_.add_row(spans_.row(key::city_brand_size_span(days.key_at(i))), days, i);
    }
  }
  return write_groups(Table::kCityBrandSizeSpan, spans_);
}

std::optional<int> SumsWriter::close_days_before(std::uint64_t day, int stations_max) {
  if (!close_days_.bind(1, day).bind(2, stations_max).done()) {
    return std::nullopt;
  }
  const int closed = sqlite3_changes(database_.handle());
  if (closed > 0) {
    open_days_.clear();
  }
  return closed;
}

bool SumsWriter::write(const StatisticsDelta& sums) {
  // Before the days, which these look at as they were.
  if (!write_compartments(sums) || !write_spans(sums.of(Table::kCityBrandSizeDay))) {
    return false;
  }
  for (std::size_t i = 0; i < kTableCount; ++i) {
    const auto table = static_cast<Table>(i);
    if (table == Table::kCompartment || table == Table::kCityBrandSizeSpan) {
      continue;
    }
    if (!(table == Table::kStationDay ? write_days(sums.of(table)) : write_groups(table, sums.of(table)))) {
      return false;
    }
  }
  return true;
}

}  // namespace cubby::aggregator

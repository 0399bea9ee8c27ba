#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "firmware/base/bytes.h"
#include "tools/aggregator/core/statistics.h"
#include "tools/aggregator/storage/figures.h"

namespace cubby::aggregator {

/// An hour of a day over several cities, as in StatisticsRow.
struct HourFigures {
  std::array<std::int64_t, kColumnCount> sums{};
  std::array<std::optional<std::uint64_t>, kDwellQuantiles.size()> dwell_ms{};
};
using HoursOfDay = std::array<HourFigures, 24>;

/// The hours of one city's day, worked out.
struct CityDay {
  std::uint64_t serial = 0;                       // Another one each time that a day is worked out.
  std::int64_t day = 0;                           // Local days since 1970-01-01.
  std::vector<std::byte> stored;                  // The row's group of hours, as it lies in the store.
  std::uint32_t hours = 0;                        // Bit h: hour h has a row.
  std::array<std::int64_t, 24> levels{};          // level_delta of each hour.
  std::array<std::int64_t, kColumnCount> sums{};  // Of all hours, by Column; level_moment_s counts to the day's end.
  std::vector<std::byte> dwells;                  // Of all hours, packed.
};

/// One hour of CityDay::stored: adds its sums to `sums`, and `dwells` becomes its packed histogram. False: malformed.
bool read_city_hour(Bytes body, std::array<std::int64_t, kColumnCount>& sums, Bytes& dwells);

/// Remembers the days of stat_city_hour as they were worked out. Whoever asks shows the stored bytes: a day is taken
/// from memory only if it was worked out from the same ones, so nobody has to say what a commit, late or not, has
/// changed, and an answer is what it would be without this. One thread.
class CityDays {
 public:
  explicit CityDays(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  /// `row_key`: of the table's row. nullptr: malformed. What it points to stays until the row is asked for with other
  /// bytes, or trim().
  const CityDay* of(std::uint64_t row_key, Bytes stored);
  /// A day's hours over these cities, side by side: `city`, or all of them. nullptr: nobody has remembered them since
  /// one of the cities was worked out.
  const HoursOfDay* hours(std::optional<std::uint32_t> city, std::span<const CityDay* const> cities) const;
  void remember(std::optional<std::uint32_t> city, std::span<const CityDay* const> cities, const HoursOfDay& hours);
  /// Forgets the oldest days beyond bytes_max, and as many of what was remembered as are more than kHoursMax.
  void trim();
  /// How many days have been worked out so far.
  std::uint64_t worked_out() const { return worked_out_; }
  std::size_t size() const { return days_.size(); }

  /// Days, of a city or of all: 40 MiB; a year of eleven cities and all.
  static constexpr std::size_t kHoursMax = 4'608;

 private:
  struct Remembered {
    std::vector<std::uint64_t> serials;  // Of the cities.
    HoursOfDay hours;
  };
  std::map<std::uint64_t, CityDay> days_;
  std::map<std::pair<std::int64_t, std::optional<std::uint32_t>>, Remembered> hours_;  // By day and city.
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::uint64_t worked_out_ = 0;
};

}  // namespace cubby::aggregator

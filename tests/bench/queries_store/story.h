#pragma once

#include <cstdint>
#include <queue>
#include <string>
#include <vector>

#include "cubby/v1/event.pb.h"
#include "firmware/base/chain.h"
#include "firmware/base/prng.h"

namespace cubby::bench {

inline constexpr std::uint64_t kHourMs = 3'600'000;
inline constexpr std::uint64_t kFirstUtcMs = 1'735'660'800'000;  // Midnight of 2025-01-01 in the province.

struct StationPlan {
  std::string name;
  std::string city;
  JournalUid journal_uid{};
  std::vector<v1::Size> doors;
  std::vector<std::uint32_t> brands;  // The first is the busiest.
};

/// The province's layouts, cities and brands, shared out over so many stations. The same number gives the same
/// stations.
std::vector<StationPlan> make_province(std::uint32_t stations);

/// What happens at one station, hour by hour: parcels come in two rounds a day and stay as long as the urban profile's
/// do; who is not fetched in two days is overdue and recalled.
class StationStory {
 public:
  StationStory(const StationPlan& plan, Prng prng);
  /// Events before `hour` (counted from kFirstUtcMs) has ended, in the order of time, each as a station encodes it.
  const std::vector<std::string>& tell(std::uint64_t hour);
  std::uint64_t accepted() const { return counter_; }

 private:
  enum class Kind : std::uint8_t { kArrives = 1, kExpires, kLeaves, kIsRecalled };
  struct Moment {
    std::uint64_t ms = 0;
    std::uint64_t counter = 0;
    std::uint64_t since_ms = 0;
    std::uint32_t door = 0;
    std::uint32_t brand = 0;
    Kind kind = Kind::kArrives;
    bool operator>(const Moment& other) const { return ms > other.ms; }
  };

  void open();
  void schedule_arrivals(std::uint64_t hour);
  void happen(const Moment& moment);
  void arrive(Moment moment);
  void leave(const Moment& moment);
  void say(std::uint64_t ms);
  std::uint64_t dwell_ms();

  const StationPlan& plan_;
  Prng prng_;
  std::vector<std::vector<std::uint32_t>> vacant_;  // By size.
  std::priority_queue<Moment, std::vector<Moment>, std::greater<>> ahead_;
  std::vector<std::string> told_;
  std::size_t told_count_ = 0;
  std::uint64_t counter_ = 0;
  v1::Event event_;
};

}  // namespace cubby::bench

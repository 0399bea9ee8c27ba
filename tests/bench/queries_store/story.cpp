#include "bench/queries_store/story.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "firmware/base/bytes.h"
#include "firmware/base/digest.h"

namespace cubby::bench {
namespace {

constexpr std::uint64_t kRetentionMs = 48 * kHourMs;
constexpr std::uint32_t kBrands = 35;
constexpr std::uint32_t kMillion = 1'000'000;
// Deposits of a station with the mean number of doors: 47 million a year of 2,800 stations, and who is turned away.
constexpr double kParcelsADay = 46.0;
constexpr double kDoorsMean = 78.65;

struct City {
  const char* code;
  const char* name;
  std::uint32_t share;  // Of a thousand stations, by population.
};
constexpr std::array<City, 11> kCities = {{{"TY", "Taiyuan", 153},
                                           {"DT", "Datong", 89},
                                           {"YQ", "Yangquan", 38},
                                           {"CZ", "Changzhi", 91},
                                           {"JC", "Jincheng", 63},
                                           {"SZ", "Shuozhou", 46},
                                           {"JZ", "Jinzhong", 97},
                                           {"YC", "Yuncheng", 137},
                                           {"XZ", "Xinzhou", 77},
                                           {"LF", "Linfen", 113},
                                           {"LL", "Luliang", 96}}};

struct Layout {
  std::uint32_t large, medium, small;
  std::uint32_t share;  // Of 2,800 stations.
};
constexpr std::array<Layout, 3> kLayouts = {{{4, 11, 31, 412}, {6, 17, 49, 1'260}, {8, 23, 67, 1'128}}};

// Of a day's deposits, in each hour: two rounds of couriers.
constexpr std::array<double, 24> kHours = {0,    0,    0,    0,    0,    0,    0,    0, 0.01, 0.14, 0.18, 0.15,
                                           0.03, 0.02, 0.13, 0.14, 0.11, 0.07, 0.02, 0, 0,    0,    0,    0};

std::string brand_name(std::uint32_t brand) {
  constexpr std::array<const char*, 8> kKnown = {"sf", "jd", "zto", "yto", "sto", "yunda", "ems", "jt"};
  return brand < kKnown.size() ? kKnown[brand] : "brand" + std::to_string(brand);
}

/// A thousand evenly spread values of the urban dwell: lognormal, mu 2.145 and sigma 1.342, in hours.
std::vector<std::uint64_t> dwell_table() {
  constexpr std::size_t kSteps = 1'000;
  std::vector<std::uint64_t> table;
  double z = -4;
  double below = 0;
  constexpr double kStep = 1e-4;
  for (std::size_t i = 0; i < kSteps; ++i) {
    const double wanted = (static_cast<double>(i) + 0.5) / kSteps;
    while (below < wanted) {
      below += std::exp(-z * z / 2) * 0.3989422804014327 * kStep;
      z += kStep;
    }
    table.push_back(static_cast<std::uint64_t>(std::exp(2.145 + 1.342 * z) * static_cast<double>(kHourMs)));
  }
  return table;
}

// By shares of `of`, spread so that every prefix of the stations is a fair sample.
std::size_t pick(std::uint32_t index, std::initializer_list<std::uint32_t> shares, std::uint32_t of) {
  const std::uint32_t point = static_cast<std::uint32_t>(std::uint64_t{index} * 1'597 % of);
  std::uint32_t end = 0;
  std::size_t chosen = 0;
  for (const std::uint32_t share : shares) {
    end += share;
    if (point < end) {
      return chosen;
    }
    ++chosen;
  }
  return shares.size() - 1;
}

}  // namespace

std::vector<StationPlan> make_province(std::uint32_t stations) {
  std::vector<StationPlan> plans;
  std::array<std::uint32_t, kCities.size()> numbers{};
  Prng prng(11);
  for (std::uint32_t i = 0; i < stations; ++i) {
    StationPlan& plan = plans.emplace_back();
    const std::size_t at = pick(i, {153, 89, 38, 91, 63, 46, 97, 137, 77, 113, 96}, 1'000);
    const City& city = kCities[at];
    std::array<char, 24> name;
    std::snprintf(name.data(), name.size(), "SX-%s-%04u", city.code, ++numbers[at]);
    plan.name = name.data();
    plan.city = city.name;
    const std::array<Bytes, 1> seed{as_bytes(plan.name)};
    const Sha256Digest digest = sha256(seed);
    std::copy_n(digest.begin(), plan.journal_uid.size(), plan.journal_uid.begin());
    const Layout& layout = kLayouts[pick(i, {412, 1'260, 1'128}, 2'800)];
    plan.doors.insert(plan.doors.end(), layout.small, v1::SIZE_S);
    plan.doors.insert(plan.doors.end(), layout.medium, v1::SIZE_M);
    plan.doors.insert(plan.doors.end(), layout.large, v1::SIZE_L);
    const std::uint64_t brands = 3 + prng.below(6);
    for (std::uint64_t b = 0; b < brands; ++b) {
      // The first brands of the country are at most stations.
      plan.brands.push_back(static_cast<std::uint32_t>(std::min(prng.below(kBrands), prng.below(kBrands))));
    }
  }
  return plans;
}

StationStory::StationStory(const StationPlan& plan, Prng prng) : plan_(plan), prng_(prng), vacant_(4) {
  for (std::uint32_t door = 0; door < plan.doors.size(); ++door) {
    vacant_[static_cast<std::size_t>(plan.doors[door])].push_back(door + 1);
  }
}

void StationStory::say(std::uint64_t ms) {
  event_.set_boot(1);
  event_.set_uptime_ms(ms);
  event_.set_wall_ms(kFirstUtcMs + ms);
  if (told_count_ == told_.size()) {
    told_.emplace_back();
  }
  event_.SerializeToString(&told_[told_count_++]);
  event_.Clear();
}

void StationStory::open() {
  event_.mutable_journal_opened()->set_journal_uid(plan_.journal_uid.data(), plan_.journal_uid.size());
  say(1);
  v1::StationConfig& config = *event_.mutable_config_applied()->mutable_config();
  config.set_version(1);
  config.set_station(plan_.name);
  config.set_city(plan_.city);
  config.set_utc_offset_min(480);
  config.set_retention_h(48);
  config.set_report_interval_s(3'600);
  config.set_code_digits(8);
  for (const v1::Size size : plan_.doors) {
    config.add_door_size(size);
  }
  say(2);
  event_.mutable_snapshot()->set_states(
      std::string(plan_.doors.size(), static_cast<char>(v1::COMPARTMENT_STATE_VACANT)));
  say(3);
}

std::uint64_t StationStory::dwell_ms() {
  static const std::vector<std::uint64_t> kTable = dwell_table();
  return kTable[prng_.below(kTable.size())] + prng_.below(600'000);
}

void StationStory::schedule_arrivals(std::uint64_t hour) {
  const double mean = kParcelsADay * kHours[hour % 24] * static_cast<double>(plan_.doors.size()) / kDoorsMean;
  const auto millionths = static_cast<std::uint64_t>(mean * 2 * kMillion);
  // Twice as many tries of a half: the right mean, and hours that differ.
  for (std::uint64_t left = millionths; left > 0; left -= std::min<std::uint64_t>(left, kMillion)) {
    if (prng_.chance(static_cast<std::uint32_t>(std::min<std::uint64_t>(left, kMillion) / 2))) {
      const std::size_t first = prng_.below(plan_.brands.size());
      ahead_.push({.ms = hour * kHourMs + prng_.below(kHourMs),
                   .counter = 0,
                   .since_ms = 0,
                   .door = 0,
                   .brand = plan_.brands[prng_.below(first + 1)],
                   .kind = Kind::kArrives});
    }
  }
}

void StationStory::arrive(Moment moment) {
  const std::uint64_t draw = prng_.below(100);
  const v1::Size size = draw < 61 ? v1::SIZE_S : draw < 91 ? v1::SIZE_M : v1::SIZE_L;
  auto fits = static_cast<std::size_t>(size);
  while (fits < vacant_.size() && vacant_[fits].empty()) {
    ++fits;
  }
  if (fits == vacant_.size()) {
    v1::TurnedAway& away = *event_.mutable_turned_away();
    away.set_reason(v1::TURNED_AWAY_REASON_FULL);
    away.set_size(size);
    away.set_carrier(brand_name(moment.brand));
    return say(moment.ms);
  }
  const std::size_t at = prng_.below(vacant_[fits].size());
  std::swap(vacant_[fits][at], vacant_[fits].back());
  moment.door = vacant_[fits].back();
  vacant_[fits].pop_back();
  moment.counter = ++counter_;
  moment.since_ms = moment.ms;
  std::array<char, 16> number;
  std::snprintf(number.data(), number.size(), "RB%09lluCN",
                static_cast<unsigned long long>(prng_.below(1'000'000'000)));
  v1::Deposited& deposited = *event_.mutable_deposited();
  deposited.set_compartment(moment.door);
  deposited.set_counter(moment.counter);
  deposited.set_parcel(number.data());
  deposited.set_carrier(brand_name(moment.brand));
  deposited.set_size(plan_.doors[moment.door - 1]);
  deposited.set_attempts(1);
  deposited.set_open_ms(static_cast<std::uint32_t>(8'000 + prng_.below(20'000)));
  say(moment.ms);
  const std::uint64_t dwell = dwell_ms();
  moment.kind = dwell < kRetentionMs ? Kind::kLeaves : Kind::kExpires;
  moment.ms += std::min(dwell, kRetentionMs);
  ahead_.push(moment);
}

void StationStory::leave(const Moment& moment) {
  const auto fill = [&](auto& body) {
    body.set_compartment(moment.door);
    body.set_counter(moment.counter);
    body.set_carrier(brand_name(moment.brand));
    body.set_size(plan_.doors[moment.door - 1]);
    body.set_dwell_ms(moment.ms - moment.since_ms);
    body.set_attempts(prng_.chance(1'000) ? 2 : 1);
    body.set_open_ms(static_cast<std::uint32_t>(5'000 + prng_.below(14'000)));
  };
  if (moment.kind == Kind::kIsRecalled) {
    fill(*event_.mutable_recalled());
  } else {
    if (prng_.chance(30'000)) {
      event_.mutable_code_rejected()->set_failures_in_row(1);
      say(moment.ms - 1);
    }
    fill(*event_.mutable_collected());
  }
  say(moment.ms);
  vacant_[static_cast<std::size_t>(plan_.doors[moment.door - 1])].push_back(moment.door);
}

void StationStory::happen(const Moment& moment) {
  switch (moment.kind) {
    case Kind::kArrives:
      return arrive(moment);
    case Kind::kExpires: {
      event_.mutable_overdue()->set_compartment(moment.door);
      event_.mutable_overdue()->set_counter(moment.counter);
      say(moment.ms);
      Moment next = moment;
      next.kind = Kind::kIsRecalled;
      next.ms = (moment.ms / (24 * kHourMs) + 1) * 24 * kHourMs + 9 * kHourMs + prng_.below(kHourMs);
      return ahead_.push(next);
    }
    case Kind::kLeaves:
    case Kind::kIsRecalled:
      return leave(moment);
  }
}

const std::vector<std::string>& StationStory::tell(std::uint64_t hour) {
  told_count_ = 0;
  if (hour == 0) {
    open();
  }
  schedule_arrivals(hour);
  while (!ahead_.empty() && ahead_.top().ms < (hour + 1) * kHourMs) {
    const Moment moment = ahead_.top();
    ahead_.pop();
    happen(moment);
  }
  told_.resize(told_count_);
  return told_;
}

}  // namespace cubby::bench

#include "emulator/scenario/profile_keys.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "emulator/scenario/profiles.h"
#include "firmware/base/limits.h"

namespace cubby::emulator {
namespace {

constexpr std::int64_t kMillion = 1'000'000;
constexpr std::int64_t kDayS = 86'400;
constexpr std::int64_t kYearS = 366 * kDayS;
constexpr std::int64_t kStationsMax = 30'000;
constexpr std::int64_t kDoorsMax = limits::kCompartmentsMax;
constexpr std::int64_t kWeightMax = 1'000'000;
constexpr std::int64_t kBurstMax = 1'000;
constexpr int kEraDays = 146'097;        // Of 400 years.
constexpr int kEraDaysTo1970 = 719'468;  // From 0000-03-01.

constexpr std::array<std::string_view, 2> kLanguages{"en", "zh"};
constexpr std::array<std::string_view, 2> kArrivals{"rounds", "poisson"};
constexpr std::array<std::string_view, 3> kDwells{"lognormal", "exponential", "constant"};

template <typename Member>
struct MemberOf;
template <typename Class, typename Value>
struct MemberOf<Value Class::*> {
  using Owner = Class;
};
template <auto Member>
using OwnerOf = typename MemberOf<decltype(Member)>::Owner;

template <auto Member>
constexpr ProfileKey<OwnerOf<Member>> scalar(std::string_view name, KeyKind kind, std::int64_t low, std::int64_t high,
                                             std::span<const std::string_view> words = {}) {
  using Owner = OwnerOf<Member>;
  ProfileKey<Owner> key;
  key.name = name;
  key.kind = kind;
  key.low = low;
  key.high = high;
  key.words = words;
  key.get = [](const Owner& owner) { return static_cast<std::int64_t>(owner.*Member); };
  key.set = [](Owner& owner, std::int64_t value) {
    owner.*Member = static_cast<std::remove_reference_t<decltype(owner.*Member)>>(value);
  };
  return key;
}

template <auto Member>
constexpr auto number(std::string_view name, std::int64_t low, std::int64_t high) {
  return scalar<Member>(name, KeyKind::kNumber, low, high);
}
template <auto Member>
constexpr auto chance(std::string_view name) {
  return number<Member>(name, 0, kMillion);
}
template <auto Member>
constexpr auto date(std::string_view name) {
  return scalar<Member>(name, KeyKind::kDate, 0, 0);
}
/// `first` is what the first word stands for.
template <auto Member>
constexpr auto word(std::string_view name, std::span<const std::string_view> words, std::int64_t first = 0) {
  return scalar<Member>(name, KeyKind::kWord, first, 0, words);
}
template <auto Member>
constexpr auto numbers(std::string_view name, std::int64_t high) {
  using Owner = OwnerOf<Member>;
  ProfileKey<Owner> key;
  key.name = name;
  key.kind = KeyKind::kNumbers;
  key.high = high;
  key.numbers = [](Owner& owner) { return std::span<std::uint32_t>(owner.*Member); };
  return key;
}
template <auto Member>
constexpr auto text(std::string_view name, std::int64_t size_max) {
  using Owner = OwnerOf<Member>;
  ProfileKey<Owner> key;
  key.name = name;
  key.kind = KeyKind::kText;
  key.low = 1;
  key.high = size_max;
  key.text = [](Owner& owner) -> std::string& { return owner.*Member; };
  return key;
}
template <typename Owner>
constexpr ProfileKey<Owner> or_none(ProfileKey<Owner> key) {
  key.optional = true;
  return key;
}

template <typename Owner>
constexpr ProfileKey<Owner> built_in(ProfileKey<Owner> key) {
  key.built_in = true;
  return key;
}

constexpr std::array kProfileKeys{
    built_in(text<&Profile::prefix>("prefix", 8)),
    built_in(number<&Profile::stations>("stations", 1, kStationsMax)),
    built_in(number<&Profile::utc_offset_min>("utc_offset_min", -720, 840)),
    built_in(word<&Profile::language>("language", kLanguages, 1)),
    built_in(date<&Profile::first_day>("first_day")),
    built_in(number<&Profile::brands_per_station_min>("brands_per_station_min", 1, 35)),
    built_in(number<&Profile::brands_per_station_max>("brands_per_station_max", 1, 35)),
    built_in(word<&Profile::arrivals>("arrivals", kArrivals)),
    number<&Profile::offered_per_station_day_milli>("offered_per_station_day_milli", 0, kMillion),
    number<&Profile::offered_erlang_milli>("offered_erlang_milli", 1, kMillion),
    number<&Profile::burst_min>("burst_min", 1, kBurstMax),
    number<&Profile::burst_max>("burst_max", 1, kBurstMax),
    number<&Profile::spacing_min_s>("spacing_min_s", 1, 3'600),
    number<&Profile::spacing_max_s>("spacing_max_s", 1, 3'600),
    scalar<&Profile::recall>("recall", KeyKind::kFlag, 0, 1),
    numbers<&Profile::size_per_million>("size_per_million", kMillion),
    numbers<&Profile::weekday_percent>("weekday_percent", 1'000),
    word<&Profile::dwell>("dwell", kDwells),
    number<&Profile::dwell_mu_micro>("dwell_mu_micro", -5 * kMillion, 7 * kMillion),
    number<&Profile::dwell_sigma_micro>("dwell_sigma_micro", 0, 3 * kMillion),
    number<&Profile::dwell_mean_s>("dwell_mean_s", 60, kYearS / 12),
    number<&Profile::quiet_until_h>("quiet_until_h", 0, 12),
    number<&Profile::quiet_spread_h>("quiet_spread_h", 1, 12),
    numbers<&Profile::collection_hour_percent>("collection_hour_percent", 1'000),
    number<&Profile::notice_reaction_s>("notice_reaction_s", 0, kDayS),
    built_in(number<&Profile::retention_h>("retention_h", 1, 720)),
    number<&Profile::open_deposit_median_ms>("open_deposit_median_ms", 1'000, 600'000),
    number<&Profile::open_pickup_median_ms>("open_pickup_median_ms", 1'000, 600'000),
    number<&Profile::open_sigma_micro>("open_sigma_micro", 0, 2 * kMillion),
    chance<&Profile::left_open_per_million>("left_open_per_million"),
    number<&Profile::left_open_min_s>("left_open_min_s", 1, kDayS),
    number<&Profile::left_open_max_s>("left_open_max_s", 1, kDayS),
    chance<&Profile::mistype_per_million>("mistype_per_million"),
    chance<&Profile::refusal_per_million>("refusal_per_million"),
    chance<&Profile::failed_open_per_million>("failed_open_per_million"),
    built_in(number<&Profile::network_up_per_million>("network_up_per_million", 1, kMillion)),
    number<&Profile::network_outage_mean_s>("network_outage_mean_s", 1, 30 * kDayS),
    built_in(number<&Profile::mains_losses_per_year>("mains_losses_per_year", 0, 100'000)),
    number<&Profile::mains_loss_min_s>("mains_loss_min_s", 1, 30 * kDayS),
    number<&Profile::mains_loss_max_s>("mains_loss_max_s", 1, 30 * kDayS),
    number<&Profile::battery_s>("battery_s", 0, 30 * kDayS),
    built_in(number<&Profile::board_silences_per_year>("board_silences_per_year", 0, 100'000)),
    number<&Profile::board_silence_min_s>("board_silence_min_s", 1, 30 * kDayS),
    number<&Profile::board_silence_max_s>("board_silence_max_s", 1, 30 * kDayS),
};

constexpr std::array kCityKeys{
    text<&ProfileCity::name>("name", 32),
    text<&ProfileCity::code>("code", 8),
    number<&ProfileCity::weight>("weight", 1, kWeightMax),
};
constexpr std::array kLayoutKeys{
    number<&ProfileLayout::doors_l>("doors_l", 0, kDoorsMax),
    number<&ProfileLayout::doors_m>("doors_m", 0, kDoorsMax),
    number<&ProfileLayout::doors_s>("doors_s", 0, kDoorsMax),
    number<&ProfileLayout::weight>("weight", 1, kWeightMax),
};
constexpr std::array kRoundKeys{
    number<&ProfileRound::from_h>("from_h", 0, 23),
    number<&ProfileRound::to_h>("to_h", 1, 24),
};
constexpr std::array kSeasonKeys{
    date<&ProfileSeason::from>("from"),
    date<&ProfileSeason::to>("to"),
    or_none(number<&ProfileSeason::demand_percent>("demand_percent", 0, 1'000)),
    or_none(chance<&ProfileSeason::failed_open_per_million>("failed_open_per_million")),
};

}  // namespace

std::span<const ProfileKey<Profile>> profile_keys() {
  return kProfileKeys;
}
std::span<const ProfileKey<ProfileCity>> city_keys() {
  return kCityKeys;
}
std::span<const ProfileKey<ProfileLayout>> layout_keys() {
  return kLayoutKeys;
}
std::span<const ProfileKey<ProfileRound>> round_keys() {
  return kRoundKeys;
}
std::span<const ProfileKey<ProfileSeason>> season_keys() {
  return kSeasonKeys;
}

bool may_not_change_under_way(std::string_view key) {
  if (key == kCities || key == kLayouts || key == kCarriers) {
    return true;
  }
  return std::any_of(kProfileKeys.begin(), kProfileKeys.end(),
                     [&](const ProfileKey<Profile>& known) { return known.name == key && known.built_in; });
}

// A year that begins in March ends with the leap day; 400 of them have the same number of days.
std::int32_t days_of(int year, unsigned month, unsigned day) {
  const int march_year = month <= 2 ? year - 1 : year;
  const int month_from_march = static_cast<int>(month <= 2 ? month + 9 : month - 3);
  const int era = march_year / 400;
  const int year_of_era = march_year % 400;
  const int day_of_year = (153 * month_from_march + 2) / 5 + static_cast<int>(day) - 1;
  return era * kEraDays + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - kEraDaysTo1970;
}

std::string date_text(std::int32_t days) {
  const int from_era = days + kEraDaysTo1970;
  const int era = from_era / kEraDays;
  const int day_of_era = from_era % kEraDays;
  const int year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int month_from_march = (5 * day_of_year + 2) / 153;
  const int day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const int month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02d", era * 400 + year_of_era + (month <= 2 ? 1 : 0), month, day);
  return text.data();
}

}  // namespace cubby::emulator

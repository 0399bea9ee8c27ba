#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "emulator/people/profile.h"

/// The keys of a profile's file: their names, bounds, and where their values go. Reader and printer walk these tables.
namespace cubby::emulator {

enum class KeyKind : std::uint8_t { kNumber, kFlag, kWord, kDate, kNumbers, kText };

/// One value of an `Owner`: the profile, or a row of one of its lists.
template <typename Owner>
struct ProfileKey {
  std::string_view name;
  KeyKind kind = KeyKind::kNumber;
  std::int64_t low = 0;  // Of a number or each of several; of a text: of its size.
  std::int64_t high = 0;
  std::span<const std::string_view> words;  // Of kWord; a value is a word's index, plus `low`.
  std::int64_t (*get)(const Owner&) = nullptr;
  void (*set)(Owner&, std::int64_t) = nullptr;
  std::span<std::uint32_t> (*numbers)(Owner&) = nullptr;
  std::string& (*text)(Owner&) = nullptr;
  bool optional = false;  // May be left out of a row.
  bool built_in = false;  // Part of how the stations are made; does not change under way.
};

std::span<const ProfileKey<Profile>> profile_keys();
std::span<const ProfileKey<ProfileCity>> city_keys();
std::span<const ProfileKey<ProfileLayout>> layout_keys();
std::span<const ProfileKey<ProfileRound>> round_keys();
std::span<const ProfileKey<ProfileSeason>> season_keys();

/// Lists of rows, and the list of brands.
inline constexpr std::string_view kCities = "cities";
inline constexpr std::string_view kLayouts = "layouts";
inline constexpr std::string_view kRounds = "rounds";
inline constexpr std::string_view kSeasons = "seasons";
inline constexpr std::string_view kCarriers = "carriers";
inline constexpr std::string_view kBase = "base";

/// Of a Gregorian date since 1 March of the year 0, in days since 1970, and back.
std::int32_t days_of(int year, unsigned month, unsigned day);
std::string date_text(std::int32_t days);

}  // namespace cubby::emulator

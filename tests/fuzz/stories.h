#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/chain.h"

namespace cubby::fuzz {

inline constexpr std::size_t kStoryStations = 3;
inline constexpr std::size_t kStoryEvents = 12;
inline constexpr std::uint64_t kNoonUtcMs = 1'740'974'400'000;

inline std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What one station could tell, in two versions that part after some events: a journal and a clone of it.
struct Story {
  std::string station;
  JournalUid uid{};
  std::array<std::vector<std::string>, 2> events;
  std::array<std::vector<Chain>, 2> chains;  // Element i is after event i.
};

/// `station` below kStoryStations; its journals 0 and 1 have nothing in common but the name.
Story make_story(std::size_t station, unsigned journal);

}  // namespace cubby::fuzz

#pragma once

#include <boost/json/array.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cubby::tools {

/// Which store a place in its event log is of. docs/spec/notices.md, "Another log"
struct StoreMark {
  std::string uid;               // Hexadecimal.
  std::uint64_t generation = 0;  // Grows when a backup is restored.
  friend bool operator==(const StoreMark&, const StoreMark&) = default;
};

/// A backup was restored: ids above `after` were given in this generation or later.
struct StoreRestored {
  std::uint64_t generation = 0;
  std::uint64_t after = 0;
};

/// A page of GET /v1/events.
struct EventPage {
  boost::json::array rows;
  std::uint64_t next_after = 0;
  bool at_end = false;
  StoreMark store;
  std::vector<StoreRestored> restores;  // All that the store knows of.
};
/// False: that is not one.
bool read_event_page(std::string_view text, EventPage& page);

/// From where on to read this page's store for somebody who had everything up to `after` in generation `generation` of
/// it, which is an older one: up to there the log is the same as then, and whatever else it holds comes behind it.
/// nullopt: the store does not say.
std::optional<std::uint64_t> after_restores(const EventPage& page, std::uint64_t generation, std::uint64_t after);

}  // namespace cubby::tools

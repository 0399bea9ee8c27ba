#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "tools/aggregator/core/standing.h"
#include "tools/aggregator/storage/sqlite.h"

namespace cubby::aggregator {

/// Reads state, state_reason, state_since_utc_ms and other_journal of a station's row, which are `first` and the
/// columns after it. False: a number that this program does not know.
inline bool read_standing(Statement& row, int first, Standing& standing) {
  const auto state = state_from_number(row.number(first));
  const auto reason = reason_from_number(row.number(first + 1));
  if (!state || !reason || (*state == StationState::kQuarantined) != (*reason != QuarantineReason::kNone)) {
    return false;
  }
  standing = {.state = *state, .reason = *reason, .since_utc_ms = row.unsigned_number(first + 2), .other_journal = {}};
  if (const Bytes other = row.blob(first + 3); other.size() == sizeof(JournalUid)) {
    std::copy(other.begin(), other.end(), standing.other_journal.emplace().begin());
  }
  return true;
}

/// The row of a number whose station was forgotten: no station's name begins so. A program that does not know it lists
/// a station that is quarantined.
inline constexpr char kVacantMark = '#';
inline bool is_vacant(std::string_view name) {
  return name.starts_with(kVacantMark);
}
inline std::string vacant_name(std::uint32_t station_id) {
  return kVacantMark + std::to_string(station_id);
}

/// Reads key_version and key_version_min, likewise.
inline StationIdentity read_identity(Statement& row, int first) {
  return {.key_version = static_cast<std::uint32_t>(row.number(first)),
          .key_version_min = static_cast<std::uint32_t>(row.number(first + 1)),
          .certificate = {}};
}

}  // namespace cubby::aggregator

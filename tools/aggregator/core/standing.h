#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "firmware/base/chain.h"
#include "tools/aggregator/core/certificate_binding.h"

namespace cubby::aggregator {

/// Whether a station may report. Numbers are those of the store (docs/spec/store.md).
enum class StationState : std::uint8_t {
  kPending = 1,  // Has proven itself and waits for a person.
  kApproved,     // A person lets it in; it has not come yet.
  kActive,       // Has reported.
  kQuarantined   // Nobody may report in its name until a person has decided.
};
inline constexpr std::size_t kStationStates = 4;

/// Why it is quarantined. Numbers are those of the store.
enum class QuarantineReason : std::uint8_t {
  kNone = 0,    // It is not.
  kTakeOvers,   // Two live ones take the session from each other.
  kChain,       // Another history behind the same numbers.
  kRolledBack,  // Its journal ends before what is durable here.
  kNewJournal,  // A journal that nobody has announced.
  kOrdered      // A person wants it so.
};
inline constexpr std::size_t kQuarantineReasons = 6;

/// As they are called in docs/spec/http.md.
constexpr std::string_view to_text(StationState state) {
  constexpr std::array<std::string_view, kStationStates> kNames{"pending", "approved", "active", "quarantined"};
  return kNames[static_cast<std::size_t>(state) - 1];
}
constexpr std::string_view to_text(QuarantineReason reason) {
  constexpr std::array<std::string_view, kQuarantineReasons> kNames{"none",        "take_overs",  "chain",
                                                                    "rolled_back", "new_journal", "ordered"};
  return kNames[static_cast<std::size_t>(reason)];
}
/// nullopt: no number of the store.
constexpr std::optional<StationState> state_from_number(std::int64_t number) {
  return number >= 1 && number <= static_cast<std::int64_t>(kStationStates)
             ? std::optional(static_cast<StationState>(number))
             : std::nullopt;
}
constexpr std::optional<QuarantineReason> reason_from_number(std::int64_t number) {
  return number >= 0 && number < static_cast<std::int64_t>(kQuarantineReasons)
             ? std::optional(static_cast<QuarantineReason>(number))
             : std::nullopt;
}

/// Who may report that nobody has heard of before.
enum class Enrolment : std::uint8_t {
  kOpen,     // Whoever proves to have a key and, with TLS, a certificate.
  kApproved  // Whom a person has let in, before or after.
};

/// Where a station stands: one row's worth.
struct Standing {
  StationState state = StationState::kActive;
  QuarantineReason reason = QuarantineReason::kNone;
  std::uint64_t since_utc_ms = 0;           // In the time of the session that brought it about.
  std::optional<JournalUid> other_journal;  // Of a quarantine: the journal that was not the known one.
};

/// What a station has to prove itself with.
struct StationIdentity {
  std::uint32_t key_version = 1;      // Of the key that its newest session was opened with.
  std::uint32_t key_version_min = 1;  // The oldest that is taken; a person's order.
  CertificateBinding certificate;
};

/// Which take-overs of one station's session show that two are alive. docs/spec/wire.md, 3.6.
class TakeOvers {
 public:
  static constexpr std::size_t kMax = 3;
  static constexpr std::uint64_t kWithinMs = 600'000;

  /// True: this was the one too many. Times of a clock that was set far away count for nothing.
  bool add(std::uint64_t utc_ms) {
    for (std::size_t i = 1; i < kMax; ++i) {
      at_ms_[i - 1] = at_ms_[i];
    }
    at_ms_[kMax - 1] = utc_ms;
    for (const std::uint64_t at_ms : at_ms_) {
      if (at_ms == 0 || utc_ms - at_ms > kWithinMs) {  // Of a later one too: the difference is huge.
        return false;
      }
    }
    return true;
  }

 private:
  std::array<std::uint64_t, kMax> at_ms_{};  // Oldest first; 0: none.
};

}  // namespace cubby::aggregator

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "firmware/base/bytes.h"
#include "firmware/base/inplace_string.h"
#include "firmware/base/limits.h"
#include "firmware/base/result.h"
#include "firmware/store/journal.h"

/// Core's internal records; every byte is in docs/spec/records.md.
namespace cubby::core {

enum class RecordKind : std::uint8_t {
  kIntent = store::kFirstForeignKind,  // One attempt to open one door is about to be made.
  kOutcome,                            // What became of that attempt.
  kThrottle,                           // Wrong codes in a row.
  kCalledOff,                          // The person at an open door says that it was opened for nothing.
  kCommand,                            // An operator's command is about to be done.
  kTermsKept,                          // Parcels that stay longer than the rules that come into force say.
  kRules,                              // An operator's rules are in force from here on.
};

/// Numbers as Purpose of event.proto.
enum class Purpose : std::uint8_t { kDeposit = 1, kCollect, kRecall, kService, kRemote, kDropOff };

/// Something is put in, not taken out or looked at.
constexpr bool fills(Purpose purpose) {
  return purpose == Purpose::kDeposit || purpose == Purpose::kDropOff;
}

/// The door is opened for somebody without a claim to what is inside.
constexpr bool looks(Purpose purpose) {
  return purpose == Purpose::kService || purpose == Purpose::kRemote;
}

enum class AttemptOutcome : std::uint8_t {
  kNone = 0,   // Not durable yet.
  kOpened,     // The switch read open.
  kNotOpened,  // The board answered, the switch reads shut.
  kNotSent,    // Nothing left the controller.
  kRefused,    // The board answered with an exception.
  kUnknown,    // Sent, no answer; the switch reads shut.
};

struct Intent {
  std::uint8_t compartment = 0;
  Purpose purpose = Purpose::kDeposit;
  std::uint8_t attempt = 1;
  std::uint8_t size = 0;  // Asked for; Size of config.proto.
  std::uint64_t uptime_ms = 0;
  std::uint64_t counter = 0;
  InplaceString<limits::kCarrierMax> carrier;  // Of a deposit or drop-off; of a service the technician; else empty.
  InplaceString<limits::kParcelMax> parcel;    // Of a deposit or drop-off; else empty.
  std::uint64_t recipient_token = 0;           // Of a deposit that may join a collection group; else 0.
  std::uint32_t pass_serial = 0;               // Of a drop-off; else 0.
  std::uint64_t pass_expiry_utc_s = 0;
};

struct Outcome {
  std::uint8_t compartment = 0;
  AttemptOutcome outcome = AttemptOutcome::kNone;
  std::uint64_t uptime_ms = 0;
};

struct ThrottleCount {
  std::uint32_t failures = 0;
};

/// Of a deposit or drop-off: nothing is inside. Of a collection: the parcel still is.
struct CalledOff {
  std::uint8_t compartment = 0;
};

using CommandId = std::array<std::byte, 16>;

struct AcceptedCommand {
  CommandId id{};
  std::uint64_t expires_utc_ms = 0;
  std::uint8_t compartment = 0;  // Of OpenDoor; else 0.
};

inline constexpr std::size_t kRecordBytesMax = 88;
using RecordBytes = std::array<std::byte, kRecordBytesMax>;

std::size_t encode(const Intent& intent, RecordBytes& into);
std::size_t encode(const Outcome& outcome, RecordBytes& into);
std::size_t encode(const ThrottleCount& count, RecordBytes& into);
std::size_t encode(const CalledOff& called_off, RecordBytes& into);
std::size_t encode(const AcceptedCommand& command, RecordBytes& into);

/// kCorrupt: too short, too long or out of range.
Status decode(Bytes bytes, Intent& intent);
Status decode(Bytes bytes, Outcome& outcome);
Status decode(Bytes bytes, ThrottleCount& count);
Status decode(Bytes bytes, CalledOff& called_off);
Status decode(Bytes bytes, AcceptedCommand& command);

}  // namespace cubby::core

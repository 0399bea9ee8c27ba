#pragma once

#include <cstdint>
#include <string_view>

#include "cubby/v1/event.pb.h"
#include "firmware/base/bytes.h"

namespace cubby::aggregator {

/// Which body an event has: its field number in event.proto.
enum class EventKind : std::uint8_t {
  kNone = 0,  // Parses, but the body is of a kind that this build does not know.
  kDeposited = 4,
  kCollected = 5,
  kRecalled = 6,
  kOverdue = 7,
  kTurnedAway = 8,
  kCodeRejected = 9,
  kOpenFailed = 10,
  kRefused = 11,
  kDroppedOff = 12,
  kDispatched = 13,
  kJournalOpened = 16,
  kConfigApplied = 17,
  kSnapshot = 18,
  kBooted = 19,
  kCustodyUncertain = 20,
  kDoorForced = 21,
  kDoorLeftOpen = 22,
  kDoorShutLate = 23,
  kBoardSilent = 24,
  kBoardAnswered = 25,
  kOutOfService = 26,
  kInService = 27,
  kCommandResult = 28,
  kDepositCancelled = 29,
  kTechnicianCame = 30,
  kServiced = 31,
  kCustodySettled = 32,
  kDoorReserved = 33,
  kReservationEnded = 34,
  kExtended = 35,
  kCodeReissued = 36,
  kPassRevoked = 37,
  kItemSensorDoubtful = 38,
  kFlashWorn = 39,
};

/// What statistics need of an event. Points into the payload and into the parser.
struct EventView {
  EventKind kind = EventKind::kNone;
  bool has_wall = false;
  bool has_dwell = false;
  bool hard_stop = false;
  std::uint32_t boot = 0;
  std::uint64_t wall_ms = 0;
  std::uint64_t dwell_ms = 0;
  std::uint32_t compartment = 0;
  std::uint32_t size = 0;
  std::uint32_t attempts = 0;
  std::uint32_t open_ms = 0;
  std::uint32_t reason = 0;  // TurnedAwayReason or OpenFailure.
  std::uint32_t lockout_s = 0;
  std::uint32_t item = 0;  // ItemReading.
  std::string_view carrier;
  /// The whole message, for the rare kinds; null for those with one-byte tags.
  const v1::Event* message = nullptr;
};

/// Reads events. The frequent kinds are walked by hand when they look as the controller writes them;
/// everything else goes through libprotobuf, which alone decides what does not parse.
class EventParser {
 public:
  EventParser();
  /// False: not an Event (the caller keeps it as opaque bytes). `view` is valid until the next call.
  bool parse(Bytes payload, EventView& view);
  /// The same, always through libprotobuf; what parse() is tested against.
  bool parse_slowly(Bytes payload, EventView& view);

 private:
  v1::Event scratch_;
};

}  // namespace cubby::aggregator

#pragma once

#include <cstddef>
#include <cstdint>

#include "firmware/base/instant.h"

/// Every fixed size and every wait of the controller, in one place, related to each other below.
namespace cubby::limits {

inline constexpr std::size_t kCompartmentsMax = 192;
inline constexpr std::size_t kBoardsMax = 24;
inline constexpr std::size_t kBoardChannelsMax = 50;
inline constexpr std::size_t kBrandsMax = 35;

inline constexpr std::size_t kStationNameMax = 32;
inline constexpr std::size_t kCityNameMax = 32;
inline constexpr std::size_t kCarrierMax = 8;
inline constexpr std::size_t kParcelMax = 32;

inline constexpr std::size_t kConfigBytesMax = 2640;  // An encoded StationConfig.
inline constexpr std::size_t kRulesBytesMax = 704;    // An encoded StationRules that keeps the bounds below.
inline constexpr std::size_t kEventBytesMax = 2688;   // An encoded Event.
inline constexpr std::size_t kInternalBytesMax = 1024;

// Rules of a StationConfig; 0 has a meaning where it is not excluded here.
inline constexpr std::int32_t kUtcOffsetMinMin = -720;
inline constexpr std::int32_t kUtcOffsetMinMax = 840;
inline constexpr std::uint32_t kRetentionHoursMax = 720;
inline constexpr std::uint32_t kUpsizingStepsMax = 3;
inline constexpr std::uint32_t kBaudDefault = 9600;
inline constexpr std::uint32_t kBaudMin = 4800;
inline constexpr std::uint32_t kBaudMax = 115'200;
inline constexpr std::uint32_t kUnlockReplyMsMax = 5000;
inline constexpr std::uint32_t kReportIntervalSMax = 24 * 3600;  // Asked for from afar; a file may say more.
inline constexpr std::uint32_t kResponseDeadlineSMin = 10;
inline constexpr std::uint32_t kResponseDeadlineSMax = 3600;

inline constexpr std::size_t kSectorsMax = 256;      // Of a journal.
inline constexpr std::uint32_t kSectorsReserve = 2;  // Kept for pickups and security events.

inline constexpr std::size_t kJournalUidSize = 16;
inline constexpr std::size_t kStoreUidSize = 16;
inline constexpr std::size_t kNonceSize = 16;
inline constexpr std::size_t kStationKeySize = 32;
inline constexpr std::uint32_t kKeyVersionMax = 65'535;  // Of a station key; from 1.
inline constexpr std::size_t kStationKeysMax = 4;        // Versions that a station holds at a time.
inline constexpr std::size_t kConfigHashSize = 8;

inline constexpr std::size_t kFrameUpMax = 16 * 1024;  // Bytes after the length: channel and message.
inline constexpr std::size_t kFrameDownMax = 4 * 1024;
inline constexpr std::size_t kBatchEventsMax = 256;
inline constexpr std::uint32_t kWindowMax = 2000;  // Unacknowledged events.

inline constexpr std::size_t kBusFrameMax = 64;
inline constexpr std::size_t kBusReplyMax = 64;   // P7 tells 50 doors in 60 bytes.
inline constexpr std::size_t kPanelTextMax = 80;  // Of one scan.

inline constexpr std::size_t kCodeDigits = 8;       // Of a pickup code that is typed alone.
inline constexpr std::size_t kShortCodeDigits = 6;  // Of one that opens only with a second input.
inline constexpr std::size_t kSecondDigits = 4;     // Of that input: the last of the parcel's number.
inline constexpr int kOpenAttemptsMax = 3;
inline constexpr Duration kAuthorisationLife = Duration::seconds(10);
inline constexpr Duration kAttemptSpacing = Duration::seconds(2);
inline constexpr Duration kOpenSightTimeout = Duration::milliseconds(1500);  // Pulse until the switch must read open.
inline constexpr Duration kLeftOpenAfter = Duration::seconds(60);
inline constexpr Duration kItemReadingTimeout = Duration::seconds(1);  // Door shut until its item sensor has spoken.
// One exchange on the bus; all start on a grid of so much, or of a multiple where a board is slower.
inline constexpr Duration kBusSlot = Duration::milliseconds(60);
inline constexpr Duration kForcedDoorSeenIn = Duration::seconds(2);
inline constexpr int kWatchEvery = 4;  // Slots between looks at a door that should move.
inline constexpr Duration kReplyTimeout = Duration::milliseconds(45);  // Of a lock board that is not slow by nature.
// From an unlock until all doors are read back: a latch takes up to 120 ms, its switch chatters for 20.
inline constexpr Duration kReadBackAfter = Duration::milliseconds(250);
inline constexpr int kRereadsMax = 8;   // Slots in a row for a board whose inputs chatter; then its turns of the round.
inline constexpr int kSilentAfter = 3;  // Missed replies until a board counts as silent.
inline constexpr Duration kPanelIdle = Duration::seconds(90);  // A person walked away.

inline constexpr Duration kDoorAlarmEvery = Duration::seconds(30);  // While a door is left open ...
inline constexpr int kDoorAlarmsMax = 10;                           // ... and no longer: people live here.

inline constexpr std::uint64_t kCourierPassLifeS = 16 * 3600;
inline constexpr std::uint64_t kTechnicianPassLifeS = 15 * 60;
inline constexpr std::uint64_t kSenderPassLifeS = 14 * 24 * 3600;
inline constexpr std::uint64_t kPassClockToleranceS = 5 * 60;

inline constexpr std::uint64_t kOpenCommandLifeMs = 60'000;  // An operator's order to open a door.
inline constexpr std::uint64_t kCommandLifeMs = 24 * 3'600'000;
inline constexpr std::uint64_t kCommandClockToleranceMs = 5'000;
inline constexpr std::uint32_t kExtraHoursMax = 720;
inline constexpr std::size_t kReservationsMax = 16;  // Doors of one station that are reserved at the same time.
inline constexpr std::uint32_t kReservationLifeMinS = 60;
inline constexpr std::uint32_t kReservationLifeMaxS = 24 * 3600;
inline constexpr std::size_t kWearBits =
    20;  // Of a lock's count of pulses; solenoid locks are sold for 100,000 to 500,000.
inline constexpr std::uint32_t kWearMax = (std::uint32_t{1} << kWearBits) - 1;
// A low door: its lower edge is within reach from a wheelchair (2010 ADA Standards, 308.2.1: 380 to 1220 mm).
inline constexpr std::uint32_t kReachLowCm = 38;
inline constexpr std::uint32_t kReachHighCm = 122;

inline constexpr std::uint32_t kFreeTries = 5;
inline constexpr std::uint32_t kHardStopTries = 100;
inline constexpr Duration kLockoutFirst = Duration::seconds(30);
inline constexpr Duration kLockoutMax = Duration::hours(1);

inline constexpr Duration kPingInterval = Duration::seconds(30);
inline constexpr Duration kBackoffMin = Duration::seconds(1);
inline constexpr Duration kBackoffMax = Duration::seconds(300);

static_assert(kEventBytesMax >= kConfigBytesMax + 45, "ConfigApplied carries a whole configuration");
static_assert(kRulesBytesMax <= kInternalBytesMax, "rules are one record");
static_assert(kRulesBytesMax + 64 <= kFrameDownMax, "and one command");
static_assert(3 * kCompartmentsMax <= kInternalBytesMax, "so are the terms of all parcels");
static_assert(kEventBytesMax + 64 <= kFrameUpMax, "any event fits a frame of its own");
static_assert(kAttemptSpacing * (kOpenAttemptsMax - 1) < kAuthorisationLife);
static_assert(kLeftOpenAfter + kItemReadingTimeout < kPanelIdle,
              "an open door is told of before its person is given up");
static_assert(kOpenSightTimeout < kAttemptSpacing);
static_assert(kBusSlot * static_cast<std::int64_t>(kBoardsMax) * kWatchEvery < kForcedDoorSeenIn * (kWatchEvery - 1),
              "a forced door is journalled within 2 s, also while another door is watched");
static_assert(kShortCodeDigits + kSecondDigits >= kCodeDigits, "a short code is no easier to guess");
static_assert(kBusSlot * (2 * kSilentAfter + kRereadsMax) < kItemReadingTimeout,
              "a board is silent, an input has settled or given up before the sensor counts as none");
static_assert(kReplyTimeout + Duration::milliseconds(10) < kBusSlot, "an exchange ends within its slot");

}  // namespace cubby::limits

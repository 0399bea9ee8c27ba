#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/people/people.h"
#include "firmware/base/bytes.h"
#include "firmware/base/instant.h"
#include "firmware/base/status.h"

/// One controller (firmware/app), its hardware and its people, in virtual time. Not thread-safe: one
/// shard's thread runs a station at a time.
namespace cubby::emulator {

/// Operations of a station since the start of the run.
struct StationCounters {
  std::array<std::uint64_t, kUseNames.size()> uses{};  // Observable, summed over the ledger.
  std::uint64_t turned_away = 0;                       // Couriers who left with a parcel.
  std::uint64_t wrong_codes = 0;
  std::uint64_t events = 0;            // Appended to the journal.
  std::uint64_t bus_frames = 0;        // Both ways, without idle polls.
  std::uint64_t bus_idle_frames = 0;   // Idle polls that were really run.
  std::uint64_t flash_operations = 0;  // Programs and erases.
  std::uint64_t flash_bytes = 0;       // Programmed.
  std::uint64_t frames_up = 0;
  std::uint64_t boots = 0;
  std::uint64_t ticks = 0;  // Calls of Assembly::tick.

  StationCounters& operator+=(const StationCounters& other);
  StationCounters& operator-=(const StationCounters& other);
  std::uint64_t of(Use use) const { return uses[static_cast<std::size_t>(use)]; }
};

/// The host's end of a station's network pipe. The host moves bytes only between run_until() calls.
class HostLink {
 public:
  virtual ~HostLink() = default;
  virtual bool wants_connection() const = 0;  // The station called connect() and waits for an answer.
  virtual void connected() = 0;               // Answers: up ...
  virtual void refused() = 0;                 // ... or not.
  virtual bool is_up() const = 0;             // From connected() until either side closes.
  virtual void disconnected() = 0;            // The far side closed.
  virtual Bytes outgoing() const = 0;         // Bytes sent by the station and not yet consumed.
  virtual void consume_outgoing(std::size_t size) = 0;
  virtual void deliver(Bytes bytes) = 0;  // To the station, at the current virtual time.
};

enum class InjectionKind : std::uint8_t {
  kDeposit = 1,
  kCollect,
  kRecall,
  kRefuse,
  kService,
  kDropOff,
  kJam,
  kLinkDown,
  kPowerCut,
  kItemStuckEmpty,
  kItemStuckPresent,
  kForce,
  kBoardSilent
};

struct Injection {
  InjectionKind kind = InjectionKind::kDeposit;
  std::uint8_t size = 0;         // Size of config.proto; of a deposit.
  std::uint8_t compartment = 0;  // Of a fault at a door or of its board; of a service that asks for a door.
  Duration duration{};           // Of a fault; 0: a moment (power cut), else until the run ends.
  std::string carrier;           // Of a service: the technician.
  std::string parcel;
  std::string code;       // Of a collect or refuse; if empty and `parcel` is given: that parcel's code.
  std::string second;     // Belongs to `code`; empty: the code is typed alone.
  char key_at_door = 0;   // See ErrandOrder.
  std::string recipient;  // Of a deposit; see ErrandOrder.
  bool low_door = false;  // See ErrandOrder.
  bool scans = false;     // Of a collect or refuse.
  char menu_key = 0;
};

/// What the notifier told a recipient.
struct ToldCode {
  std::string code;
  std::string second;  // Belongs to it; empty: the code is typed alone.
};

enum class InjectionStatus : std::uint8_t { kOk = 1, kRefused, kNoDoor, kTimedOut, kBadInput };

struct InjectionResult {
  InjectionStatus status = InjectionStatus::kOk;
  std::uint8_t compartment = 0;  // Door that opened; 0: none.
  std::string detail;            // What the panel showed, in words.
  std::uint32_t parcels = 0;     // Taken out of doors.
  std::uint32_t number = 0;      // That the panel showed last.
};

/// One move of somebody at the panel or at a door whose every move comes from outside.
struct HandMove {
  enum class Kind : std::uint8_t { kKeys, kScan, kCourierPass, kSenderPass, kTechnicianPass, kShut, kPut, kTake };
  Kind kind = Kind::kKeys;
  std::string text;       // Keys, what is scanned, or whose pass it is: 1..8 of [a-z0-9].
  std::uint8_t door = 0;  // Compartment number, of the last three.
};

/// A panel as somebody before it sees and hears it.
struct PanelView {
  bool lit = false;     // The station has power.
  bool settled = true;  // What was typed has reached the controller, and no door is awaited.
  std::string_view message;
  std::array<std::string, 4> rows;
  std::string_view tone;    // The last one; empty: none yet.
  std::uint32_t tones = 0;  // How many there were.
  Duration since_tone{};
  std::vector<std::uint8_t> open_doors;  // Compartment numbers.
  struct Told {
    std::uint8_t compartment = 0;
    std::string code;
    std::string second;  // See ToldCode.
  };
  std::vector<Told> told;  // Codes of parcels that were put in by hand.
};

/// Differs between builds whose images of a station (Station::suspend) cannot be the same.
std::uint32_t station_image_layout();

class Station {
 public:
  virtual ~Station() = default;
  virtual std::string_view name() const = 0;
  virtual std::string_view city() const = 0;
  virtual std::size_t compartment_count() const = 0;
  virtual Bytes config() const = 0;  // Encoded StationConfig.
  virtual std::size_t code_digits() const = 0;

  /// Runs everything that is due up to and including `end`.
  virtual void run_until(Instant end) = 0;
  /// Nothing happens at this station before then (idle polls excepted); for skipping whole windows.
  virtual Instant next_activity() const = 0;
  virtual HostLink& link() = 0;
  virtual const HostLink& link() const = 0;

  /// Frozen people do nothing until they are thawed: so that a run can end with everything reported.
  virtual void freeze_people(bool frozen) = 0;
  /// Every event is acknowledged by the centre (or the station cannot report: safe mode).
  virtual bool settled() const = 0;

  /// Puts a person or a fault into the world at the current time. Returns a ticket, from 1.
  virtual std::uint64_t inject(const Injection& injection) = 0;
  /// The outcome once there is one; a deposit is done when its door is shut, and is reported a second
  /// time, with the code, through `deposit_code`.
  virtual std::optional<InjectionResult> injection_result(std::uint64_t ticket) const = 0;
  virtual std::optional<ToldCode> deposit_code(std::uint64_t ticket) const = 0;

  /// Does the move at `now`, not before the station's own time. kBusy: somebody else is at the panel, or at
  /// that door; keys and scans come to their turn when asked for again. kWrongState: the door is shut, or
  /// something is inside already. kNotFound: nothing is inside. kNotSent: there is no power.
  virtual Status move_by_hand(const HandMove& move, Instant now) = 0;
  virtual PanelView panel(Instant now) const = 0;

  virtual const std::vector<LedgerRow>& ledger() const = 0;  // Element i: compartment i + 1.
  virtual StationCounters counters() const = 0;
  virtual std::uint64_t trace_hash() const = 0;

  /// Appends world, people, ledger, counters and flash image as one blob, and returns where in it the flash image
  /// begins; after load() the station has gone through a power cycle at the saved time.
  virtual std::size_t save(std::vector<std::byte>& blob) const = 0;
  virtual Status load(Bytes blob) = 0;

  /// The same with everything that is in the memory of the controller and its hardware: after resume() the station goes
  /// on as if nothing had happened. Not while people are frozen. kNotSupported: the lock boards are not all P5 on a
  /// quiet line; nothing was appended.
  virtual Status suspend(std::vector<std::byte>& blob) = 0;
  /// Before the first run_until(). kCorrupt, kVersion: the station is not to be used.
  virtual Status resume(Bytes blob) = 0;
};

}  // namespace cubby::emulator

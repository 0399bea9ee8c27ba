#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "firmware/base/instant.h"
#include "firmware/base/limits.h"
#include "firmware/base/status.h"
#include "firmware/drivers/bus_exchange.h"
#include "firmware/hal/serial_bus.h"

namespace cubby::drivers {

enum class DoorState : std::uint8_t { kUnknown, kShut, kOpen };

/// What the item sensor of a compartment says. Numbers as ItemReading of event.proto.
enum class ItemState : std::uint8_t {
  kUnknown = 0,  // There is none, its board is silent, or it has not settled since.
  kEmpty,
  kPresent,  // Something is inside.
};

/// One bit a compartment; bit i is compartment number i + 1.
using DoorBits = std::array<std::uint64_t, (limits::kCompartmentsMax + 63) / 64>;

struct DoorEvent {
  enum class Kind : std::uint8_t {
    kStarted,        // After start(): all outputs are off, every door is known or its board is silent.
    kDoor,           // The believed state of `compartment` changed to `state`.
    kItem,           // The believed state of the item sensor of `compartment` changed to `item`.
    kUnlock,         // The unlock of `compartment` is over; `exchange` is never kNone or kWaiting.
    kFreshReading,   // request_reading() of `compartment` is done: state() is newer than the request.
    kFreshItem,      // request_item() of `compartment` is done: `item` is newer than the request.
    kBoardSilent,    // `board` gave no reply several times; its doors are unknown.
    kBoardAnswered,  // It answers again, after `silent_for`.
  };
  Kind kind = Kind::kStarted;
  std::uint8_t compartment = 0;  // Number.
  std::uint8_t board = 0;        // Index.
  DoorState state = DoorState::kUnknown;
  ItemState item = ItemState::kUnknown;
  Exchange exchange = Exchange::kNone;
  Duration silent_for{};
};

/// All doors of a station on one half-duplex segment, and the item sensors behind them.
///
/// Time on the bus is cut into slots on an absolute grid (slot k begins at k times a slot's length), one exchange
/// each. A slot is kBusSlot, or as many of those as a reading of the slowest board needs; an unlock whose answer comes
/// later than that takes the slots that it needs, and nobody is asked meanwhile: the line is half duplex. What is asked
/// for at t goes into a slot that begins after t. A slot belongs, in this order, to a waiting unlock, to a reading that
/// something waits for (confirmation, retry), to the door that is expected to move (every kWatchEvery-th slot), to the
/// next board of the round over the other slots. The last two are idle polls: a pure function of time and of
/// expect_movement(), so that polls that would have read nothing new can be left out without a trace. Only start() runs
/// exchanges back to back, off the grid.
///
/// Where an 8-bit sum guards the frames, noise can make of an unlock one of another door, or of all: kReadBackAfter
/// each such unlock all boards of such families are read.
///
/// A reading is believed when a second one equals it. A board whose inputs do not settle is read in the next
/// slots, kRereadsMax times in a row, then in its turns of the round, so that it takes no other board's. A board
/// that misses kSilentAfter replies in a row makes its doors unknown, never shut.
class DoorBank {
 public:
  static constexpr std::uint8_t kNoInput = 0xFF;
  struct DoorPlace {
    std::uint8_t board = 0;
    std::uint8_t channel = 0;
    std::uint8_t item_board = 0;
    // Input of the item sensor, LockBoard::input_count() of its board; kNoInput: there is none.
    std::uint8_t item_channel = kNoInput;
  };
  struct Options {
    bool echo = false;  // See BusExchange::expect_echo().
    /// A tick that comes so long after the start of a slot still uses it: how late the caller may be.
    /// 0 where time is exact.
    Duration lateness{};
  };

  explicit DoorBank(hal::SerialBus& bus) : bus_(bus), exchange_(bus) {}

  /// How long a slot is for those boards on a segment with that duration of a byte.
  static Duration slot_for(std::span<const BoardSettings> boards, std::int64_t byte_time_us);
  /// How long it takes at most until a board has its turn, also while another is watched.
  static Duration round_for(std::span<const BoardSettings> boards, std::int64_t byte_time_us);

  /// Element i of `doors` is compartment i + 1. Call once, before start().
  void configure(std::span<const BoardSettings> boards, std::span<const DoorPlace> doors, const Options& options);
  /// Switches all outputs off, then reads every board twice and until every door is known.
  void start(Instant now);

  void tick(Instant now);
  Wake wake(Instant now) const;
  /// The next thing that happened, until nullopt. Take them all after each tick().
  std::optional<DoorEvent> next_event();

  /// Sends one unlock frame in the next slot; its outcome comes as a kUnlock event. kBusy: another
  /// one is waiting or running.
  Status unlock(std::uint8_t compartment, Instant now);
  bool can_unlock() const { return unlock_.compartment == 0; }
  /// Takes back an unlock that was not sent; true if there was one (no event then).
  bool cancel_unlock();
  /// Polls this door's board more often until told otherwise; 0: none.
  void expect_movement(std::uint8_t compartment);
  /// Asks for two readings of the door's board from after now; then a kFreshReading event comes, or
  /// kBoardSilent (nothing if it is silent already).
  void request_reading(std::uint8_t compartment, Instant now);
  /// The same for the compartment's item sensor; then a kFreshItem event comes, once it has settled. False: there is
  /// none, or its board is silent; nothing comes, nor if the board falls silent meanwhile.
  bool request_item(std::uint8_t compartment, Instant now);

  /// When the idle polls, as things stand, next come to the board of that index, at or after `from`. For
  /// those who know that only this board has news: earlier idle polls may be left out.
  Instant idle_poll_of(std::size_t board, Instant from) const;

  std::uint8_t board_of(std::uint8_t compartment) const { return doors_[compartment - 1U].board; }
  /// Another reading of those inputs would change nothing: all of them are believed to be so, and nothing is wanted.
  bool knows(std::size_t board, std::uint64_t inputs) const;

  DoorState state(std::uint8_t compartment) const;
  ItemState item(std::uint8_t compartment) const;
  const DoorBits& shut_doors() const { return shut_; }
  bool started() const { return phase_ == Phase::kRunning; }
  std::size_t door_count() const { return door_count_; }
  std::size_t board_count() const { return board_count_; }

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(boards_, states_, board_count_, doors_, door_count_, options_, slot_, phase_, running_, running_board_,
          last_slot_, quiet_until_, next_due_, back_slot_, round_due_, moving_, unlock_, readings_wanted_,
          items_wanted_, started_event_, unlock_event_, silent_events_, answered_events_, fresh_readings_, fresh_items_,
          changed_, changed_items_, shut_, open_, empty_, present_);
    exchange_.image(image, boards_);
  }

 private:
  enum class Phase : std::uint8_t { kStopped, kStarting, kRunning };
  struct BoardState {
    std::uint64_t mask = 0;    // Channels with a door.
    std::uint64_t items = 0;   // Channels with an item sensor.
    std::uint64_t last = 0;    // Last reading, if there is one.
    std::uint64_t belief = 0;  // 1: shut, or something inside; meaningful where known.
    std::uint64_t known = 0;
    std::uint64_t same = 0;  // As in the reading before the last.
    std::uint64_t inputs() const { return mask | items; }
    /// Doors whose last reading is what is believed; item sensors whose last two readings were equal.
    std::uint64_t settled() const { return known & ~(last ^ belief) & (mask | same); }
    // All doors and item sensors of the board belong to doors of this range, which is short where they stand in order.
    std::uint8_t first_door = UINT8_MAX;
    std::uint8_t doors_end = 0;
    void take_door(std::size_t door) {
      first_door = std::min(first_door, static_cast<std::uint8_t>(door));
      doors_end = std::max(doors_end, static_cast<std::uint8_t>(door + 1));
    }
    std::int64_t due_slot = 0;  // A reading is wanted in this slot or as soon as possible after; 0: none.
    Instant silent_since{};
    Duration silent_for{};
    std::uint8_t misses = 0;
    std::uint8_t fresh_left = 0;  // Readings until what was requested is fresh.
    std::uint8_t unsettled = 0;   // Readings in a row after which some input was not settled; at most kRereadsMax.
    bool wanted = false;          // Somebody waits for that.
    bool has_last = false;
    bool silent = false;
    bool off_done = false;
  };
  struct Unlock {
    std::uint8_t compartment = 0;  // 0: none.
    bool sent = false;
    std::int64_t from_slot = 0;  // First slot that it may use.
  };

  std::int64_t slot_of(Instant now) const { return now.us / slot_.us; }
  Instant slot_start(std::int64_t slot) const { return Instant{slot * slot_.us}; }
  bool guarded(std::size_t board) const { return lock_board(boards_[board].family).guarded_by_crc16(); }
  bool unlock_waiting() const { return unlock_.compartment != 0 && !unlock_.sent; }
  std::size_t idle_board(std::int64_t slot) const;
  std::size_t due_board(std::int64_t slot) const;
  void run_slot(std::int64_t slot, Instant now);
  void run_start(Instant now);
  void begin_unlock(Instant now);
  void begin(std::size_t board, Request request, Instant now, bool idle);
  void read_back();
  void finish(Exchange outcome, Instant now);
  void on_reading(std::size_t board, Instant now);
  void on_miss(std::size_t board, Instant now);
  void on_answer(std::size_t board, Instant now);
  void publish(std::size_t board, std::uint64_t channels);
  bool start_needs(std::size_t board) const;
  void want(std::size_t board, DoorBits& wanted, std::uint8_t compartment, Instant now);
  void forget_wanted(std::size_t board);
  void tell_fresh(std::size_t board);
  void set_due(std::size_t board, std::int64_t slot);

  hal::SerialBus& bus_;
  BusExchange exchange_;
  std::array<BoardSettings, limits::kBoardsMax> boards_{};
  std::array<BoardState, limits::kBoardsMax> states_{};
  std::size_t board_count_ = 0;
  std::array<DoorPlace, limits::kCompartmentsMax> doors_{};
  std::size_t door_count_ = 0;
  Options options_;
  Duration slot_ = limits::kBusSlot;

  Phase phase_ = Phase::kStopped;
  Request::Kind running_ = Request::Kind::kNone;
  std::size_t running_board_ = 0;
  std::int64_t last_slot_ = -1;  // The newest slot that was used.
  Instant quiet_until_{};        // The segment must be silent until then.
  std::int64_t next_due_ = 0;    // Smallest due_slot; 0: none.
  std::int64_t back_slot_ = 0;   // All doors are wanted from then on, after an unlock; 0: not.
  std::size_t round_due_ = 0;    // Board after the one that was read last because it was due.
  std::uint8_t moving_ = 0;      // Compartment whose door is expected to move.
  Unlock unlock_;
  DoorBits readings_wanted_{};
  DoorBits items_wanted_{};

  // What next_event() has to tell.
  bool started_event_ = false;
  std::optional<DoorEvent> unlock_event_;
  std::uint32_t silent_events_ = 0;  // Bit per board.
  std::uint32_t answered_events_ = 0;
  DoorBits fresh_readings_{};
  DoorBits fresh_items_{};
  DoorBits changed_{};
  DoorBits changed_items_{};
  DoorBits shut_{};
  DoorBits open_{};
  DoorBits empty_{};
  DoorBits present_{};
};

}  // namespace cubby::drivers

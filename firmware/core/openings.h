#pragma once

#include <array>
#include <optional>

#include "firmware/base/inplace_vector.h"
#include "firmware/core/recorder.h"
#include "firmware/drivers/door_bank.h"
#include "firmware/hal/power_monitor.h"

namespace cubby::core {

/// What became of an opening, for those who asked for it.
struct OpeningNews {
  enum class Kind : std::uint8_t {
    kOpened,     // The door was seen open.
    kDone,       // Shut again; Deposited, Collected, Recalled, Refused or DepositCancelled is durable.
    kNotOpened,  // All attempts are used up; the door did not move.
    kUncertain,  // Nobody can know; the compartment is disputed.
    kLeftOpen,   // Still open after kLeftOpenAfter; goes on without anybody waiting for it.
  };
  Kind kind = Kind::kOpened;
  std::uint8_t compartment = 0;
  Purpose purpose = Purpose::kDeposit;
  bool called_off = false;  // Of kDone: nothing was put in, or nothing was taken out.
  bool disputed = false;    // Of kDone: the compartment is; the item sensor may have said otherwise.
};

/// Every authorised opening of a door: intent durable, one attempt, outcome durable; at most
/// kOpenAttemptsMax attempts within kAuthorisationLife, kAttemptSpacing apart, the next only after the
/// switch was read shut after the last. Attempts run for one opening at a time; several doors may stand
/// open. After a reset nothing is attempted.
class Openings {
 public:
  Openings(Recorder& recorder, drivers::DoorBank& doors, const hal::PowerMonitor& power)
      : recorder_(recorder), doors_(doors), power_(power) {}

  /// Of the codes that are given from now on.
  void set_codes(const StationState::CodeKind& codes) { codes_ = codes; }

  /// Authorises one opening and makes its first attempt. `request.attempt` and `uptime_ms` are filled
  /// in here. kWrongState: the door is not known to be shut, or its board is out of service: another door opened in
  /// place of one of its last time, and nobody who serves the station has seen to it. kBusy: another is being
  /// attempted, or too many doors stand open. kNotSent: the supply is failing. Others: the intent is not durable.
  Status begin(const Intent& request, Instant now);
  /// The person at the open door says that it was opened for nothing: of a deposit that nothing is
  /// inside, of a collection that the parcel still is. kWrongState: it is not open, or open for something else.
  Status call_off(std::uint8_t compartment);
  bool can_begin() const;

  /// Takes up the openings that the last boot left.
  void recover(Instant now);
  /// Takes back an unlock that has not been sent.
  void on_supply_failing(Instant now);
  void on_unlock(std::uint8_t compartment, drivers::Exchange exchange, Instant now);
  void on_fresh_reading(std::uint8_t compartment, Instant now);
  /// A board that was silent can be asked again.
  void on_board_answered(std::uint8_t board, Instant now);
  void on_fresh_item(std::uint8_t compartment, drivers::ItemState item, Instant now);
  /// A door that nobody had authorised was seen open: perhaps the one whose lock the last attempt really moved.
  void on_foreign_door(std::uint8_t compartment);
  /// True if the change belongs to an opening.
  bool on_door(std::uint8_t compartment, drivers::DoorState door, Instant now);
  void tick(Instant now);
  Instant deadline() const { return next_deadline_; }
  std::optional<OpeningNews> next_news();

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(codes_, live_, moving_, news_, news_taken_);
    find_next_deadline();
  }

 private:
  enum class Phase : std::uint8_t {
    kNone,
    kUnlocking,  // Intent durable, frame not yet answered.
    kSighting,   // The coil was pulsed; the switch must read open until the deadline.
    kReading,    // It did not; a fresh reading was asked for.
    kSpacing,    // The attempt is over; the next one is due at the deadline.
    kOpen,
    kLeftOpen,
    kAskingItem,  // Shut again; the item sensor speaks until the deadline.
    kRecovering,  // From before the reset; the door is not known yet.
    kShutAgain,   // Opened and shut, but the journal was full; tried again at the deadline.
    kEnding,      // Did not open, but the journal was full; tried again at the deadline.
  };
  struct Live {
    Phase phase = Phase::kNone;
    AttemptOutcome reply = AttemptOutcome::kNone;            // What the board said to the last attempt.
    drivers::ItemState item = drivers::ItemState::kUnknown;  // After the door was shut.
    std::uint8_t elsewhere = 0;                              // A door that opened instead; 0: none has.
    Instant attempted_at{};
    Instant authorised_until{};
    std::uint64_t opened_uptime_ms = 0;  // When the door was seen open; for an outcome that is not durable yet.
    Instant deadline = Instant::max();
  };

  const PendingOpening& pending(std::size_t slot) const { return recorder_.state().opening(slot); }
  void attempt(std::size_t slot, Instant now);
  void attempt_over(std::size_t slot, Instant now);
  cubby_v1_OpenFailure cause_of(std::size_t slot) const;
  void take_out_if_unusable(const Intent& intent, cubby_v1_OpenFailure cause);
  void give_up(std::size_t slot, Instant now);
  void uncertain(std::size_t slot, Instant now);
  void opened(std::size_t slot, Instant now);
  void shut_again(std::size_t slot, Instant now);
  void wait_for_shutting(std::size_t slot, Instant now);
  Status note_opened(std::size_t slot);
  void finish(std::size_t slot, Instant now);
  void fill_end(const PendingOpening& opening, std::uint32_t open, cubby_v1_ItemReading item);
  Status commit_end(std::size_t slot);
  void left_open(std::size_t slot);
  void resolve(std::size_t slot, Instant now);
  void run_deadline(std::size_t slot, Instant now);
  void enter(std::size_t slot, Phase phase, Instant deadline);
  void find_next_deadline();
  void end(std::size_t slot, std::uint8_t compartment);
  void stop_expecting(std::uint8_t compartment);
  void tell(const OpeningNews& news);
  std::uint32_t open_ms(std::size_t slot) const;

  Recorder& recorder_;
  drivers::DoorBank& doors_;
  const hal::PowerMonitor& power_;
  StationState::CodeKind codes_;
  std::array<Live, StationState::kOpeningsMax> live_{};  // By slot of StationState.
  Instant next_deadline_ = Instant::max();               // Of all that are live: ticks are many, and openings few.
  std::uint8_t moving_ = 0;                              // The door that the bank was told to watch.
  InplaceVector<OpeningNews, 2 * StationState::kOpeningsMax> news_;
  std::size_t news_taken_ = 0;
};

}  // namespace cubby::core

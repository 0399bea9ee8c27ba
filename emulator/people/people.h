#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hardware/front_panel_device.h"
#include "emulator/people/profile.h"
#include "emulator/world/blob.h"
#include "firmware/base/hotp.h"
#include "firmware/base/inplace_string.h"
#include "firmware/base/limits.h"
#include "firmware/base/parcel_number.h"
#include "firmware/base/prng.h"
#include "firmware/base/status.h"
#include "firmware/hal/key_store.h"

/// Couriers, recipients and the notifier of one station. They speak panel bytes and move doors, and know
/// nothing of the controller's state; the ledger is theirs.
namespace cubby::emulator {

/// What an opened door was used for. A sender's parcel is dropped off, and dispatched by its courier.
enum class Use : std::uint8_t { kDeposit, kCollection, kRecall, kRefusal, kDropOff, kDispatch };
inline constexpr std::array<std::string_view, 6> kUseNames{"deposits", "collections", "recalls",
                                                           "refusals", "drop_offs",   "dispatches"};
using UseCounts = std::array<std::uint32_t, kUseNames.size()>;  // By Use.
constexpr std::size_t index_of(Use use) {
  return static_cast<std::size_t>(use);
}

/// What people and doors did at one compartment.
struct LedgerRow {
  UseCounts truth{};         // What happened to parcels.
  UseCounts observable{};    // What a perfect controller could know: an authorised door was opened and shut again.
  std::uint32_t unsure = 0;  // Openings of which the panel did not confirm what the person said at the door.
  std::uint32_t door_openings = 0;
};

/// What people can do at a station, and the timers that they set.
class Premises {
 public:
  virtual Instant now() const = 0;
  virtual void press(char key) = 0;
  virtual void scan(std::string_view text) = 0;
  /// Pushes a door shut; `door` is an index.
  virtual void shut(std::uint8_t door) = 0;
  /// A parcel was put behind that door, or is no longer there.
  virtual void item_moved(std::uint8_t door, bool inside) = 0;
  virtual void schedule(Instant at, std::uint8_t kind, std::uint8_t door, std::uint64_t argument) = 0;
  /// The same for the one timer that is put off again and again: the one before it is forgotten.
  virtual void set_alarm(Instant at, std::uint8_t kind, std::uint64_t argument) = 0;
  virtual void forget_alarm() = 0;
  /// A person did something that belongs into the trace.
  virtual void trace(std::uint64_t detail) = 0;

 protected:
  ~Premises() = default;
};

/// Timers of people; numbers above these are the station's.
enum class PeopleTimer : std::uint8_t {
  kPlanDay = 1,
  kCourierArrives,    // Argument: brand << 16 | parcels.
  kRecipientArrives,  // Argument: a parcel's handle.
  kStep,              // Argument: visit << 16 | step.
  kGiveUp,            // The same: nothing happened for too long.
  kShutDoor,
};
inline constexpr std::uint8_t kPeopleTimers = 15;

/// Key i asks for size i + 1.
inline constexpr std::string_view kSizeKeys = "SMLX";

/// A person's errand that was put in from outside.
enum class Errand : std::uint8_t { kNone = 0, kDeposit, kCollect, kRecall, kRefuse, kService, kDropOff };

struct ErrandOrder {
  Errand errand = Errand::kNone;
  std::uint8_t size = 0;
  InplaceString<limits::kCarrierMax> carrier;
  InplaceString<limits::kParcelMax> parcel;
  InplaceString<16> code;
  SecondInput second;           // Belongs to the code; empty: the code is typed alone.
  InplaceString<16> recipient;  // Of a deposit: 16 hex digits that stand for the recipient; empty: none.
  bool low_door = false;        // Of a deposit or drop-off: only a door within reach will do.
  bool scans = false;           // A code is scanned, not typed.
  char menu_key = 0;            // Of a service; see docs/spec/panel.md.
  std::uint8_t door = 0;        // Of a service that asks for one.
  char key_at_door = 0;         // Of a deposit: `*` cancels, a size key asks for another door; 0: neither.
};

/// How an errand ended. `message` is the last thing that the panel showed; 0: nothing.
struct ErrandResult {
  std::uint64_t ticket = 0;
  bool done = false;
  bool gave_up = false;
  std::uint8_t message = 0;
  std::uint32_t number = 0;
  std::uint8_t shown_door = 0;   // That the message is about; 0: none.
  std::uint8_t compartment = 0;  // Door that opened; 0: none.
  std::uint32_t parcels = 0;     // Taken out of doors.
  bool has_code = false;
  PickupCode code;
  SecondInput second;  // Empty: the code is typed alone.
};

/// kNone: nothing, and will not, for it is not here. kDue: it waits for a door, or for the centre to tell its code.
enum class Notice : std::uint8_t { kNone, kDue, kGiven };

struct PeopleCounters {
  std::uint64_t turned_away = 0;
  std::uint64_t wrong_codes = 0;
};

/// What a pickup code is made of, as an event tells it.
struct CodeSource {
  std::uint64_t counter = 0;
  std::uint16_t key_version = 1;
  std::uint8_t digits = limits::kCodeDigits;
};

struct PeopleOptions {
  std::string station;            // Where a technician's pass holds.
  StationKey pass_key{};          // The centre's: it signs the couriers' passes.
  std::int64_t start_utc_ms = 0;  // Of world time 0.
  std::uint32_t compartments = 0;
  bool demand = true;
  std::vector<std::uint8_t> brands;  // Indexes into the profile's carriers, most frequent first.
  std::uint64_t parcels_per_day_milli = 0;
  std::uint64_t first_parcel = 0;  // Serial of the first parcel's number.
};

class People final : public PanelReader {
 public:
  /// `keys` is the notifier's: it tells recipients their codes. Must outlive the people, as the premises and the
  /// profile.
  People(Premises& premises, const Profile& profile, const PeopleOptions& options, const hal::KeyStore& keys,
         const Prng& prng);

  /// Sets the first timers.
  void start();
  void on_timer(PeopleTimer timer, std::uint8_t door, std::uint64_t argument);
  void on_screen(PanelMessage message, std::uint8_t compartment, std::uint32_t number) override;
  /// The door has moved (by itself) to open.
  void on_door_opened(std::uint8_t door);
  /// The panel went dark.
  void on_power_cut();

  /// The notifier hears of deposits when they are journalled and of their delivery when the centre has
  /// acknowledged them.
  void on_deposited(std::uint64_t seq, const CodeSource& code, std::uint8_t compartment, std::string_view parcel);
  /// The parcel behind that door has another code from now on.
  void on_reissued(std::uint64_t seq, const CodeSource& code, std::uint8_t compartment);
  void on_delivered(std::uint64_t seq);

  void send(std::uint64_t ticket, const ErrandOrder& order);
  const ErrandResult* result(std::uint64_t ticket) const;

  // Somebody whose every move comes from outside; the doors that open for them wait for them, too.

  /// True: they stand at the panel, for two minutes after their last key, or until somebody comes who finds it at IDLE.
  /// Else they stand in the queue now, or wait there already.
  bool hand_comes();
  void hand_presses(char key);
  void hand_scans(std::string_view text);
  /// `role` and `holder` of firmware/base/pass.h.
  void hand_shows_pass(char role, std::string_view holder);
  /// `door` is the index of an open door; false: it is somebody else's.
  bool hand_shuts(std::uint8_t door);
  /// The parcel that was scanned last goes in. kBusy: it is somebody else's door; kWrongState: one is inside.
  Status hand_puts(std::uint8_t door);
  /// kNotFound: nothing is inside.
  Status hand_takes(std::uint8_t door);
  struct Told {
    std::uint8_t compartment = 0;
    PickupCode code;
    SecondInput second;  // Empty: the code is typed alone.
  };
  /// Of parcels that were put in by hand and are inside.
  std::vector<Told> told_by_hand() const;
  /// What the recipient of a parcel of that number has heard of it.
  Notice notice_of(std::string_view parcel) const;

  const std::vector<LedgerRow>& ledger() const { return ledger_; }
  const PeopleCounters& counters() const { return counters_; }
  void save(BlobWriter& writer) const;
  void load(BlobReader& reader);
  /// What save() leaves out because nobody waits for it after a restart. See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(results_);
  }

 private:
  static constexpr std::uint32_t kNoParcel = UINT32_MAX;
  enum class ParcelState : std::uint8_t { kFree, kCarried, kStored };
  enum class Role : std::uint8_t { kNobody, kCourier, kSender, kRecipient, kCollector, kTechnician, kHand };
  enum class Step : std::uint8_t {
    kWaitReady,
    kNextParcel,
    kWaitPrompt,
    kAnswerPrompt,
    kAnswerSecond,  // Types what belongs to the code.
    kWaitDoor,
    kDoorOpen,
    kWaitVerdict,
    kRetype,
    kRecall,
    kService,
    kHandRests,  // Nothing was pressed since IDLE, and somebody waits.
    kLeave
  };

  struct Parcel {
    InplaceString<limits::kParcelMax> number;
    InplaceString<limits::kCarrierMax> carrier;
    std::uint32_t generation = 0;
    ParcelState state = ParcelState::kFree;
    std::uint8_t size = 1;
    std::uint8_t door = 0;  // Compartment number; 0: not in one.
    bool told = false;
    bool somebody_comes = true;  // False: nobody collects unless an errand does.
    bool from_sender = false;
    PickupCode code;
    Instant stored_at{};
    Duration dwell{};
    std::uint64_t ticket = 0;
  };
  struct Visitor {
    Role role = Role::kNobody;
    Step step = Step::kWaitReady;
    bool mistypes = false;
    bool in_the_dark = false;  // The power went while a door was awaited.
    bool recalls = false;      // Asks for overdue parcels before leaving.
    bool scans = false;
    bool door_failed = false;  // Was the last thing that the panel said of a door.
    char key_at_door = 0;      // Pressed at the open door instead of using it.
    bool key_pressed = false;
    std::uint8_t door = 0;
    std::uint8_t message = 0;
    std::uint8_t shown_door = 0;  // That the message is about; 0: none.
    std::uint32_t number = 0;
    std::uint32_t parcels_left = 0;
    std::uint32_t parcel = kNoParcel;
    std::uint32_t taken = 0;  // Parcels, out of doors.
    std::uint64_t ticket = 0;
    Instant parcel_started{};
    InplaceString<limits::kCarrierMax> carrier;
    InplaceString<16> code;
    SecondInput second;           // Belongs to the code; empty: the code stands alone.
    InplaceString<8> keys;        // A technician types these next.
    InplaceString<16> recipient;  // A courier scans this before the size.
    bool low_door = false;        // The key for it is pressed before the size.
  };
  /// Nothing goes in or out at an open door; does the station know?
  enum class CalledOff : std::uint8_t {
    kNo,
    kInTheDark,  // There was nothing to press a key at.
    kPressed,    // Nobody can say.
    kHeard,      // The panel has confirmed it.
  };
  /// What the person at an open door does there.
  struct DoorUse {
    Errand purpose = Errand::kNone;
    CalledOff called_off = CalledOff::kNo;
    bool by_hand = false;  // Opened for somebody whose every move comes from outside.
    std::uint32_t parcel = kNoParcel;
  };
  struct PendingNotice {
    std::uint64_t seq = 0;
    CodeSource code;
    std::uint8_t compartment = 0;
    InplaceString<limits::kParcelMax> parcel;
  };

  void plan_day(std::uint64_t day);
  void plan_rounds(Instant midnight, double factor);
  void plan_single_parcels(Instant midnight, double factor);
  void schedule_round(std::uint8_t brand, double visits, Instant begin, Duration length);
  std::uint32_t new_parcel(std::string_view carrier, std::uint8_t size, std::string_view number);
  std::uint32_t draw_parcel(std::string_view carrier);
  void drop_parcel(std::uint32_t index);
  std::uint64_t handle(std::uint32_t index) const;
  std::uint32_t from_handle(std::uint64_t handle) const;
  Instant collection_time(const Parcel& parcel) const;

  void enqueue(const Visitor& visitor);
  void next_visitor();
  void begin_visit();
  void leave();
  void leave_the_dark();
  void wait_for_panel();
  void lose_patience_in(Duration wait);
  void after(Duration wait, Step step);
  void do_step();
  void scan_pass(char role);
  void scan_pass_of(char role, std::string_view holder);
  void hand_reads(PanelMessage message, std::uint8_t compartment);
  void hand_learns(std::uint8_t compartment, Errand purpose);
  void hand_opens(std::uint8_t door);
  void hand_gives_way();
  void begin_parcel();
  void next_parcel();
  void type_code();
  void courier_reads(PanelMessage message);
  void recipient_reads(PanelMessage message);
  void technician_reads(PanelMessage message, std::uint8_t compartment);
  void person_shuts(std::uint8_t door);
  static bool puts_in(Errand purpose) { return purpose == Errand::kDeposit || purpose == Errand::kDropOff; }
  static Use taken_as(Errand purpose, bool from_sender) {
    return purpose != Errand::kRecall ? Use::kCollection : (from_sender ? Use::kDispatch : Use::kRecall);
  }
  void book_in(std::uint8_t door, Errand purpose);
  void take_out(std::uint8_t door, Errand purpose);
  bool carries() const { return at_panel_.role == Role::kCourier || at_panel_.role == Role::kSender; }
  bool speaks_first(std::uint8_t door);
  void end_called_off(std::uint8_t door, const DoorUse& use);
  void look_up_code(std::string_view number, Visitor& visitor) const;
  static void learn_code(const Parcel& parcel, Visitor& visitor);
  static SecondInput second_of(const Parcel& parcel);
  Duration door_time(bool deposit);
  ErrandResult* open_result(std::uint64_t ticket);

  Premises& premises_;
  const Profile& profile_;
  PeopleOptions options_;
  const hal::KeyStore& keys_;
  Prng demand_;
  Prng behaviour_;
  Visitor at_panel_;
  std::vector<Visitor> queue_;
  std::uint64_t visit_ = 0;  // Grows with each visit and step, so that old timers are void.
  std::uint64_t step_ = 0;
  std::vector<Parcel> parcels_;
  std::vector<std::uint32_t> free_parcels_;
  std::vector<std::uint32_t> in_door_;  // Parcel behind each door.
  std::vector<std::uint8_t> sent_;      // By door, not 0: what the station believes inside is a sender's.
  std::vector<DoorUse> uses_;
  std::vector<LedgerRow> ledger_;
  std::vector<PendingNotice> pending_;
  std::size_t pending_first_ = 0;
  std::vector<ErrandResult> results_;
  bool sender_session_ = false;  // The panel serves a sender, not a courier.
  struct Hand {
    Errand purpose = Errand::kCollect;  // What the next door will open for.
    std::uint8_t door = 0;              // Compartment number of the last one that did.
    bool rests = true;                  // The panel says IDLE, and nothing was pressed since.
    bool awaits_answer = false;         // Nothing goes in or out at that door: the panel was told just now.
    InplaceString<limits::kParcelMax> parcel;
  };
  Hand hand_;
  std::uint64_t next_number_ = 0;
  std::uint32_t passes_ = 0;  // The centre has signed so many.
  PeopleCounters counters_;
};

}  // namespace cubby::emulator

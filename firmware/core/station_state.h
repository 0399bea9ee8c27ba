#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "cubby/v1/event.nanopb.h"
#include "firmware/base/inplace_string.h"
#include "firmware/base/limits.h"
#include "firmware/base/trace.h"
#include "firmware/core/compartment.h"
#include "firmware/core/compartment_bits.h"
#include "firmware/core/records.h"
#include "firmware/store/journal.h"

namespace cubby::core {

class ByteWriter;

struct Parcel {
  std::uint64_t counter = 0;           // 0: none is believed inside.
  std::uint64_t code_counter = 0;      // Of the code that opens the door: of this parcel or of its group.
  std::uint64_t recipient_token = 0;   // 0: in no group.
  std::uint64_t deposited_utc_ms = 0;  // 0: the clock was not set.
  std::uint64_t deposited_on_ms = 0;   // In the station's powered time, see StationState::on_ms().
  std::uint32_t deposited_boot = 0;
  std::uint8_t size = 0;          // Asked for.
  std::uint16_t extra_hours = 0;  // An operator moved the end of the retention period by so much.
  std::uint16_t key_version = 1;  // Of the station key that its code is made with.
  std::uint16_t kept_hours = 0;   // The longest retention period of rules that were replaced while it was inside.
  bool code_dead = false;         // Overdue or refused: it waits for its courier.
  bool from_sender = false;       // It never had a code.
  /// Its code is a short one, and this is typed after it; nullopt: its code is typed alone.
  std::optional<std::uint16_t> second;
  InplaceString<limits::kCarrierMax> carrier;
};

/// Of the parcel's code.
constexpr std::size_t code_digits(const Parcel& parcel) {
  return parcel.second.has_value() ? limits::kShortCodeDigits : limits::kCodeDigits;
}

struct Compartment {
  CompartmentState state = CompartmentState::kVacant;
  CompartmentState before = CompartmentState::kVacant;  // The opening that runs; what it came from.
  std::uint8_t out_of_service_reason = 0;
  bool forced_open = false;    // DoorForced was journalled and no DoorShutLate yet.
  bool item_doubtful = false;  // ItemSensorDoubtful was journalled since the door was last opened.
  std::uint32_t wear = 0;      // Attempts to open its lock, ever; at most limits::kWearMax.
  Parcel parcel;
};

/// An opening whose intent is durable and whose end is not.
struct PendingOpening {
  Intent intent;                                   // Of its last attempt; compartment 0: this slot is free.
  AttemptOutcome outcome = AttemptOutcome::kNone;  // Of that attempt.
  bool left_open = false;
  bool called_off = false;         // See CalledOff.
  std::uint64_t opened_on_ms = 0;  // When the door was seen open, in powered time.
};

/// Numbers as ReservationEnd of event.proto.
enum class ReservationEnd : std::uint8_t { kNone = 0, kReleased, kExpired, kUsed, kLost };

/// A door that is kept for a brand or for one of its parcels.
struct Reservation {
  std::uint64_t until_on_ms = 0;               // In powered time.
  std::uint8_t compartment = 0;                // 0: this slot is free.
  ReservationEnd end = ReservationEnd::kNone;  // It is over, and no ReservationEnded is durable yet.
  InplaceString<limits::kCarrierMax> carrier;
  InplaceString<limits::kParcelMax> parcel;  // Empty: any of the carrier's.
};

/// All that the station knows durably: the last checkpoint and the fold of every later record. The
/// running station changes it only by appending a record and then applying it here, with the same
/// code that recovery uses; so what recovery finds is what was known.
class StationState final : public store::RecordVisitor, public store::CheckpointSource {
 public:
  static constexpr std::size_t kOpeningsMax = 16;
  static constexpr std::size_t kCommandsMax = 16;
  static constexpr std::size_t kPassesMax = 96;

  /// `scratch` is used while records are visited.
  explicit StationState(cubby_v1_Event& scratch) : scratch_(scratch) {}

  /// Doors that the cabinet has, before anything is visited.
  void set_door_count(std::size_t count) { door_count_ = count; }
  /// From now on changes are told to `trace` (recovery is silent).
  void set_trace(TraceSink* trace) { trace_ = trace; }
  bool is_traced() const { return trace_ != nullptr; }
  void apply_event(const cubby_v1_Event& event);
  void apply_internal(std::uint8_t kind, Bytes payload);

  /// Who can say what is behind a door, when what was written about it may be gone? All doors are disputed, until a
  /// later record or a person says more. Codes stay, for who has one has a claim; none is given a second time.
  void on_records_lost(std::uint64_t count) override;
  void on_checkpoint_begin() override;
  void on_checkpoint_part(Bytes part) override;
  void on_record(const store::Record& record) override;
  std::size_t checkpoint_part(std::size_t index, MutableBytes into) override;

  const Compartment& compartment(std::uint8_t number) const;
  const PendingOpening& opening(std::size_t slot) const { return openings_[slot]; }
  /// Slot of the compartment's opening, or kOpeningsMax.
  std::size_t find_opening(std::uint8_t compartment) const;
  bool opening_slot_free() const;
  const Reservation& reservation(std::size_t slot) const { return reservations_[slot]; }
  /// Slot of the compartment's reservation, or limits::kReservationsMax.
  std::size_t find_reservation(std::uint8_t compartment) const;
  /// Slots that are not free.
  std::size_t reservation_count() const { return reservation_count_; }
  std::uint64_t next_counter() const { return next_counter_; }
  /// What kind of codes is given now. A parcel joins only a group whose code is one of them.
  struct CodeKind {
    std::size_t digits = limits::kCodeDigits;
    std::uint16_t key_version = 1;
  };
  /// Counter of the live code of that kind of the carrier's parcels for that recipient; 0: there is none.
  std::uint64_t group_code(std::string_view carrier, std::uint64_t recipient_token, const CodeKind& kind) const;
  /// The doors that the code of these opens: theirs and those of their collection group. None if it is not one code:
  /// two parcels' can be equal by chance, when both doors stood open at once. `same_digits`: of PickupCodes.
  CompartmentBits group_of(const CompartmentBits& found, const CompartmentBits& same_digits) const;
  /// Another door opened in their place when they were tried last; only who serves the station may try.
  const CompartmentBits& open_elsewhere() const { return open_elsewhere_; }
  std::uint32_t failures() const { return failures_; }
  /// Milliseconds that the station was powered, over all boots, as far as records tell: what lay
  /// between the last record of a boot and its end is not in it, so terms get longer, never shorter.
  std::uint64_t on_ms(std::uint32_t boot, std::uint64_t uptime_ms) const;
  std::uint64_t last_utc_ms() const { return last_utc_ms_; }
  bool snapshot_seen() const { return snapshot_seen_; }
  /// Worn sectors that the newest FlashWorn names.
  std::uint32_t flash_retired() const { return flash_retired_; }
  const std::array<std::byte, limits::kConfigHashSize>& config_hash() const { return config_hash_; }
  /// Encoded StationRules that an operator has ordered last; empty: never.
  Bytes rules() const { return Bytes(rules_).first(rules_size_); }
  /// It was accepted, and has not expired since or has no result yet.
  bool command_seen(const CommandId& id) const;
  bool room_for_command() const;
  /// An accepted command without a result: it was being done when the last boot ended, or is. Null: none.
  const AcceptedCommand* unfinished_command() const;
  /// Somebody came with the pass of that number, which has not expired since, or is at a door with it, or
  /// it was revoked.
  bool pass_used(std::uint32_t serial) const;
  bool pass_revoked(std::uint32_t serial) const;
  /// One more pass can be remembered.
  bool room_for_pass() const;
  /// Records that did not fit the table (history was lost before them).
  std::uint32_t repairs() const { return repairs_; }
  /// Compartments that changed since the last call.
  CompartmentBits take_changed();
  const CompartmentBits& changed() const { return changed_; }

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(door_count_, compartments_, open_elsewhere_, openings_, reservations_, reservation_count_, commands_, passes_,
          next_counter_, on_base_ms_, last_uptime_ms_, last_utc_ms_, boot_, failures_, repairs_, snapshot_seen_,
          flash_retired_, config_hash_, rules_, rules_size_, changed_, checkpoint_item_);
  }

 private:
  void roll(std::uint32_t boot, std::uint64_t uptime_ms);
  bool valid(std::uint8_t number);
  void move(std::uint8_t compartment, CompartmentEvent on, CompartmentState otherwise);
  void write_state(std::uint8_t compartment, CompartmentState to);
  void end_opening(std::uint8_t compartment);
  void apply_custody(const cubby_v1_Event& event);
  void apply_notice(const cubby_v1_Event& event);
  template <typename Body>
  Parcel parcel_of(const cubby_v1_Event& event, const Body& body);
  void apply_deposited(const cubby_v1_Event& event);
  bool shut_again(std::uint8_t compartment, CompartmentEvent on, CompartmentState otherwise, cubby_v1_ItemReading item);
  void end_wrong_codes(std::uint8_t number);
  void apply_emptied(std::uint8_t compartment, cubby_v1_ItemReading item);
  void apply_not_opened(std::uint8_t compartment);
  void apply_looked_inside(std::uint8_t compartment, cubby_v1_ItemReading item);
  void apply_settled(const cubby_v1_CustodySettled& body);
  struct UsedPass {
    std::uint64_t expiry_utc_s = 0;
    std::uint32_t serial = 0;  // 0: this place is free.
    bool revoked = false;
  };
  struct Command {
    AcceptedCommand accepted;  // expires_utc_ms 0: this place is free.
    bool finished = false;
  };
  bool may_forget(const Command& command) const;
  void apply_command(const AcceptedCommand& command);
  void finish_command(const cubby_v1_CommandResult& body);
  void apply_order(const cubby_v1_Event& event);
  bool may_forget(const UsedPass& pass) const;
  void note_pass(const UsedPass& pass);
  void apply_dropped_off(const cubby_v1_Event& event);
  void apply_reserved(const cubby_v1_Event& event);
  void apply_reservation_ended(std::uint8_t compartment);
  void keep_reservation(const Reservation& reservation);
  void follow_reservation(std::uint8_t compartment, CompartmentState to);
  void empty_again(std::uint8_t compartment, CompartmentEvent on, cubby_v1_ItemReading item);
  void apply_uncertain(const cubby_v1_CustodyUncertain& body);
  void apply_intent(const Intent& intent);
  void apply_outcome(const Outcome& outcome);
  void apply_rules(Bytes payload);
  void apply_terms_kept(Bytes payload);
  std::size_t write_item(std::size_t item, MutableBytes into) const;
  void write_header_item(ByteWriter& writer) const;
  static void write_opening_item(const PendingOpening& opening, ByteWriter& writer);
  static void write_command_item(const Command& command, ByteWriter& writer);
  void write_compartment_item(std::uint8_t number, ByteWriter& writer) const;
  static void write_reservation_item(const Reservation& reservation, ByteWriter& writer);
  void write_wear_item(std::size_t place, ByteWriter& writer) const;
  void write_rules_item(std::size_t place, ByteWriter& writer) const;
  void read_item(std::uint8_t tag, Bytes body);
  void read_header_item(Bytes body);
  void read_compartment_item(Bytes body);
  void read_opening_item(Bytes body);
  void read_pass_item(Bytes body);
  void read_command_item(Bytes body);
  void read_reservation_item(Bytes body);
  void read_wear_item(Bytes body);
  void read_rules_item(Bytes body);

  static constexpr std::size_t kRulesPerItem = 120;
  static constexpr std::size_t kRulesItems = (limits::kRulesBytesMax + kRulesPerItem - 1) / kRulesPerItem;

  cubby_v1_Event& scratch_;
  std::size_t door_count_ = limits::kCompartmentsMax;
  TraceSink* trace_ = nullptr;
  std::array<Compartment, limits::kCompartmentsMax> compartments_{};
  CompartmentBits open_elsewhere_{};
  std::array<PendingOpening, kOpeningsMax> openings_{};
  std::array<Reservation, limits::kReservationsMax> reservations_{};
  std::size_t reservation_count_ = 0;
  std::array<Command, kCommandsMax> commands_{};
  std::array<UsedPass, kPassesMax> passes_{};
  std::uint64_t next_counter_ = 1;
  std::uint64_t on_base_ms_ = 0;      // Powered time of all boots before boot_.
  std::uint64_t last_uptime_ms_ = 0;  // Of the newest record of boot_.
  std::uint64_t last_utc_ms_ = 0;
  std::uint32_t boot_ = 0;
  std::uint32_t failures_ = 0;
  std::uint32_t repairs_ = 0;
  bool snapshot_seen_ = false;
  std::uint16_t flash_retired_ = 0;
  std::array<std::byte, limits::kConfigHashSize> config_hash_{};
  std::array<std::byte, limits::kRulesBytesMax> rules_{};
  std::size_t rules_size_ = 0;
  CompartmentBits changed_{};
  std::size_t checkpoint_item_ = 0;  // Next item of the checkpoint that is being written.
};

}  // namespace cubby::core

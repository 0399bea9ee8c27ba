#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "firmware/base/inplace_string.h"
#include "firmware/core/allocator.h"
#include "firmware/core/code_entry.h"
#include "firmware/core/openings.h"
#include "firmware/core/pickup_codes.h"
#include "firmware/core/recorder.h"
#include "firmware/core/roles.h"
#include "firmware/core/service_flow.h"
#include "firmware/core/throttle.h"
#include "firmware/drivers/door_bank.h"
#include "firmware/drivers/panel_link.h"

namespace cubby::core {

/// What the person at the panel does; one flow at a time.
class PanelFlow {
 public:
  struct Parts {
    Recorder& recorder;
    Openings& openings;
    Allocator& allocator;
    PickupCodes& codes;
    drivers::DoorBank& doors;
    drivers::PanelLink& panel;
    const hal::KeyStore& keys;
    Throttle& throttle;
    ServiceActions& actions;
  };
  explicit PanelFlow(const Parts& parts)
      : parts_(parts),
        entry_(parts.codes),
        service_({.recorder = parts.recorder, .doors = parts.doors, .panel = parts.panel, .actions = parts.actions}) {}

  /// `station` must outlive this.
  void start(std::string_view station, Instant now);
  void on_input(const drivers::PanelInput& input, Instant now);
  void on_news(const OpeningNews& news, Instant now);
  /// Ends a flow whose person walked away.
  void tick(Instant now);
  Instant deadline() const { return std::min(idle_at_, service_.deadline()); }

  /// See firmware/base/image.h; `station` as in start().
  template <typename Image>
  void image(Image& image, std::string_view station) {
    bool started = !station_.empty();
    image(started, entry_, service_, flow_, idle_at_, sender_, pass_serial_, pass_expiry_utc_s_, carrier_, parcel_,
          size_, next_size_, recipient_token_, low_door_, group_, compartment_, doors_tried_, recall_after_, recalled_,
          reserve_told_, tried_);
    station_ = started ? station : std::string_view{};
  }

 private:
  enum class Flow : std::uint8_t {
    kIdle,         // Digits of a code may have been typed.
    kSecondInput,  // A short code was entered; digits of its second input may have been typed.
    kReady,        // A courier's or sender's pass was accepted.
    kChooseSize,   // A parcel was scanned.
    kDeposit,      // A door is being opened or stands open.
    kRecall,
    kCollect,
    kService,  // A technician's; see ServiceFlow.
  };

  void on_key(char key, Instant now);
  void on_scan(std::string_view text, Instant now);
  void on_size_key(char key, Instant now);
  void enter(Flow flow, Instant now);
  void show(drivers::Screen screen, std::uint8_t compartment = 0, std::uint32_t number = 0);
  void refuse_input() { parts_.panel.buzz(drivers::Buzz::kError); }

  void on_pass(std::string_view text, Instant now);
  void serve(Instant now);
  void on_parcel(std::string_view text, Instant now);
  void choose_size();
  void open_for_deposit(Instant now);
  void stored(const OpeningNews& news, Instant now);
  void turn_away(TurnedAway reason, Instant now);
  void on_deposit_key(char key);
  bool call_off();
  void recall_next(Instant now);
  void on_code_key(char key, Instant now);
  void on_code(CodeEntry::Step step, Instant now);
  void wrong_code(Instant now);
  bool on_token(std::string_view text);
  bool open_next_of_group(Instant now);
  bool open_for_recipient(std::uint8_t compartment, Instant now);
  void deposit_news(const OpeningNews& news, Instant now);
  void recall_news(const OpeningNews& news, Instant now);
  void collect_news(const OpeningNews& news, Instant now);

  Parts parts_;
  std::string_view station_;
  CodeEntry entry_;
  ServiceFlow service_;
  Flow flow_ = Flow::kIdle;
  Instant idle_at_ = Instant::max();
  bool sender_ = false;  // The pass is a sender's: one parcel, for its brand's courier.
  std::uint32_t pass_serial_ = 0;
  std::uint64_t pass_expiry_utc_s_ = 0;
  InplaceString<limits::kCarrierMax> carrier_;
  InplaceString<limits::kParcelMax> parcel_;
  std::uint8_t size_ = 0;
  std::uint8_t next_size_ = 0;         // The open door is called off for one of this size; 0: it is not.
  std::uint64_t recipient_token_ = 0;  // Of the parcel that was scanned; 0: it has none.
  bool low_door_ = false;              // Somebody asked for a door within reach.
  CompartmentBits group_{};            // Doors that the code still opens.
  std::uint8_t compartment_ = 0;       // That this flow opened.
  std::uint8_t doors_tried_ = 0;
  std::uint8_t recall_after_ = 0;  // Number of the last compartment that was looked at.
  std::uint32_t recalled_ = 0;
  bool reserve_told_ = false;  // The journal's reserve was reported since there was last room.
  CompartmentBits tried_{};
};

}  // namespace cubby::core

#pragma once

#include <cstdint>

#include "firmware/base/pass.h"
#include "firmware/core/service_actions.h"
#include "firmware/drivers/panel_link.h"

namespace cubby::core {

/// A technician at the panel, from the accepted pass until the good-bye; docs/spec/panel.md.
class ServiceFlow {
 public:
  struct Parts {
    Recorder& recorder;
    drivers::DoorBank& doors;
    drivers::PanelLink& panel;
    ServiceActions& actions;
  };
  explicit ServiceFlow(const Parts& parts) : parts_(parts) {}

  /// Journals the visit and shows the menu. Any error: the visit is not durable, and nothing is open to
  /// the technician.
  Status begin(const Pass& pass, Instant now);
  bool active() const { return step_ != Step::kNone; }
  void on_key(char key, Instant now);
  void on_news(const OpeningNews& news, Instant now);
  /// Ends a visit that nobody goes on with.
  void tick(Instant now);
  Instant deadline() const { return idle_at_; }

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(step_, technician_, until_, idle_at_, action_, number_, compartment_, auditing_, audit_at_, settled_);
  }

 private:
  enum class Step : std::uint8_t {
    kNone,
    kMenu,
    kDoorNumber,  // Digits of a door's number are typed.
    kLooking,     // A door is being opened or stands open.
    kInside,      // Is there a parcel inside?
    kAuditItem,   // A compartment that needs a person is shown.
  };

  void enter(Step step, Instant now);
  void show(drivers::Screen screen, std::uint8_t compartment = 0, std::uint32_t number = 0);
  void buzz_error() { parts_.panel.buzz(drivers::Buzz::kError); }
  void menu(Instant now);
  void on_menu_key(char key, Instant now);
  void on_number_key(char key, Instant now);
  void on_inside_key(char key, Instant now);
  void on_audit_key(char key, Instant now);
  void next_item(Instant now);
  void go_on(Instant now);
  void look(std::uint8_t compartment, Instant now);
  void looked(Instant now);
  void settle(bool inside, Instant now);
  void self_test();
  void finish(Status status, std::uint8_t compartment = 0, std::uint32_t number = 0);

  Parts parts_;
  Step step_ = Step::kNone;
  InplaceString<limits::kCarrierMax> technician_;
  Instant until_{};                   // The pass ends then.
  Instant idle_at_ = Instant::max();  // Nobody goes on.
  char action_ = 0;                   // Of the menu; what the door's number is for.
  std::uint32_t number_ = 0;
  std::uint8_t compartment_ = 0;
  bool auditing_ = false;
  std::uint8_t audit_at_ = 0;
  std::uint32_t settled_ = 0;
};

}  // namespace cubby::core

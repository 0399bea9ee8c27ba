#pragma once

#include "firmware/core/compartment_bits.h"
#include "firmware/drivers/door_bank.h"
#include "firmware/drivers/panel_link.h"

namespace cubby::core {

/// The alarm of doors that stand open and should not: at once, then every limits::kDoorAlarmEvery, at most
/// limits::kDoorAlarmsMax times since the last of them, and not after all of them were seen shut.
class DoorAlarm {
 public:
  DoorAlarm(const drivers::DoorBank& doors, drivers::PanelLink& panel) : doors_(doors), panel_(panel) {}

  /// A door was left open, or forced.
  void begin(std::uint8_t compartment, Instant now) {
    if (!any(open_)) {
      next_at_ = now;
    }
    set_bit(open_, compartment, true);
    alarms_left_ = limits::kDoorAlarmsMax;
  }

  void tick(Instant now) {
    if (now < next_at_) {
      return;
    }
    for (std::size_t word = 0; word < open_.size(); ++word) {
      open_[word] &= ~doors_.shut_doors()[word];
    }
    if (!any(open_) || alarms_left_ == 0) {
      open_ = {};
      next_at_ = Instant::max();
      return;
    }
    panel_.buzz(drivers::Buzz::kAlarm);
    --alarms_left_;
    next_at_ = now + limits::kDoorAlarmEvery;
  }

  Instant deadline() const { return next_at_; }

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(open_, alarms_left_, next_at_);
  }

 private:
  const drivers::DoorBank& doors_;
  drivers::PanelLink& panel_;
  CompartmentBits open_{};
  int alarms_left_ = 0;
  Instant next_at_ = Instant::max();
};

}  // namespace cubby::core

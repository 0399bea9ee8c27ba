#pragma once

#include <array>

#include "firmware/core/recorder.h"
#include "firmware/drivers/door_bank.h"

namespace cubby::core {

/// Journals what doors and boards do without being asked: forced doors, doubtful item sensors, silent boards.
class DoorWatch {
 public:
  explicit DoorWatch(Recorder& recorder) : recorder_(recorder) {}

  /// A change of a door that no opening accounts for. True: the centre should know at once.
  bool on_door(std::uint8_t compartment, drivers::DoorState door, Instant now);
  /// What is believed of a shut compartment and what its item sensor says: that they differ is journalled, and changes
  /// nothing. `number` is a compartment.
  void compare(std::uint8_t number, drivers::DoorState door, drivers::ItemState item);
  void on_board_silent(std::uint8_t board);
  void on_board_answered(std::uint8_t board, Duration silent_for);

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(forced_at_);
  }

 private:
  Recorder& recorder_;
  std::array<Instant, limits::kCompartmentsMax> forced_at_{};
};

}  // namespace cubby::core

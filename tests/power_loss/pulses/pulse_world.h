#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hardware/boards/door_rack.h"
#include "emulator/hardware/boards/serial_line.h"
#include "emulator/hardware/nor_flash_device.h"
#include "firmware/app/assembly.h"
#include "firmware/drivers/panel_link.h"

namespace cubby::power_loss {

/// Current through a coil.
struct CoilPulse {
  std::uint8_t channel = 0;
  Instant begin{};
  Instant end = Instant::max();  // It flows still.
};

/// A controller and one emulated board of a family, byte by byte on their line, with the doors behind it.
class PulseWorld final : private emulator::LockWiring {
 public:
  explicit PulseWorld(BoardFamily family);
  ~PulseWorld();
  PulseWorld(const PulseWorld&) = delete;
  PulseWorld& operator=(const PulseWorld&) = delete;

  Status boot();
  /// The controller's supply is gone: what it is saying ends in the middle of a byte.
  void cut_station();
  /// The supply of board and coils is gone and back.
  void cut_cabinet();
  void advance_to(Instant end);
  void advance(Duration duration) { advance_to(now_ + duration); }

  void key(char key);
  void keys(std::string_view keys);
  void scan(std::string_view text);
  std::string courier_pass();
  std::string code_of(unsigned door) const;
  /// Number of the door that the panel names; 0: it asks nobody to one.
  unsigned asked_to() const { return asked_to_; }

  Instant now() const { return now_; }
  bool is_on() const { return assembly_.has_value(); }
  bool is_open(unsigned door) const { return !rack_.door(door - 1).door.shut; }
  void shut(unsigned door);
  const core::Controller& controller() const { return assembly_->controller(); }
  core::CompartmentState state(unsigned door) const;
  const std::vector<CoilPulse>& pulses() const { return pulses_; }
  /// When a byte on the line ended, whoever said it.
  std::vector<Instant> take_byte_ends();
  const emulator::NorFlashDevice& flash() const { return flash_; }
  /// Events that the controller has journalled since its boot and that are of that kind.
  std::uint64_t journalled(pb_size_t which_body) const;

 private:
  class Ports;
  bool says_shut(std::uint8_t board, std::uint8_t channel, Instant now) override;
  bool holds_item(std::uint8_t board, std::uint8_t channel, Instant now) override;
  void coil(std::uint8_t board, std::uint8_t channel, bool on, Instant now) override;
  void type(std::uint8_t type, std::string_view data);
  void tick();

  BoardFamily family_;
  emulator::DoorRack rack_;
  emulator::SerialLine line_;
  emulator::NorFlashDevice flash_;
  std::vector<std::byte> config_;
  std::unique_ptr<Ports> ports_;
  std::optional<app::Assembly> assembly_;
  Wake wake_;
  Instant now_{};
  std::deque<std::byte> typed_;
  unsigned asked_to_ = 0;
  std::uint32_t pass_serial_ = 0;
  std::vector<CoilPulse> pulses_;
  std::vector<pb_size_t> journalled_;
};

}  // namespace cubby::power_loss

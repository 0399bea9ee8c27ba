#pragma once

#include <array>
#include <cstdint>

#include "emulator/hardware/board_segment.h"
#include "firmware/base/bytes.h"
#include "firmware/base/instant.h"

namespace cubby::emulator {

/// P5: "Modbus RTU relay / IO 8CH" as Waveshare makes it, byte for byte (shared facts: docs/fidelity.md).
/// Frames come whole: whoever has the bytes knows the silence of 3.5 characters that ends them.
class ModbusBoard {
 public:
  static constexpr std::uint8_t kChannels = 8;
  static constexpr std::size_t kReplyMax = 64;

  /// `index` tells the wiring which board speaks. Address 1..247.
  ModbusBoard(BoardWiring& wiring, std::uint8_t index, std::uint8_t address)
      : wiring_(&wiring), index_(index), address_(address) {}

  /// Takes one frame that ended at `now`; returns the size of the reply, 0: silence (another address, a
  /// broadcast, or a broken CRC).
  std::size_t on_frame(Bytes request, Instant now, std::span<std::byte, kReplyMax> reply);
  /// Relays as bits at `now`; flashing ones switch back by themselves.
  std::uint8_t relays(Instant now) const;
  /// Loss of the supply: all relays off, run-time settings forgotten.
  void power_cycle();
  /// From now on control modes 1 to 3 can be set, where relays go by their inputs. Whoever says so calls
  /// sample_inputs() every few milliseconds while has_control_modes(). Without it they are refused.
  void support_control_modes() { supports_modes_ = true; }
  bool has_control_modes() const;
  void sample_inputs(Instant now);
  /// When the next flashing relay switches back after `now`; Instant::max(): none flashes.
  Instant next_flash_end(Instant now) const;
  std::uint8_t address() const { return address_; }

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(steady_, flashing_, flash_until_, modes_, sampled_, supports_modes_);
  }

 private:
  std::size_t read_bits(Bytes request, std::uint8_t bits, std::span<std::byte, kReplyMax> reply);
  std::size_t write_coil(Bytes request, Instant now, std::span<std::byte, kReplyMax> reply);
  std::size_t write_coils(Bytes request, Instant now, std::span<std::byte, kReplyMax> reply);
  std::size_t read_modes(Bytes request, std::span<std::byte, kReplyMax> reply);
  std::size_t write_mode(Bytes request, Instant now, std::span<std::byte, kReplyMax> reply);
  std::size_t write_modes(Bytes request, Instant now, std::span<std::byte, kReplyMax> reply);
  std::size_t exception(Bytes request, std::uint8_t code, std::span<std::byte, kReplyMax> reply);
  std::size_t echo(Bytes request, std::span<std::byte, kReplyMax> reply);
  std::uint16_t mode_max() const;
  bool set_mode(std::size_t channel, std::uint16_t mode, Instant now);
  void set_relay(std::uint8_t channel, bool on, Instant now);
  void flash(std::uint8_t channel, bool on, Instant now, Duration length);

  BoardWiring* wiring_;
  std::uint8_t index_;
  std::uint8_t address_;
  std::uint8_t steady_ = 0;    // Relays by their last plain switching.
  std::uint8_t flashing_ = 0;  // Inverted until their time.
  std::array<Instant, kChannels> flash_until_{};
  std::array<std::uint8_t, kChannels> modes_{};
  std::uint8_t sampled_ = 0;  // Inputs when they were looked at last.
  bool supports_modes_ = false;
};

}  // namespace cubby::emulator

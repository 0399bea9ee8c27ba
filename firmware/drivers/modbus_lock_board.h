#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "firmware/drivers/lock_board.h"
#include "firmware/hal/serial_bus.h"

namespace cubby::drivers {

/// Board family P5: a Modbus RTU relay board; a lock is one relay, its door switch one input.
/// Unlock is "flash on" (FC05, address 0200 + channel, value in units of 100 ms), so the board itself
/// ends the pulse. A door switch that reads 1 means shut, an item
/// sensor that reads 1 means that something is inside.
class ModbusLockBoard final : public LockBoard {
 public:
  struct Options {
    std::uint8_t address = 1;   // 1..247.
    std::uint8_t channels = 8;  // 1..50.
    Duration pulse{};           // A multiple of 100 ms, at most 1 s.
  };

  ModbusLockBoard() = default;
  /// Call once before anything else; `bus` must outlive the board.
  void attach(hal::SerialBus& bus, const Options& options);

 private:
  enum class Request : std::uint8_t { kNone, kAllOff, kRead, kUnlock };
  struct Command {
    std::uint8_t function = 0;
    std::uint16_t address = 0;
    std::uint16_t value = 0;
  };
  static constexpr std::size_t kRequestSize = 8;
  static constexpr std::size_t kReceivedMax = 32;

  Status do_start_all_off(Instant now) override;
  Status do_start_read(Instant now, bool idle) override;
  Status do_start_unlock(std::uint8_t channel, Instant now) override;
  Exchange do_tick(Instant now) override;
  Instant do_wake() const override;
  std::uint64_t do_inputs() const override { return inputs_; }

  Status send(Request request, const Command& command, Instant now, bool idle);
  void receive(Instant now);
  Exchange match() const;
  std::size_t reply_size() const;
  bool is_reply(std::size_t at) const;
  bool is_exception(std::size_t at) const;
  void take_inputs();

  hal::SerialBus* bus_ = nullptr;
  Options options_;
  Request request_ = Request::kNone;
  Instant give_up_ = Instant::max();
  std::uint64_t inputs_ = 0;
  std::array<std::byte, kRequestSize> sent_{};
  std::array<std::byte, kReceivedMax> received_{};
  std::size_t received_size_ = 0;
};

}  // namespace cubby::drivers

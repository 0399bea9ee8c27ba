#include "emulator/hardware/modbus_board.h"

#include <algorithm>

#include "firmware/base/crc.h"

namespace cubby::emulator {
namespace {

constexpr std::uint8_t kReadCoils = 0x01;
constexpr std::uint8_t kReadInputs = 0x02;
constexpr std::uint8_t kReadRegisters = 0x03;
constexpr std::uint8_t kWriteCoil = 0x05;
constexpr std::uint8_t kWriteRegister = 0x06;
constexpr std::uint8_t kWriteCoils = 0x0F;
constexpr std::uint8_t kWriteRegisters = 0x10;

constexpr std::uint8_t kIllegalFunction = 1;
constexpr std::uint8_t kIllegalAddress = 2;
constexpr std::uint8_t kIllegalValue = 3;

constexpr std::uint16_t kAllCoils = 0x00FF;
constexpr std::uint16_t kFlashOn = 0x0200;
constexpr std::uint16_t kFlashOff = 0x0400;
constexpr std::uint16_t kOn = 0xFF00;
constexpr std::uint16_t kOff = 0x0000;
constexpr std::uint16_t kToggle = 0x5500;
constexpr std::uint16_t kFlashMax = 0x7FFF;
constexpr std::uint16_t kModes = 0x1000;
constexpr std::uint16_t kWriteCoilsMax = 0x7B0;
constexpr std::int64_t kFlashUnitMs = 100;

// Control modes.
constexpr std::uint8_t kNormal = 0;
constexpr std::uint8_t kLinkage = 1;
constexpr std::uint8_t kToggleMode = 2;
constexpr std::uint8_t kEdge = 3;

std::uint16_t word(Bytes frame, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned>(frame[at]) << 8 | static_cast<unsigned>(frame[at + 1]));
}

std::size_t seal(std::span<std::byte, ModbusBoard::kReplyMax> reply, std::size_t size) {
  store_le<std::uint16_t>(reply.subspan(size, 2), crc16_modbus(Bytes(reply).first(size)));
  return size + 2;
}

}  // namespace

std::uint8_t ModbusBoard::relays(Instant now) const {
  std::uint8_t state = steady_;
  for (std::uint8_t i = 0; i < kChannels; ++i) {
    const auto bit = static_cast<std::uint8_t>(1U << i);
    if ((flashing_ & bit) != 0 && now < flash_until_[i]) {
      state = static_cast<std::uint8_t>(state ^ bit);
    }
  }
  return state;
}

void ModbusBoard::power_cycle() {
  steady_ = 0;
  flashing_ = 0;
  modes_ = {};
}

std::uint16_t ModbusBoard::mode_max() const {
  return supports_modes_ ? kEdge : kNormal;
}

bool ModbusBoard::has_control_modes() const {
  return std::any_of(modes_.begin(), modes_.end(), [](std::uint8_t mode) { return mode != kNormal; });
}

// A linked relay is what its input is; toggle flips it when the input rises, edge whenever the input changes.
void ModbusBoard::sample_inputs(Instant now) {
  for (std::uint8_t i = 0; i < kChannels; ++i) {
    const auto bit = static_cast<std::uint8_t>(1U << i);
    const bool level = wiring_->input(index_, i, now);
    const bool changed = level != ((sampled_ & bit) != 0);
    sampled_ = static_cast<std::uint8_t>(level ? sampled_ | bit : sampled_ & ~bit);
    const bool on = (relays(now) & bit) != 0;
    if (modes_[i] == kLinkage && on != level) {
      set_relay(i, level, now);
    } else if ((modes_[i] == kToggleMode && changed && level) || (modes_[i] == kEdge && changed)) {
      set_relay(i, !on, now);
    }
  }
}

Instant ModbusBoard::next_flash_end(Instant now) const {
  Instant next = Instant::max();
  for (std::uint8_t i = 0; i < kChannels; ++i) {
    if ((flashing_ >> i & 1U) != 0 && flash_until_[i] > now) {
      next = std::min(next, flash_until_[i]);
    }
  }
  return next;
}

void ModbusBoard::set_relay(std::uint8_t channel, bool on, Instant now) {
  const auto bit = static_cast<std::uint8_t>(1U << channel);
  const bool was_on = (relays(now) & bit) != 0;
  flashing_ = static_cast<std::uint8_t>(flashing_ & ~bit);
  steady_ = static_cast<std::uint8_t>(on ? steady_ | bit : steady_ & ~bit);
  if (on && !was_on) {
    wiring_->coil_on(index_, channel, now, Duration{});
  }
}

// A relay that flashes is on (or off) for `length` and then goes back; the board keeps the time.
void ModbusBoard::flash(std::uint8_t channel, bool on, Instant now, Duration length) {
  const auto bit = static_cast<std::uint8_t>(1U << channel);
  const bool was_on = (relays(now) & bit) != 0;
  steady_ = static_cast<std::uint8_t>(on ? steady_ & ~bit : steady_ | bit);
  flashing_ = static_cast<std::uint8_t>(flashing_ | bit);
  flash_until_[channel] = now + length;
  if (on && !was_on) {
    wiring_->coil_on(index_, channel, now, length);
  }
}

std::size_t ModbusBoard::exception(Bytes request, std::uint8_t code, std::span<std::byte, kReplyMax> reply) {
  reply[0] = std::byte{address_};
  reply[1] = request[1] | std::byte{0x80};
  reply[2] = std::byte{code};
  return seal(reply, 3);
}

std::size_t ModbusBoard::echo(Bytes request, std::span<std::byte, kReplyMax> reply) {
  std::copy_n(request.begin(), 6, reply.begin());
  return seal(reply, 6);
}

std::size_t ModbusBoard::read_bits(Bytes request, std::uint8_t bits, std::span<std::byte, kReplyMax> reply) {
  const std::uint16_t first = word(request, 2);
  const std::uint16_t count = word(request, 4);
  if (count == 0 || count > 2000) {
    return exception(request, kIllegalValue, reply);
  }
  if (first + count > kChannels) {
    return exception(request, kIllegalAddress, reply);
  }
  reply[0] = std::byte{address_};
  reply[1] = request[1];
  reply[2] = std::byte{1};
  reply[3] = static_cast<std::byte>((bits >> first) & ((1U << count) - 1));
  return seal(reply, 4);
}

std::size_t ModbusBoard::write_coil(Bytes request, Instant now, std::span<std::byte, kReplyMax> reply) {
  const std::uint16_t coil = word(request, 2);
  const std::uint16_t value = word(request, 4);
  const std::uint16_t base = coil & 0xFF00;
  const std::uint16_t channel = coil & 0x00FF;
  if ((base == kFlashOn || base == kFlashOff) && channel < kChannels) {
    if (value == 0 || value > kFlashMax) {
      return exception(request, kIllegalValue, reply);
    }
    flash(static_cast<std::uint8_t>(channel), base == kFlashOn, now, Duration::milliseconds(value * kFlashUnitMs));
    return echo(request, reply);
  }
  if (coil != kAllCoils && coil >= kChannels) {
    return exception(request, kIllegalAddress, reply);
  }
  if (value != kOn && value != kOff && value != kToggle) {
    return exception(request, kIllegalValue, reply);
  }
  const std::uint8_t before = relays(now);
  for (std::uint8_t i = 0; i < kChannels; ++i) {
    if (coil == kAllCoils || coil == i) {
      set_relay(i, value == kOn || (value == kToggle && ((before >> i) & 1U) == 0), now);
    }
  }
  return echo(request, reply);
}

std::size_t ModbusBoard::write_coils(Bytes request, Instant now, std::span<std::byte, kReplyMax> reply) {
  const std::uint16_t first = word(request, 2);
  const std::uint16_t count = word(request, 4);
  const auto bytes = static_cast<std::size_t>(request[6]);
  if (count == 0 || count > kWriteCoilsMax || bytes != (count + 7U) / 8 || request.size() != 9 + bytes) {
    return exception(request, kIllegalValue, reply);
  }
  if (first + count > kChannels) {
    return exception(request, kIllegalAddress, reply);
  }
  const auto bits = static_cast<std::uint8_t>(request[7]);
  for (std::uint8_t i = 0; i < count; ++i) {
    set_relay(static_cast<std::uint8_t>(first + i), ((bits >> i) & 1U) != 0, now);
  }
  return echo(request, reply);
}

std::size_t ModbusBoard::read_modes(Bytes request, std::span<std::byte, kReplyMax> reply) {
  const std::uint16_t first = word(request, 2);
  const std::uint16_t count = word(request, 4);
  if (count == 0 || count > 125) {
    return exception(request, kIllegalValue, reply);
  }
  if (first < kModes || first + count > kModes + kChannels) {
    return exception(request, kIllegalAddress, reply);
  }
  reply[0] = std::byte{address_};
  reply[1] = request[1];
  reply[2] = static_cast<std::byte>(count * 2);
  for (std::size_t i = 0; i < count; ++i) {
    reply[3 + 2 * i] = std::byte{0};
    reply[4 + 2 * i] = std::byte{modes_[first - kModes + i]};
  }
  return seal(reply, 3U + count * 2U);
}

// An edge counts from the level that the input has now.
bool ModbusBoard::set_mode(std::size_t channel, std::uint16_t mode, Instant now) {
  if (mode > mode_max()) {
    return false;
  }
  const auto bit = static_cast<std::uint8_t>(1U << channel);
  modes_[channel] = static_cast<std::uint8_t>(mode);
  const bool level = wiring_->input(index_, static_cast<std::uint8_t>(channel), now);
  sampled_ = static_cast<std::uint8_t>(level ? sampled_ | bit : sampled_ & ~bit);
  return true;
}

std::size_t ModbusBoard::write_mode(Bytes request, Instant now, std::span<std::byte, kReplyMax> reply) {
  const std::uint16_t address = word(request, 2);
  if (address < kModes || address >= kModes + kChannels) {
    return exception(request, kIllegalAddress, reply);
  }
  return set_mode(address - kModes, word(request, 4), now) ? echo(request, reply)
                                                           : exception(request, kIllegalValue, reply);
}

std::size_t ModbusBoard::write_modes(Bytes request, Instant now, std::span<std::byte, kReplyMax> reply) {
  const std::uint16_t first = word(request, 2);
  const std::uint16_t count = word(request, 4);
  const auto bytes = static_cast<std::size_t>(request[6]);
  if (count == 0 || bytes != count * 2U || request.size() != 9 + bytes) {
    return exception(request, kIllegalValue, reply);
  }
  if (first < kModes || first + count > kModes + kChannels) {
    return exception(request, kIllegalAddress, reply);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (word(request, 7 + 2 * i) > mode_max()) {
      return exception(request, kIllegalValue, reply);
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    set_mode(first - kModes + i, word(request, 7 + 2 * i), now);
  }
  return echo(request, reply);
}

std::size_t ModbusBoard::on_frame(Bytes request, Instant now, std::span<std::byte, kReplyMax> reply) {
  // The address first: on a segment of ten boards nine need no more than that.
  if (request.size() < 4 || (request[0] != std::byte{address_} && request[0] != std::byte{0}) ||
      crc16_modbus(request.first(request.size() - 2)) != load_le<std::uint16_t>(request.last(2))) {
    return 0;
  }
  const auto address = static_cast<std::uint8_t>(request[0]);
  const auto function = static_cast<std::uint8_t>(request[1]);
  const bool simple = request.size() == 8;
  std::size_t size = 0;
  if (function == kReadCoils && simple) {
    size = read_bits(request, relays(now), reply);
  } else if (function == kReadInputs && simple) {
    size = read_bits(request, static_cast<std::uint8_t>(wiring_->inputs(index_, kChannels, now)), reply);
  } else if (function == kReadRegisters && simple) {
    size = read_modes(request, reply);
  } else if (function == kWriteCoil && simple) {
    size = write_coil(request, now, reply);
  } else if (function == kWriteRegister && simple) {
    size = write_mode(request, now, reply);
  } else if (function == kWriteCoils && request.size() >= 10) {
    size = write_coils(request, now, reply);
  } else if (function == kWriteRegisters && request.size() >= 11) {
    size = write_modes(request, now, reply);
  } else {
    const bool known = function == kReadCoils || function == kReadInputs || function == kReadRegisters ||
                       function == kWriteCoil || function == kWriteRegister || function == kWriteCoils ||
                       function == kWriteRegisters;
    size = exception(request, known ? kIllegalValue : kIllegalFunction, reply);
  }
  return address == 0 ? 0 : size;  // A broadcast is obeyed and never answered.
}

}  // namespace cubby::emulator

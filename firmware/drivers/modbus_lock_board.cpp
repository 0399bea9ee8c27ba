#include "firmware/drivers/modbus_lock_board.h"

#include <algorithm>

#include "firmware/base/crc.h"
#include "firmware/base/limits.h"

namespace cubby::drivers {
namespace {

constexpr std::uint8_t kReadInputs = 0x02;
constexpr std::uint8_t kWriteOutput = 0x05;
constexpr std::byte kExceptionFlag{0x80};
constexpr std::uint16_t kFlashOn = 0x0200;
constexpr std::uint16_t kAllOutputs = 0x00FF;
constexpr std::size_t kExceptionSize = 5;
constexpr std::size_t kReadOverhead = 5;  // Address, function, byte count, CRC.
constexpr std::size_t kReadDataAt = 3;
constexpr std::size_t kCrcSize = 2;
constexpr std::int64_t kPulseUnitMs = 100;
constexpr Duration kPulseMax = Duration::seconds(1);

static_assert(kReadOverhead + (limits::kBoardChannelsMax + 7) / 8 <= 32);

constexpr std::byte high_byte(std::uint16_t value) {
  return static_cast<std::byte>(value >> 8);
}
constexpr std::byte low_byte(std::uint16_t value) {
  return static_cast<std::byte>(value & 0xFF);
}

bool crc_holds(Bytes frame) {
  const auto body = frame.first(frame.size() - kCrcSize);
  return crc16_modbus(body) == load_le<std::uint16_t>(frame.last(kCrcSize));
}

}  // namespace

void ModbusLockBoard::attach(hal::SerialBus& bus, const Options& options) {
  CUBBY_ASSERT(options.channels >= 1 && options.channels <= limits::kBoardChannelsMax);
  CUBBY_ASSERT(options.pulse.us > 0 && options.pulse <= kPulseMax && options.pulse.ms() % kPulseUnitMs == 0);
  bus_ = &bus;
  options_ = options;
}

Status ModbusLockBoard::do_start_all_off(Instant now) {
  return send(Request::kAllOff, {.function = kWriteOutput, .address = kAllOutputs, .value = 0x0000}, now, false);
}

Status ModbusLockBoard::do_start_read(Instant now, bool idle) {
  return send(Request::kRead, {.function = kReadInputs, .address = 0x0000, .value = options_.channels}, now, idle);
}

Status ModbusLockBoard::do_start_unlock(std::uint8_t channel, Instant now) {
  CUBBY_ASSERT(channel < options_.channels);
  const auto output = static_cast<std::uint16_t>(kFlashOn + channel);
  const auto units = static_cast<std::uint16_t>(options_.pulse.ms() / kPulseUnitMs);
  return send(Request::kUnlock, {.function = kWriteOutput, .address = output, .value = units}, now, false);
}

Status ModbusLockBoard::send(Request request, const Command& command, Instant now, bool idle) {
  CUBBY_ASSERT(bus_ != nullptr);
  if (request_ != Request::kNone) {
    return Status::kWrongState;
  }
  // What is in the receiver now was never asked for by this request.
  std::array<std::byte, kReceivedMax> stale;
  while (bus_->receive(stale, now) == stale.size()) {
  }
  sent_ = {static_cast<std::byte>(options_.address),
           static_cast<std::byte>(command.function),
           high_byte(command.address),
           low_byte(command.address),
           high_byte(command.value),
           low_byte(command.value)};
  store_le(MutableBytes(sent_).last(kCrcSize), crc16_modbus(Bytes(sent_).first(kRequestSize - kCrcSize)));
  if (bus_->send(sent_, now, idle) != Status::kOk) {
    return Status::kNotSent;
  }
  request_ = request;
  received_size_ = 0;
  give_up_ = now + Duration{bus_->byte_time_us() * static_cast<std::int64_t>(kRequestSize)} + limits::kReplyTimeout;
  return Status::kOk;
}

Exchange ModbusLockBoard::do_tick(Instant now) {
  if (request_ == Request::kNone) {
    return Exchange::kNone;
  }
  receive(now);
  auto outcome = match();
  if (outcome == Exchange::kWaiting && now >= give_up_) {
    outcome = Exchange::kUnknown;
  }
  if (outcome == Exchange::kWaiting) {
    return outcome;
  }
  if (outcome == Exchange::kDone && request_ == Request::kRead) {
    take_inputs();
  }
  request_ = Request::kNone;
  give_up_ = Instant::max();
  return outcome;
}

Instant ModbusLockBoard::do_wake() const {
  if (request_ == Request::kNone) {
    return Instant::max();
  }
  return std::min(give_up_, bus_->next_arrival());
}

void ModbusLockBoard::receive(Instant now) {
  while (match() == Exchange::kWaiting) {
    if (received_size_ == kReceivedMax) {
      // More than any reply: noise. Keep the newest half, the end of it may be the reply's beginning.
      std::copy(received_.begin() + kReceivedMax / 2, received_.end(), received_.begin());
      received_size_ = kReceivedMax / 2;
    }
    const auto size = bus_->receive(MutableBytes(received_).subspan(received_size_), now);
    if (size == 0) {
      return;
    }
    received_size_ += size;
  }
}

std::size_t ModbusLockBoard::reply_size() const {
  return request_ == Request::kRead ? kReadOverhead + (options_.channels + std::size_t{7}) / 8 : kRequestSize;
}

bool ModbusLockBoard::is_reply(std::size_t at) const {
  const auto size = reply_size();
  if (at + size > received_size_) {
    return false;
  }
  const auto frame = Bytes(received_).subspan(at, size);
  if (request_ != Request::kRead) {
    return std::equal(frame.begin(), frame.end(), sent_.begin());  // Writes are echoed.
  }
  return frame[0] == sent_[0] && frame[1] == sent_[1] &&
         std::to_integer<std::size_t>(frame[2]) == size - kReadOverhead && crc_holds(frame);
}

bool ModbusLockBoard::is_exception(std::size_t at) const {
  if (at + kExceptionSize > received_size_) {
    return false;
  }
  const auto frame = Bytes(received_).subspan(at, kExceptionSize);
  return frame[0] == sent_[0] && frame[1] == (sent_[1] | kExceptionFlag) && crc_holds(frame);
}

/// Looks at every offset: garbage before a reply (a glitch at turn-round, an echo) does not spoil it,
/// and the CRC-16 keeps noise from being taken for one.
Exchange ModbusLockBoard::match() const {
  for (std::size_t at = 0; at + kExceptionSize <= received_size_; ++at) {
    if (is_reply(at)) {
      return Exchange::kDone;
    }
    if (is_exception(at)) {
      return Exchange::kRefused;
    }
  }
  return Exchange::kWaiting;
}

void ModbusLockBoard::take_inputs() {
  std::size_t at = 0;
  while (!is_reply(at)) {
    ++at;
  }
  std::uint64_t inputs = 0;
  for (std::size_t i = 0; i < reply_size() - kReadOverhead; ++i) {
    inputs |= std::to_integer<std::uint64_t>(received_[at + kReadDataAt + i]) << (8 * i);
  }
  inputs_ = inputs & ((std::uint64_t{1} << options_.channels) - 1);
}

}  // namespace cubby::drivers

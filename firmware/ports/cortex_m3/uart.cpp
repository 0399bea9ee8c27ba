#include "firmware/ports/cortex_m3/uart.h"

#include <array>
#include <bit>

#include "firmware/base/assert.h"
#include "firmware/ports/cortex_m3/registers.h"

namespace cubby::cortex_m3 {
namespace {

constexpr std::uint32_t kSendFull = 1;
constexpr std::uint32_t kReceiveFull = 2;
constexpr std::uint32_t kSendEnable = 1;
constexpr std::uint32_t kReceiveEnable = 2;
constexpr std::uint32_t kSendInterrupt = 4;
constexpr std::uint32_t kReceiveInterrupt = 8;
// In the interrupt register.
constexpr std::uint32_t kSendDone = 1;
constexpr std::uint32_t kReceiveDone = 2;
constexpr std::uint32_t kDivisorMin = 16;
constexpr unsigned kPolledBytesWait = 100'000;  // Turns of a loop, many times what a byte takes at any speed.

constexpr std::array<std::uint32_t, Uart::kCount> kAddresses{0x4000'4000, 0x4000'5000, 0x4000'6000};
constexpr std::uint32_t kConsoleAddress = 0x4000'7000;

std::array<Uart*, Uart::kCount> uarts{};

UartRegisters& uart_registers(unsigned number) {
  return registers_at<UartRegisters>(kAddresses[number]);
}

void console_byte(char byte) {
  auto& registers = registers_at<UartRegisters>(kConsoleAddress);
  registers.divisor = kDivisorMin;
  registers.control = kSendEnable;
  for (unsigned turn = 0; (registers.state & kSendFull) != 0 && turn < kPolledBytesWait; ++turn) {
  }
  registers.data = static_cast<std::uint8_t>(byte);
}

}  // namespace

Uart::Uart(unsigned number, MutableBytes receive_ring, MutableBytes send_ring)
    : number_(number), received_(receive_ring), unsent_(send_ring) {
  CUBBY_ASSERT(number < kCount && std::has_single_bit(receive_ring.size()) && std::has_single_bit(send_ring.size()));
  const InterruptLock lock;
  uarts[number] = this;
}

void Uart::start(std::uint32_t baud) {
  auto& registers = uart_registers(number_);
  const std::uint32_t divisor = kCoreHz / baud;
  registers.divisor = divisor < kDivisorMin ? kDivisorMin : divisor;
  registers.control = kSendEnable | kReceiveEnable | kSendInterrupt | kReceiveInterrupt;
  enable_interrupt(2 * number_);
  enable_interrupt(2 * number_ + 1);
}

Status Uart::send(Bytes bytes) {
  const InterruptLock lock;
  if (bytes.size() > unsent_.room()) {
    return unsent_.size() == 0 ? Status::kBadInput : Status::kBusy;
  }
  for (const std::byte byte : bytes) {
    unsent_.put(byte);
  }
  feed();
  return Status::kOk;
}

std::size_t Uart::receive(MutableBytes into) {
  const InterruptLock lock;
  std::size_t size = 0;
  while (size < into.size() && received_.size() > 0) {
    into[size++] = received_.take();
  }
  drain();
  return size;
}

std::size_t Uart::unsent() const {
  const InterruptLock lock;
  return unsent_.size();
}

std::size_t Uart::waiting() const {
  const InterruptLock lock;
  return received_.size();
}

void Uart::discard() {
  const InterruptLock lock;
  unsent_.clear();
  received_.clear();
  drain();
}

// Cleared before the register is read: reading makes room for the next byte, and clearing after that could take its
// interrupt with it, and with it every later one.
void Uart::drain() {
  auto& registers = uart_registers(number_);
  registers.interrupts = kReceiveDone;
  while ((registers.state & kReceiveFull) != 0 && received_.room() > 0) {
    received_.put(static_cast<std::byte>(registers.data));
  }
}

void Uart::feed() {
  auto& registers = uart_registers(number_);
  registers.interrupts = kSendDone;
  while ((registers.state & kSendFull) == 0 && unsent_.size() > 0) {
    registers.data = static_cast<std::uint32_t>(unsent_.take());
  }
}

void Uart::on_receive_interrupt(unsigned number) {
  uarts[number]->drain();
}

void Uart::on_send_interrupt(unsigned number) {
  uarts[number]->feed();
}

void console(const char* text) {
  for (; *text != '\0'; ++text) {
    console_byte(*text);
  }
}

void console(const char* text, std::uint32_t number) {
  std::array<char, 11> digits{};
  std::size_t at = digits.size() - 1;
  do {
    digits[--at] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  console(text);
  console(&digits[at]);
}

void console_hex(const char* text, std::uint32_t number) {
  console(text);
  for (int shift = 28; shift >= 0; shift -= 4) {
    console_byte("0123456789abcdef"[number >> shift & 15]);
  }
}

}  // namespace cubby::cortex_m3

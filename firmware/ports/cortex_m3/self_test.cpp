// cubby-self-test: what the port is made of, on the board alone. Says what it found
// on UART 3 and ends QEMU with 0 if all of it is right. UART 0 has to be a line that echoes.
#include <array>

#include "firmware/base/assert.h"
#include "firmware/base/digest.h"
#include "firmware/base/hotp.h"
#include "firmware/ports/cortex_m3/board_watchdog.h"
#include "firmware/ports/cortex_m3/devices.h"
#include "firmware/ports/cortex_m3/fault.h"
#include "firmware/ports/cortex_m3/memory_map.h"
#include "firmware/ports/cortex_m3/nor_region.h"
#include "firmware/ports/cortex_m3/semihosting.h"
#include "firmware/ports/cortex_m3/time_base.h"
#include "firmware/ports/cortex_m3/uart.h"

namespace {

using namespace cubby;
using namespace cubby::cortex_m3;

constexpr Duration kEchoWithin = Duration::seconds(5);

// One of each kind that start-up has to prepare.
volatile int initialised = 4711;
volatile int zeroed;
struct Constructed {
  Constructed() : value(initialised + 1) {}
  int value;
} constructed;

void check(bool holds, const char* what) {
  console(holds ? "ok: " : "FAILED: ");
  console(what);
  console("\n");
  if (!holds) {
    leave_emulator(1);
  }
}

std::array<std::byte, 16> receive_ring;
std::array<std::byte, 256> send_ring;

/// A ring of 16 bytes takes 256: the rest waits in the device and on the line.
bool echo_comes_back(Uart& uart) {
  std::array<std::byte, 256> sent{};
  for (std::size_t i = 0; i < sent.size(); ++i) {
    sent[i] = static_cast<std::byte>(i);
  }
  if (uart.send(sent) != Status::kOk) {
    return false;
  }
  std::size_t came = 0;
  const Instant until = time_now() + kEchoWithin;
  while (came < sent.size() && time_now() < until) {
    std::array<std::byte, 10> chunk{};
    const std::size_t size = uart.receive(chunk);
    for (std::size_t i = 0; i < size; ++i) {
      if (chunk[i] != sent[came++]) {
        return false;
      }
    }
    if (size == 0) {
      doze_until(until);
    }
  }
  return came == sent.size();
}

/// The echo shows what left: to hang up is an empty frame, and then comes a wait in which nothing may.
void check_link(Uart& uart) {
  UartLink link(uart);
  const std::array<std::byte, 1> frame{std::byte{0x42}};
  std::array<std::byte, 4> came{};
  check(link.send(frame) == Status::kNotSent, "nothing is sent before the link is up");
  check(link.connect() == Status::kOk && link.state() == hal::LinkState::kUp, "the first connection is there");
  link.close();
  check(link.state() == hal::LinkState::kDown && link.connect() == Status::kOk, "the second one has to come");
  check(link.state() == hal::LinkState::kConnecting && link.send(frame) == Status::kNotSent, "and is waited for");
  const Instant up_at = link.deadline();
  while (time_now() < up_at) {
    doze_until(up_at);
  }
  check(uart.receive(came) == 1 && came[0] == std::byte{}, "an empty frame has left");
  check(link.state() == hal::LinkState::kUp && link.send(frame) == Status::kOk, "then it is up");
}

bool sleeps_as_told() {
  const Instant begun = time_now();
  const Instant until = begun + Duration::milliseconds(20);
  while (time_now() < until) {
    doze_until(until);
  }
  return time_now() - begun < Duration::seconds(2);
}

[[gnu::noinline]] std::uint32_t divide(std::uint32_t by) {
  return 1'000 / by;
}

[[gnu::noinline]] int sink(int depth) {  // NOLINT(misc-no-recursion): that is the point.
  const volatile int kept = depth;
  return depth == zeroed - 1 ? 0 : sink(depth + 1) + kept;
}

/// Each boot ends the next in another way; the last one finds all of them recorded.
void provoke(const std::optional<FaultRecord>& last) {
  if (!last.has_value()) {
    console("boot 1: an assertion fails\n");
    CUBBY_ASSERT(initialised == 0);
  }
  tell(*last);
  if (last->in_a_row == 1) {
    check(last->kind == FaultKind::kAssertion && last->line > 0, "an assertion was recorded");
    console("boot 2: a division by 0\n");
    check(divide(static_cast<std::uint32_t>(zeroed)) == 0, "a division by 0 stops");
  }
  if (last->in_a_row == 2) {
    check(last->kind == FaultKind::kCore && last->pc != 0, "a core fault was recorded");
    console("boot 3: the stack overflows\n");
    check(sink(0) == 0, "a stack that overflows stops");
  }
  if (last->in_a_row == 3) {
    check(last->kind == FaultKind::kCore && (last->status & 0xFF) != 0, "a full stack was recorded");
    console("boot 4: the watchdog is not fed\n");
    start_watchdog(Duration::milliseconds(20));
    const Instant until = time_now() + kEchoWithin;
    while (time_now() < until) {
    }
    check(false, "the watchdog resets");
  }
  check(last->in_a_row == 4 && last->kind == FaultKind::kWatchdog && last->pc != 0, "the watchdog was recorded");
}

template <std::size_t kSize>
bool starts_with(const std::array<std::byte, kSize>& digest, std::uint32_t first) {
  return digest[0] == std::byte(first >> 24) && digest[1] == std::byte(first >> 16) &&
         digest[2] == std::byte(first >> 8) && digest[3] == std::byte(first);
}

// The published vectors of tests/unit/base/digests_test.cpp.
void check_digests() {
  const std::array<Bytes, 2> message{as_bytes("abcdbcdecdefdefgefgh"),
                                     as_bytes("fghighijhijkijkljklmklmnlmnomnopnopq")};
  check(starts_with(sha256(message), 0x248D6A61), "SHA-256");
  std::array<std::byte, 131> long_key{};
  long_key.fill(std::byte{0xAA});
  const std::array<Bytes, 1> large{as_bytes("Test Using Larger Than Block-Size Key - Hash Key First")};
  check(starts_with(hmac_sha256(long_key, large), 0x60E43159), "HMAC-SHA-256");
  check(starts_with(hmac_sha1(as_bytes("Jefe"), as_bytes("what do ya want for nothing?")), 0xEFFCDF6A), "HMAC-SHA-1");
  std::array<std::byte, 22> key{};
  key.fill(std::byte{0x0B});
  const std::array<Bytes, 1> nothing{Bytes{}};
  check(starts_with(hkdf_sha256(key, nothing), 0x8DA4E775), "HKDF-SHA-256");
  constexpr std::array<std::uint32_t, 4> kCodes{755224, 287082, 359152, 969429};
  for (std::size_t counter = 0; counter < kCodes.size(); ++counter) {
    check(hotp(as_bytes("12345678901234567890"), counter, 6) == kCodes[counter], "HOTP");
  }
}

/// On the second sector of the numbers of boots: nobody's here.
void check_flash() {
  NorRegion flash({.sector_count = kBootsSectors}, reinterpret_cast<volatile std::byte*>(kBootsAt));
  std::array<std::byte, 3> cells{};
  const std::array<std::byte, 3> data{std::byte{1}, std::byte{0}, std::byte{0xFF}};
  const Instant begun = time_now();
  check(flash.erase(1) == Status::kOk && time_now() - begun >= Duration::milliseconds(40), "an erase takes its time");
  check(flash.read(4096, cells) == Status::kOk && cells[0] == std::byte{0xFF}, "and leaves FF");
  check(flash.program(4096, data) == Status::kOk && flash.read(4096, cells) == Status::kOk && cells == data,
        "a program");
  check(flash.program(4096, data) == Status::kIo, "a cell is not programmed twice");
}

/// Different from boot to boot with the same seed, over more boots than a sector holds.
void check_random() {
  NorRegion boots({.sector_count = kBootsSectors}, reinterpret_cast<volatile std::byte*>(kBootsAt));
  check(boots.erase(0) == Status::kOk && boots.erase(1) == Status::kOk, "blank sectors");
  const std::array<std::byte, 32> seed{};
  std::array<std::byte, 8> before{};
  bool differs = true;
  for (int boot = 0; boot < 600; ++boot) {
    SeededRandom random(seed, boots);
    std::array<std::byte, 8> bytes{};
    differs = random.fill(bytes) == Status::kOk && bytes != before && differs;
    before = bytes;
  }
  check(differs, "600 boots have 600 random numbers");
}

void check_supply() {
  const volatile std::uint32_t input = 0;
  const BoardSupply supply(input, hal::ResetCause::kPowerOn);
  check(supply.supply() == hal::Supply::kMains, "the supply is there");
  registers_at<volatile std::uint32_t>(0xE000'E200) = std::uint32_t{1} << kBrownOutInterrupt;
  asm volatile("dsb\n isb");
  check(supply.supply() == hal::Supply::kFailing, "a brown-out is heard of");
}

}  // namespace

int main() {
  check(initialised == 4711 && zeroed == 0 && constructed.value == 4712, "data, bss and constructors");
  start_time();
  provoke(take_fault());
  check(sleeps_as_told(), "the clock goes and sleep ends");
  check_digests();
  check_flash();
  check_random();
  check_supply();
  Uart uart(0, receive_ring, send_ring);
  uart.start(115'200);
  check(echo_comes_back(uart), "256 bytes went out on UART 0 and came back");
  check_link(uart);
  console("stack used: ", stack_used());
  console("\n");
  check(stack_used() > 0 && stack_used() < stack_size(), "the stack's paint");
  console("self-test passed\n");
  leave_emulator(0);
}

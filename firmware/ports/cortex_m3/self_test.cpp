// cubby-self-test: the start-up code, the clock, the UARTs and the fault record, on the board alone. Says what it found
// on UART 3 and ends QEMU with 0 if all of it is right. UART 0 has to be a line that echoes.
#include <array>

#include "firmware/base/assert.h"
#include "firmware/ports/cortex_m3/fault.h"
#include "firmware/ports/cortex_m3/memory_map.h"
#include "firmware/ports/cortex_m3/semihosting.h"
#include "firmware/ports/cortex_m3/time_base.h"
#include "firmware/ports/cortex_m3/uart.h"

namespace {

using namespace cubby;
using namespace cubby::cortex_m3;

constexpr Duration kEchoWithin = Duration::seconds(5);

// One of each kind that start-up has to prepare.
int initialised = 4711;
int zeroed;
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
  check(last->in_a_row == 2 && last->kind == FaultKind::kCore && last->pc != 0, "a core fault was recorded");
}

}  // namespace

int main() {
  check(initialised == 4711 && zeroed == 0 && constructed.value == 4712, "data, bss and constructors");
  start_time();
  provoke(take_fault());
  check(sleeps_as_told(), "the clock goes and sleep ends");
  Uart uart(0, receive_ring, send_ring);
  uart.start(115'200);
  check(echo_comes_back(uart), "256 bytes went out on UART 0 and came back");
  console("stack used: ", stack_used());
  console("\n");
  check(stack_used() > 0 && stack_used() < stack_size(), "the stack's paint");
  console("self-test passed\n");
  leave_emulator(0);
}

// cubby-cortex-m3-lockstep: the controller on the board, in the emulator's time and world. UART 0 is the stream to the
// emulator, 3 the console; docs/spec/lockstep.md.
#include <algorithm>
#include <array>

#include "firmware/ports/cortex_m3/fault.h"
#include "firmware/ports/cortex_m3/time_base.h"
#include "firmware/ports/cortex_m3/uart.h"
#include "firmware/ports/lockstep/guest.h"

namespace {

using namespace cubby;
using namespace cubby::cortex_m3;

constexpr std::uint32_t kBaud = 1'000'000;
constexpr Duration kDoze = Duration::seconds(1);

std::array<std::byte, 512> received;
std::array<std::byte, 512> unsent;

/// Sleeps while there is nothing to do: whoever waits for the emulator has no deadline, since it has no time.
class UartStream final : public lockstep::ByteStream {
 public:
  explicit UartStream(Uart& uart) : uart_(uart) {}

 private:
  Status do_write(Bytes bytes) override {
    while (!bytes.empty()) {
      const std::size_t size = std::min(bytes.size(), unsent.size() - uart_.unsent());
      if (size == 0) {
        doze_until(time_now() + kDoze);
        continue;
      }
      CUBBY_TRY(uart_.send(bytes.first(size)));
      bytes = bytes.subspan(size);
    }
    return Status::kOk;
  }
  Result<std::size_t> do_read(MutableBytes into) override {
    for (;;) {
      if (const std::size_t size = uart_.receive(into); size > 0) {
        return size;
      }
      doze_until(time_now() + kDoze);
    }
  }

  Uart& uart_;
};

}  // namespace

int main() {
  console("\ncubby-cortex-m3-lockstep\n");
  if (const auto fault = take_fault(); fault.has_value()) {
    tell(*fault);
  }
  start_time();
  static Uart uart(0, received, unsent);
  static UartStream stream(uart);
  static lockstep::Guest guest(stream, "cortex-m3");
  uart.start(kBaud);
  const Status status = guest.run();
  console("the emulator sent something that is no order: status ", static_cast<std::uint32_t>(status));
  console("\n");
  for (;;) {
    doze_until(time_now() + kDoze);  // The emulator cuts the power.
  }
}

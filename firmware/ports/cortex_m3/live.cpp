// cubby-cortex-m3: the controller of one cabinet on the board, in real time. UART 0 is the aggregator, 1 the lock
// boards, 2 the front panel, 3 the console; docs/cortex-m3.md.
#include <algorithm>
#include <array>
#include <memory>
#include <new>

#include "firmware/app/assembly.h"
#include "firmware/hal/held_keys.h"
#include "firmware/ports/cortex_m3/board_watchdog.h"
#include "firmware/ports/cortex_m3/devices.h"
#include "firmware/ports/cortex_m3/fault.h"
#include "firmware/ports/cortex_m3/memory_map.h"
#include "firmware/ports/cortex_m3/nor_region.h"
#include "firmware/ports/cortex_m3/time_base.h"

namespace {

using namespace cubby;
using namespace cubby::cortex_m3;

constexpr std::string_view kFirmwareVersion = "cubby 0.1.0";
constexpr std::uint32_t kLinkBaud = 1'000'000;
constexpr std::uint32_t kPanelBaud = 9'600;
// Of an erase before it; an exchange that begins so late reaches into the next slot by less.
constexpr Duration kTickLateness = Duration::milliseconds(20);
constexpr Duration kWaitMost = Duration::seconds(1);  // The watchdog is fed by ticks.
constexpr Duration kLastedAfter = Duration::minutes(1);

// A frame up goes into its ring whole; what comes waits on the line when a ring is full.
std::array<std::byte, 512> link_received;
std::array<std::byte, 4096> link_unsent;
std::array<std::byte, 256> bus_received;
std::array<std::byte, limits::kBusFrameMax> bus_unsent;
std::array<std::byte, 256> panel_received;
std::array<std::byte, 512> panel_unsent;

/// Storage of something that is made in main() and never ends.
template <typename T>
class Static {
 public:
  template <typename... Arguments>
  T& make(Arguments&&... arguments) {
    return *new (storage_) T(std::forward<Arguments>(arguments)...);
  }

 private:
  alignas(T) std::byte storage_[sizeof(T)];
};

Static<app::Assembly> assembly_storage;

/// What the controller does, on the console: numbers only, nothing that a person said.
class ConsoleTrace final : public TraceSink {
 private:
  void on_event(std::uint64_t seq, Bytes) override {
    console("event ", static_cast<std::uint32_t>(seq));
    console("\n");
  }
  void on_compartment(std::uint8_t, std::uint8_t, std::uint8_t) override {}
  void on_uplink(std::uint8_t, std::uint8_t to) override {
    console("uplink ", to);
    console("\n");
  }
};

hal::ResetCause begin() {
  console("\ncubby-cortex-m3, ");
  console(kFirmwareVersion.data());
  console("\n");
  const auto fault = take_fault();
  if (fault.has_value()) {
    tell(*fault);
  }
  start_time();
  start_watchdog(BoardWatchdog::kWithin);
  return fault.has_value() ? hal::ResetCause::kWatchdog : hal::ResetCause::kPowerOn;
}

/// Nobody can be served; doors stay locked.
[[noreturn]] void stay_out_of_service(const char* why) {
  console("out of service: ");
  console(why);
  console("\n");
  for (;;) {
    feed_watchdog();
    doze_until(time_now() + kWaitMost);
  }
}

void tell_stack() {
  static std::size_t told = 0;
  if (const std::size_t used = stack_used(); used > told) {
    told = used;
    console("stack ", used);
    console(" of ", stack_size());
    console("\n");
  }
}

[[noreturn]] void run(app::Assembly& controller, const UartLink& link, const std::array<Uart*, 3>& uarts) {
  bool lasted = false;
  Instant next = time_now();
  Instant look_at_stack{};
  for (;;) {
    const bool news = std::ranges::any_of(uarts, [](const Uart* uart) { return uart->waiting() > 0; });
    if (const Instant now = time_now(); news || now >= next) {
      next = std::min({controller.tick(now).earliest(), now + kWaitMost, link.deadline()});
      if (!lasted && now >= Instant{} + kLastedAfter) {
        lasted = true;
        note_lasted();
      }
      if (now >= look_at_stack) {
        look_at_stack = now + kWaitMost;
        tell_stack();
      }
    }
    doze_until(next);
  }
}

}  // namespace

int main() {
  const hal::ResetCause cause = begin();
  static app::StationPage page;
  const Bytes bytes(reinterpret_cast<const std::byte*>(kStationPageAt), app::kStationPageSize);
  if (app::read_station_page(bytes, page) != Status::kOk) {
    stay_out_of_service("no station page, or not of this version, or damaged");
  }
  static Uart link_uart(0, link_received, link_unsent);
  static Uart bus_uart(1, bus_received, bus_unsent);
  static Uart panel_uart(2, panel_received, panel_unsent);
  link_uart.start(kLinkBaud);
  panel_uart.start(kPanelBaud);

  static NorRegion journal({.sector_count = kJournalSectors}, reinterpret_cast<volatile std::byte*>(kJournalAt));
  static NorRegion boots({.sector_count = kBootsSectors}, reinterpret_cast<volatile std::byte*>(kBootsAt));
  static UartBus bus(bus_uart);
  static UartLink link(link_uart);
  static UartPanel panel(panel_uart);
  static CentreClock clock;
  static BoardSupply supply(*reinterpret_cast<const volatile std::uint32_t*>(kSupplyInputAt), cause);
  static hal::HeldKeys keys(page.station_keys, page.pass_key);
  static SeededRandom random(page.seed, boots);
  static BoardWatchdog watchdog;
  static ConsoleTrace trace;

  app::Assembly& controller =
      assembly_storage.make(hal::Hardware{.bus = bus,
                                          .flash = journal,
                                          .clock = clock,
                                          .power = supply,
                                          .link = link,
                                          .panel = panel,
                                          .keys = keys,
                                          .random = random,
                                          .watchdog = watchdog,
                                          .trace = &trace},
                            app::AssemblyOptions{.config = page.config,
                                                 .firmware_version = kFirmwareVersion,
                                                 .announce_new_journal = page.announce_new_journal,
                                                 .tick_lateness = kTickLateness,
                                                 // The region wears out as little as a file does.
                                                 .boot_wait_max = {}});
  bus.follow(controller.config());
  const Status status = controller.boot(time_now());
  if (status == Status::kBadInput || status == Status::kCorrupt) {
    stay_out_of_service("the configuration is refused");
  }
  console(status == Status::kOk ? "serving\n" : "out of service: the journal cannot be used\n");
  run(controller, link, {&link_uart, &bus_uart, &panel_uart});
}

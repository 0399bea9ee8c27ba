#pragma once

#include <array>

#include "cubby/v1/config.nanopb.h"
#include "firmware/app/station_page.h"
#include "firmware/hal/hardware.h"
#include "firmware/ports/cortex_m3/uart.h"

/// The controller's hardware interfaces on the board, but for flash and watchdog, which have files of their own.
namespace cubby::cortex_m3 {

/// The lock boards' segment behind a transceiver that turns the line round by itself.
class UartBus final : public hal::SerialBus {
 public:
  explicit UartBus(Uart& uart) : uart_(uart) {}
  /// Says the segment's speed from Assembly::boot() on, which reads it; must outlive the bus.
  void follow(const cubby_v1_StationConfig& config) { config_ = &config; }

 private:
  Status do_send(Bytes frame, Instant now, bool idle) override;
  std::size_t do_receive(MutableBytes into, Instant now) override;
  Instant do_next_arrival() const override { return Instant::max(); }  // The loop ticks when bytes arrive.
  std::int64_t do_byte_time_us() const override;

  Uart& uart_;
  const cubby_v1_StationConfig* config_ = nullptr;
  bool started_ = false;
};

/// A byte stream to the aggregator behind a UART, without a line that says whether somebody is connected: it is always
/// up, and only the uplink's deadlines find out that nobody is. To hang up is a frame that no aggregator takes, an
/// empty one, upon which it closes; whoever carries the stream is then given time to connect anew.
class UartLink final : public hal::NetworkLink {
 public:
  static constexpr Duration kReconnectWithin = Duration::milliseconds(1'500);

  explicit UartLink(Uart& uart) : uart_(uart) {}
  /// When the state changes by itself; Instant::max(): it does not.
  Instant deadline() const { return state_ == hal::LinkState::kConnecting ? up_at_ : Instant::max(); }

 private:
  Status do_connect() override;
  hal::LinkState do_state() const override;
  Status do_send(Bytes bytes) override;
  std::size_t do_receive(MutableBytes into) override { return uart_.receive(into); }
  void do_close() override;

  Uart& uart_;
  hal::LinkState state_ = hal::LinkState::kDown;
  Instant up_at_{};
};

/// The front panel, always there as far as anybody can tell.
class UartPanel final : public hal::FrontPanel {
 public:
  explicit UartPanel(Uart& uart) : uart_(uart) {}

 private:
  std::size_t do_receive(MutableBytes into) override { return uart_.receive(into); }
  Status do_send(Bytes bytes) override { return uart_.send(bytes) == Status::kOk ? Status::kOk : Status::kBusy; }

  Uart& uart_;
};

/// UTC as the centre said it, on SysTick; unknown after each reset, since the board has no clock with a battery.
class CentreClock final : public hal::Clock {
 private:
  std::optional<std::uint64_t> do_utc_ms() const override;
  void do_set_utc_ms(std::uint64_t utc_ms) override;

  std::optional<std::uint64_t> at_start_ms_;
};

/// The supply, as the board's input register says it (docs/cortex-m3.md): 0 mains, 1 battery, 2 failing. A brown-out
/// interrupt says "failing" at once, and for a while.
class BoardSupply final : public hal::PowerMonitor {
 public:
  static constexpr Duration kFailingFor = Duration::milliseconds(500);

  BoardSupply(const volatile std::uint32_t& input, hal::ResetCause cause);
  /// In the interrupt.
  static void note_brown_out();

 private:
  hal::Supply do_supply() const override;
  hal::ResetCause do_reset_cause() const override { return cause_; }

  const volatile std::uint32_t& input_;
  hal::ResetCause cause_;
};

/// Random numbers of a board that has no source of them: docs/spec/station-page.md.
class SeededRandom final : public hal::RandomSource {
 public:
  /// `boots` are two sectors of 4 KiB that keep the number of the boot. Makes this boot's number durable.
  SeededRandom(Bytes seed, hal::NorFlash& boots);

 private:
  Status do_fill(MutableBytes into) override;
  Status count_boot(hal::NorFlash& boots);

  std::uint64_t boot_ = 0;
  std::array<std::byte, 32> key_{};
  bool ready_ = false;
};

}  // namespace cubby::cortex_m3

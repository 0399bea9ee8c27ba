#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "firmware/base/trace.h"
#include "firmware/hal/hardware.h"
#include "firmware/wire/lockstep/protocol.h"

/// The hardware of a controller whose world is at the other end of a stream.
namespace cubby::lockstep {

/// Everything that the parts below share: the channel and what the world said last. When the channel has failed, each
/// part says what it would say if its device were gone.
struct WorldView {
  Channel& channel;
  Inputs inputs;
  std::int64_t byte_time_us = 0;
  hal::ResetCause reset_cause = hal::ResetCause::kPowerOn;
  hal::FlashGeometry geometry;

  /// Asks, and waits for the answer. Valid until the next question.
  Result<Bytes> ask(Message question, Bytes head, Bytes tail = {});
  /// The same, of a question whose answer is a status and nothing more.
  Status ask_status(Message question, Bytes head, Bytes tail = {});
  /// Of a question for bytes, until `into` is full or no more wait.
  std::size_t ask_for_bytes(Message question, MutableBytes into, std::uint8_t waits);
};

class RemoteBus final : public hal::SerialBus {
 public:
  explicit RemoteBus(WorldView& world) : world_(world) {}

 private:
  Status do_send(Bytes frame, Instant now, bool idle) override;
  std::size_t do_receive(MutableBytes into, Instant now) override;
  Instant do_next_arrival() const override { return world_.inputs.next_arrival; }
  std::int64_t do_byte_time_us() const override { return world_.byte_time_us; }
  WorldView& world_;
};

class RemoteFlash final : public hal::NorFlash {
 public:
  explicit RemoteFlash(WorldView& world) : world_(world) {}
  /// A new order has come: what the world promised holds no more.
  void forget() { blank_end_ = 0; }

 private:
  const hal::FlashGeometry& do_geometry() const override { return world_.geometry; }
  Status do_read(std::uint32_t address, MutableBytes into) override;
  Status do_program(std::uint32_t address, Bytes data) override;
  Status do_erase(std::uint32_t sector) override;
  WorldView& world_;
  // The world's promise about [begin, end): it reads FF, until something is programmed or erased or the order ends.
  std::uint32_t blank_begin_ = 0;
  std::uint32_t blank_end_ = 0;
};

class RemoteClock final : public hal::Clock {
 public:
  explicit RemoteClock(WorldView& world) : world_(world) {}

 private:
  std::optional<std::uint64_t> do_utc_ms() const override;
  void do_set_utc_ms(std::uint64_t utc_ms) override;
  WorldView& world_;
};

class RemoteSupply final : public hal::PowerMonitor {
 public:
  explicit RemoteSupply(WorldView& world) : world_(world) {}

 private:
  hal::Supply do_supply() const override { return world_.inputs.supply; }
  hal::ResetCause do_reset_cause() const override { return world_.reset_cause; }
  WorldView& world_;
};

class RemoteLink final : public hal::NetworkLink {
 public:
  explicit RemoteLink(WorldView& world) : world_(world) {}

 private:
  Status do_connect() override;
  hal::LinkState do_state() const override { return world_.inputs.link; }
  Status do_send(Bytes bytes) override;
  std::size_t do_receive(MutableBytes into) override;
  void do_close() override;
  WorldView& world_;
};

class RemotePanel final : public hal::FrontPanel {
 public:
  explicit RemotePanel(WorldView& world) : world_(world) {}

 private:
  std::size_t do_receive(MutableBytes into) override;
  Status do_send(Bytes bytes) override;
  WorldView& world_;
};

class RemoteRandom final : public hal::RandomSource {
 public:
  explicit RemoteRandom(WorldView& world) : world_(world) {}

 private:
  Status do_fill(MutableBytes into) override;
  WorldView& world_;
};

/// The host's deadline watches over a guest.
class HostWatches final : public hal::Watchdog {
  void do_feed() override {}
};

class RemoteTrace final : public TraceSink {
 public:
  explicit RemoteTrace(WorldView& world) : world_(world) {}

 private:
  void on_event(std::uint64_t seq, Bytes payload) override;
  void on_compartment(std::uint8_t number, std::uint8_t from, std::uint8_t to) override;
  void on_uplink(std::uint8_t, std::uint8_t) override {}  // No part of a trace.
  WorldView& world_;
};

}  // namespace cubby::lockstep
